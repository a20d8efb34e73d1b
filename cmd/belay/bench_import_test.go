package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

// BenchmarkImport runs the shipped `belay reports import` over a Maildir into a new
// store: the mails are read, their signatures verified, and the reports kept as they
// came, summed up and committed durably. Before each run, and by as many workers, a
// process of its own does with the same files the least that any reader does: read,
// base64, gunzip, json.Valid. The medians stand in the result, and ratio is that of
// the two times; cpu-ratio is that of the processor's time that the two took, which
// other work on the machine troubles less.
//
//	go test ./cmd/belay -run '^$' -bench Import -benchtime 5x -cpu 2
func BenchmarkImport(b *testing.B) {
	binary := shipped(b)
	for _, bench := range []struct {
		name   string
		signed bool
	}{{"unsigned", false}, {"dkim", true}} {
		b.Run(bench.name, func(b *testing.B) {
			bag := newPostbag(b)
			maildir := bag.fill(b, *mails, bench.signed)
			resolver := bag.resolver(b)
			settle(b) // or belay's commits would wait for the mails to be on disk

			var least, whole, ratio, cpu, peak []float64
			var size int64
			for b.Loop() {
				_, floor := onTwo(b, exec.Command(inPath(b, leastReading), filepath.Join(maildir, "cur")))
				state := b.TempDir()
				out, took := onTwo(b, exec.Command(binary, "--state", state, "--resolver", resolver,
					"reports", "import", "--domain", reportedDomain, "--json", maildir))
				var sum rollout.Intake
				if err := json.Unmarshal(out, &sum); err != nil {
					b.Fatal(err)
				}
				if sum.New != *mails || bench.signed && sum.Verified != *mails {
					b.Fatalf("of %d mails: %.500s", *mails, out)
				}
				kept, err := os.Stat(filepath.Join(state, "belay.db"))
				if err != nil {
					b.Fatal(err)
				}
				size = kept.Size()
				least, whole = append(least, floor.wall.Seconds()), append(whole, took.wall.Seconds())
				ratio = append(ratio, floor.wall.Seconds()/took.wall.Seconds())
				cpu = append(cpu, floor.cpu.Seconds()/took.cpu.Seconds())
				peak = append(peak, took.peak)
			}
			b.ReportMetric(float64(*mails)/median(whole), "mails/s")
			b.ReportMetric(float64(*mails)/median(least), "least-mails/s")
			b.ReportMetric(median(ratio), "ratio")
			b.ReportMetric(median(cpu), "cpu-ratio")
			b.ReportMetric(slices.Max(peak), "MiB-peak")
			b.ReportMetric(float64(size)/float64(*mails), "store-B/report")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// toll is what a process cost.
type toll struct {
	wall, cpu time.Duration
	peak      float64 // memory, in MiB
}

// onTwo runs a process on two processors and returns what it printed.
func onTwo(b *testing.B, run *exec.Cmd) ([]byte, toll) {
	b.Helper()
	run.Env = append(os.Environ(), "GOMAXPROCS=2")
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	watch := world.Start()
	peak, err := runWatched(b, run)
	took := toll{wall: watch.Elapsed(), peak: peak}
	if err != nil {
		b.Fatalf("%s: %v\n%s%s", run.Path, err, out.Bytes(), errs.Bytes())
	}
	took.cpu = run.ProcessState.UserTime() + run.ProcessState.SystemTime()
	return out.Bytes(), took
}

// settle waits until what was written is on disk, where there is a command for it.
func settle(b *testing.B) {
	b.Helper()
	if path, err := exec.LookPath("sync"); err == nil {
		if out, err := exec.Command(path).CombinedOutput(); err != nil {
			b.Fatalf("sync: %v\n%s", err, out)
		}
	}
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
