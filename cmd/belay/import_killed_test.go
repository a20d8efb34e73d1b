package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
)

// TestKilledImportLosesNothingAndCountsNothingTwice kills belay reports import, once
// after the first commit and once further on, and runs it again to its end. An import
// that is to be killed does not end by itself, however fast it is: after the Maildir it
// reads its standard input, which nobody closes.
func TestKilledImportLosesNothingAndCountsNothingTwice(t *testing.T) {
	const total = 2600
	belay, err := exec.LookPath("belay") // testscript put this very binary there
	if err != nil {
		t.Fatal(err)
	}
	maildir, state := newPostbag(t).fill(t, total, false), t.TempDir()
	args := []string{"--state", state, "reports", "import", "--domain", reportedDomain, "--json", maildir}
	told := &writings{}
	for _, kept := range []int{1, 1500} {
		run := exec.Command(belay, append(args, "-")...)
		run.Stdout, run.Stderr = told, told
		if _, err := run.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- run.Wait() }()
		for reports, _ := summedUp(t, state); reports < kept; reports, _ = summedUp(t, state) {
			select {
			case err := <-ended:
				t.Fatalf("the import ended by itself before %d reports were kept: %v\n%s", kept, err, told.b.Bytes())
			case <-time.After(10 * time.Millisecond):
			}
		}
		if err := run.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
	}
	before, sessions := summedUp(t, state)
	if before == 0 || before > total || sessions != int64(before)*1000 {
		t.Fatalf("after two kills %d of %d reports are kept, with %d sessions", before, total, sessions)
	}

	out, err := exec.Command(belay, args...).Output()
	var sum rollout.Intake
	if err == nil {
		err = json.Unmarshal(out, &sum)
	}
	if err != nil || sum.New != total-before || sum.Duplicates != before {
		t.Fatalf("the import that was let be: %d new, %d duplicates, %v; want %d and %d", sum.New, sum.Duplicates, err, total-before, before)
	}
	if reports, sessions := summedUp(t, state); reports != total || sessions != total*1000 {
		t.Errorf("%d reports with %d sessions, want %d with %d", reports, sessions, total, total*1000)
	}
}

// writings is what processes print.
type writings struct{ b bytes.Buffer }

func (w *writings) Write(p []byte) (int, error) { return w.b.Write(p) }

// summedUp is how many reports the store has summed up, and their good sessions.
func summedUp(t *testing.T, state string) (reports int, success int64) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(state, "belay.db")); err != nil {
		return 0, 0
	}
	s, err := store.Open(t.Context(), state)
	if err != nil {
		t.Fatal(fmt.Errorf("open the store: %w", err))
	}
	defer s.Close()
	days, err := s.ReportDays(t.Context(), reportedDomain, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range days {
		reports += d.Reports
		success += d.Success
	}
	return reports, success
}
