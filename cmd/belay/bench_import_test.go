package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"belay/rollout"
	"belay/rollout/world"
)

// BenchmarkImport runs the shipped `belay reports import` over a Maildir into a new
// store: the mails are read, their signatures verified, and the reports kept as they
// came, summed up and committed durably. Beside each run, and by the same number of
// workers, the same files are read as little as any reader can: read, base64, gunzip,
// json.Valid. Both are done five times, in turn, and the medians stand in the
// result, so that other work on the machine troubles both alike.
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

			var least, whole, ratio, peak []float64
			var size int64
			for b.Loop() {
				watch := world.Start()
				if err := readLeast(filepath.Join(maildir, "cur"), 2); err != nil {
					b.Fatal(err)
				}
				floor := watch.Elapsed().Seconds()

				state := b.TempDir()
				run := exec.Command(binary, "--state", state, "--resolver", resolver,
					"reports", "import", "--domain", reportedDomain, "--json", maildir)
				run.Env = append(os.Environ(), "GOMAXPROCS=2")
				var errs bytes.Buffer
				run.Stderr = &errs
				watch = world.Start()
				out, err := run.Output()
				took := watch.Elapsed().Seconds()
				if err != nil {
					b.Fatalf("%v\n%s%s", err, out, errs.Bytes())
				}
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
				least, whole, ratio = append(least, floor), append(whole, took), append(ratio, floor/took)
				peak = append(peak, peakOf(run.ProcessState))
			}
			b.ReportMetric(float64(*mails)/median(whole), "mails/s")
			b.ReportMetric(float64(*mails)/median(least), "least-mails/s")
			b.ReportMetric(median(ratio), "ratio")
			b.ReportMetric(slices.Max(peak), "MiB-peak")
			b.ReportMetric(float64(size)/float64(*mails), "store-B/report")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// readLeast does with each mail in dir what no reader of reports can do without.
func readLeast(dir string, workers int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	names := make(chan string)
	failed := make([]error, workers)
	var running sync.WaitGroup
	for i := range workers {
		running.Go(func() {
			var l leastReader
			for name := range names {
				if err := l.read(filepath.Join(dir, name)); err != nil && failed[i] == nil {
					failed[i] = fmt.Errorf("%s: %w", name, err)
				}
			}
		})
	}
	for _, entry := range entries {
		names <- entry.Name()
	}
	close(names)
	running.Wait()
	return errors.Join(failed...)
}

// leastReader keeps its buffers from mail to mail.
type leastReader struct {
	unzip *gzip.Reader
	wire  bytes.Reader
	text  bytes.Buffer
}

func (l *leastReader) read(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, part, _ := bytes.Cut(raw, []byte("Content-Transfer-Encoding: base64"))
	_, body, _ := bytes.Cut(part, []byte("\r\n\r\n"))
	body, _, found := bytes.Cut(body, []byte("--b1--"))
	if !found {
		return errors.New("no report in this mail")
	}
	n, err := base64.StdEncoding.Decode(body, body)
	if err != nil {
		return err
	}
	l.wire.Reset(body[:n])
	if l.unzip == nil {
		l.unzip, err = gzip.NewReader(&l.wire)
	} else {
		err = l.unzip.Reset(&l.wire)
	}
	if err != nil {
		return err
	}
	l.text.Reset()
	if _, err := io.Copy(&l.text, l.unzip); err != nil {
		return err
	}
	if !json.Valid(l.text.Bytes()) {
		return errors.New("no JSON")
	}
	return nil
}

