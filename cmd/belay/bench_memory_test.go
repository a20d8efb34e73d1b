//go:build unix

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkResident runs the shipped binary on a store with a rollout and says, in
// MiB, how much of it is resident: on the phase screen before an import, at most
// while it imports the Maildir and verifies every signature, and afterwards.
//
//	go test ./cmd/belay -run '^$' -bench Resident -benchtime 1x
func BenchmarkResident(b *testing.B) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		b.Skip("there is no /proc to read the resident memory from")
	}
	bag := newPostbag(b)
	maildir := bag.fill(b, *mails, true)
	state := rolloutInReview(b, startLab(b, bag), maildir)
	binary, resolver := shipped(b), bag.resolver(b)

	for b.Loop() {
		s := onScreen(b, nil, binary, "--state", state, "--resolver", resolver, reportedDomain)
		s.awaitText("import reports")
		time.Sleep(3 * time.Second) // whatever a start leaves behind is gone by then
		idle, _ := s.resident()
		s.press("i")
		s.awaitText(fmt.Sprintf("%d reports new", *mails))
		_, peak := s.resident()
		time.Sleep(10 * time.Second)
		after, _ := s.resident()
		s.leave()
		b.ReportMetric(idle, "MiB-idle")
		b.ReportMetric(peak, "MiB-peak-import")
		b.ReportMetric(after, "MiB-after")
	}
}

// resident is how much of the wizard's memory is in RAM now, and was at most, in
// MiB.
func (s *screen) resident() (now, most float64) {
	s.b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		s.b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kib / 1024
		case "VmHWM":
			most = kib / 1024
		}
	}
	return now, most
}
