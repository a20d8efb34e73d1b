//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkFirstFrame starts the binary on a store that holds a rollout and its
// reports, and takes the time from there to the last byte of the first frame that
// shows the rollout.
//
//	go test ./cmd/belay -run '^$' -bench FirstFrame -benchtime 20x
func BenchmarkFirstFrame(b *testing.B) {
	bag := newPostbag(b)
	maildir := bag.fill(b, *mails, true)
	lab := startLab(b, bag)
	state := rolloutInReview(b, lab, maildir)
	w, err := visited(b.Context(), lab)
	if err != nil {
		b.Fatal(err)
	}
	runIn(b, w, state, "reports", "import", maildir)
	binary := shipped(b)

	b.ResetTimer()
	var took []time.Duration
	for b.Loop() {
		s := onScreen(b, nil, binary, "--state", state)
		took = append(took, s.awaitText(reportedDomain).Sub(s.started))
		s.leave()
	}
	b.ReportMetric(0, "ns/op")
	reportSpread(b, took)
}

// BenchmarkKeyToFrame presses 1,000 keys at random moments, while the same process
// looks at a domain over and over and imports a Maildir, on two cores, and takes the
// time from the byte written into the terminal to the last byte of the frame that
// shows what the key does. The keys open and close the help, which redraws nearly
// the whole window.
//
//	go test ./cmd/belay -run '^$' -bench KeyToFrame -benchtime 1x -cpu 2
func BenchmarkKeyToFrame(b *testing.B) {
	const keys = 1000
	bag := newPostbag(b)
	maildir := bag.fill(b, *mails, true)
	lab := startLab(b, bag)

	for b.Loop() {
		state := rolloutInReview(b, lab, maildir)
		s := onScreen(b, []string{"BELAY_BENCH_LAB=" + lab}, inPath(b, benchBelay), "--state", state, reportedDomain)
		s.awaitText("import reports")

		var took []time.Duration
		looks, imports := 0, 0
		for len(took) < keys {
			if len(took)%40 == 0 { // begins an import where none is under way
				s.awaitLook()
				s.press("i")
				imports++
			}
			if len(took)%10 == 0 { // the look before is over or given up
				s.press("r")
				looks++
			}
			for _, key := range []struct {
				press string
				shows func(text string) bool
			}{{"?", helpShown}, {"\x1b", helpHidden}} {
				time.Sleep(time.Duration(rand.IntN(50_000)) * time.Microsecond)
				pressed := s.press(key.press)
				took = append(took, s.await(fmt.Sprintf("what key %d, %q, does", len(took), key.press), key.shows).Sub(pressed))
			}
		}
		s.leave()
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(looks), "looks")
		reportSpread(b, took)
	}
}

func helpShown(text string) bool  { return strings.Contains(text, "Keys: "+reportedDomain) }
func helpHidden(text string) bool { return !helpShown(text) }

// awaitLook waits until the look under way is over.
func (s *screen) awaitLook() {
	s.b.Helper()
	over := func(text string) bool { return strings.Contains(text, "import reports") }
	if !over(s.shown.String()) {
		s.await("the end of a look", over)
	}
}

// reportSpread reports the median and the slow end of took.
func reportSpread(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[min(int(share*float64(len(took))), len(took)-1)].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "ms-p50")
	b.ReportMetric(at(0.9), "ms-p90")
	b.ReportMetric(at(0.99), "ms-p99")
	b.ReportMetric(at(1), "ms-max")
}
