package store_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"belay/rollout"
)

// BenchmarkAddReports takes in batches of 200 reports, as an import does, each a
// durable commit.
func BenchmarkAddReports(b *testing.B) {
	s := open(b, b.TempDir())
	next := 0
	b.ReportAllocs()
	for b.Loop() {
		batch := many(next, 200)
		next += len(batch)
		if _, err := s.AddReports(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "reports/s")
}

// BenchmarkReportDays reads the sums of 90 days over many reports of 40
// reporters: 20,000, or as many as BELAY_BENCH_REPORTS says.
func BenchmarkReportDays(b *testing.B) {
	total := 20_000
	if n, err := strconv.Atoi(os.Getenv("BELAY_BENCH_REPORTS")); err == nil {
		total = n
	}
	s := open(b, b.TempDir())
	for next := 0; next < total; next += 2000 {
		if _, err := s.AddReports(b.Context(), many(next, 2000)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		ds, err := s.ReportDays(b.Context(), "corp.test", time.Time{})
		if err != nil || len(ds) != 90*40 {
			b.Fatalf("%d sums, %v", len(ds), err)
		}
	}
	b.ReportMetric(float64(total), "reports")
}

// many are n different reports, the first of which is number first.
func many(first, n int) []rollout.ReceivedReport {
	rs := make([]rollout.ReceivedReport, n)
	for i := range rs {
		number := first + i
		reporter := fmt.Sprintf("reporter%d.test", number%40)
		r := report(fmt.Sprint(number), by(reporter))
		day := r.Report.Start.AddDate(0, 0, number/40%90)
		r.Report.Start, r.Report.End = day, day.Add(rollout.Day-time.Second)
		rs[i] = r
	}
	return rs
}
