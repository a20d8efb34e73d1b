package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
	"belay/rollout/tlsrpt"
)

const policyText = "version: STSv1\nmode: testing\nmx: mx1.corp.test\nmax_age: 86400"

// report is one Google-like report about one day, changed as the row wants.
func report(id string, change ...func(*rollout.ReceivedReport)) rollout.ReceivedReport {
	day := time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC)
	r := rollout.ReceivedReport{
		Report: tlsrpt.Report{
			OrganizationName: "Google Inc.", ReportID: id, Start: day, End: day.Add(rollout.Day - time.Second),
			Policies: []tlsrpt.Policy{{
				Type: tlsrpt.STS, Domain: "corp.test", Strings: strings.Split(policyText, "\n"), Successful: 100, Failed: 5,
				Failures: []tlsrpt.Failure{{Type: tlsrpt.CertificateExpired, ReceivingMX: "mx1.corp.test", Sessions: 3}},
			}},
		},
		Standing: rollout.Verified, Signer: "google.com", Submitter: "google.com",
		Source: "/var/mail/tls", Path: "/var/mail/tls/new/" + id, Raw: []byte("mail " + id), Received: june,
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func unsigned(r *rollout.ReceivedReport) { r.Standing, r.Signer = rollout.Unsigned, "" }
func pending(r *rollout.ReceivedReport)  { r.Standing, r.Signer = rollout.Pending, "" }
func by(org string) func(*rollout.ReceivedReport) {
	return func(r *rollout.ReceivedReport) { r.Signer, r.Submitter = org, org }
}
func from(source string) func(*rollout.ReceivedReport) {
	return func(r *rollout.ReceivedReport) { r.Source = source }
}
func inMail(raw string) func(*rollout.ReceivedReport) {
	return func(r *rollout.ReceivedReport) { r.Raw = []byte(raw) }
}
func sessions(n int64) func(*rollout.ReceivedReport) {
	return func(r *rollout.ReceivedReport) { r.Report.Policies[0].Successful = n }
}

func TestEachReportCountsOnce(t *testing.T) {
	const n, d, re = rollout.TakenNew, rollout.TakenDuplicate, rollout.TakenReplaced
	for _, row := range []struct {
		name    string
		reports []rollout.ReceivedReport
		want    []rollout.Taken
		sums    string // standing signer reports success, one line each
	}{
		{"sent twice", []rollout.ReceivedReport{report("1"), report("1")}, []rollout.Taken{n, d}, "verified google.com 1 100"},
		{"two reports of a day", []rollout.ReceivedReport{report("1"), report("2")}, []rollout.Taken{n, n}, "verified google.com 2 200"},
		{"verified takes the place of unsigned", []rollout.ReceivedReport{report("1", unsigned, sessions(7)), report("1")}, []rollout.Taken{n, re}, "verified google.com 1 100"},
		{"unsigned displaces nothing", []rollout.ReceivedReport{report("1"), report("1", unsigned, sessions(7))}, []rollout.Taken{n, d}, "verified google.com 1 100"},
		{"another signer with the same key stands beside", []rollout.ReceivedReport{report("1", by("evil.test"), sessions(7)), report("1")}, []rollout.Taken{n, n},
			"verified evil.test 1 7 | verified google.com 1 100"},
		{"another signer takes no unsigned report's place", []rollout.ReceivedReport{report("1", unsigned), report("1", by("evil.test"), sessions(7))}, []rollout.Taken{n, n},
			"unsigned  1 100 | verified evil.test 1 7"},
		{"unsigned twice from one source", []rollout.ReceivedReport{report("1", unsigned), report("1", unsigned)}, []rollout.Taken{n, d}, "unsigned  1 100"},
		{"a forged unsigned report keeps none of its own source out", []rollout.ReceivedReport{report("1", unsigned, sessions(7)), report("1", unsigned)}, []rollout.Taken{n, n}, "unsigned  2 107"},
		{"the same unsigned report from two places", []rollout.ReceivedReport{report("1", unsigned), report("1", unsigned, from("/tmp"))}, []rollout.Taken{n, d}, "unsigned  1 100"},
		{"a forged unsigned report keeps no other source's out", []rollout.ReceivedReport{report("1", unsigned, sessions(7)), report("1", unsigned, from("/trusted"))}, []rollout.Taken{n, n},
			"unsigned  1 100 | unsigned  1 7"},
		{"a pending mail fetched twice", []rollout.ReceivedReport{report("1", pending), report("1", pending)}, []rollout.Taken{n, d}, "pending  1 100"},
		{"a pending report displaces nothing", []rollout.ReceivedReport{report("1", unsigned), report("1", pending)}, []rollout.Taken{n, n}, "pending  1 100 | unsigned  1 100"},
		{"sent twice, and not the same", []rollout.ReceivedReport{report("1"), report("1", sessions(7), inMail("other"))}, []rollout.Taken{n, rollout.TakenDiffers}, "verified google.com 1 100"},
		{"one mail, read otherwise by now", []rollout.ReceivedReport{report("1"), report("1", sessions(7))}, []rollout.Taken{n, d}, "verified google.com 1 100"},
		{"two of a day without an id", []rollout.ReceivedReport{report(""), report("", sessions(7), inMail("other"))}, []rollout.Taken{n, n}, "verified google.com 2 107"},
		{"one without an id, sent twice", []rollout.ReceivedReport{report(""), report("", inMail("other"))}, []rollout.Taken{n, d}, "verified google.com 1 100"},
		{"two unsigned ones without an id", []rollout.ReceivedReport{report("", unsigned), report("", unsigned, sessions(7)), report("", unsigned)}, []rollout.Taken{n, n, d}, "unsigned  2 107"},
		{"without an id, verified takes the place of the same unsigned", []rollout.ReceivedReport{report("", unsigned), report("", unsigned, sessions(7)), report("")}, []rollout.Taken{n, n, re},
			"unsigned  1 7 | verified google.com 1 100"},
		{"verified where a pending one is", []rollout.ReceivedReport{report("1", pending), report("1")}, []rollout.Taken{n, n}, "pending  1 100 | verified google.com 1 100"},
	} {
		for _, batch := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, in one batch %v", row.name, batch), func(t *testing.T) {
				s := open(t, t.TempDir())
				var got []rollout.Taken
				for _, rs := range batches(row.reports, batch) {
					taken, err := s.AddReports(t.Context(), rs)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, taken...)
				}
				if !slices.Equal(got, row.want) {
					t.Errorf("taken %v, want %v", got, row.want)
				}
				if sums := brief(t, s); sums != row.sums {
					t.Errorf("sums are %q, want %q", sums, row.sums)
				}
			})
		}
	}
}

func batches(rs []rollout.ReceivedReport, one bool) [][]rollout.ReceivedReport {
	if one {
		return [][]rollout.ReceivedReport{rs}
	}
	return slices.Collect(slices.Chunk(rs, 1))
}

func days(t testing.TB, s *store.Store, domain string) []rollout.ReportDay {
	t.Helper()
	ds, err := s.ReportDays(context.Background(), domain, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func brief(t *testing.T, s *store.Store) string {
	var lines []string
	for _, d := range days(t, s, "corp.test") {
		lines = append(lines, fmt.Sprintf("%s %s %d %d", d.Standing, d.Signer, d.Reports, d.Success))
	}
	slices.Sort(lines)
	return strings.Join(lines, " | ")
}

func TestSumsSayWhatTheReportSaid(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{report("1")}); err != nil {
		t.Fatal(err)
	}
	got := days(t, s, "corp.test")
	want := []rollout.ReportDay{{
		Begins: time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC), Ends: time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC),
		Standing: rollout.Verified, Signer: "google.com", Submitter: "google.com", PolicyType: "sts", PolicyText: policyText,
		Reports: 1, Success: 100, Failure: 5, Unexplained: 2,
		Failures: []rollout.FailureCount{{Type: tlsrpt.CertificateExpired, MX: "mx1.corp.test", Count: 3}},
	}}
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if string(g) != string(w) {
		t.Errorf("sums are\n%s, want\n%s", g, w)
	}
	for since, want := range map[time.Time]int{got[0].Ends: 0, got[0].Ends.Add(-time.Second): 1} {
		if ds, err := s.ReportDays(t.Context(), "corp.test", since); err != nil || len(ds) != want {
			t.Errorf("since %s: %d sums, %v; want %d", since, len(ds), err, want)
		}
	}
}

func TestPeriodsEndAtTheNextMidnight(t *testing.T) {
	s := open(t, t.TempDir())
	day := time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC)
	for i, end := range []time.Time{day.Add(rollout.Day - time.Second), day.Add(rollout.Day)} {
		r := report(fmt.Sprint(i))
		r.Report.End = end
		if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{r}); err != nil {
			t.Fatal(err)
		}
	}
	if ds := days(t, s, "corp.test"); len(ds) != 1 || ds[0].Reports != 2 || !ds[0].Ends.Equal(day.Add(rollout.Day)) {
		t.Errorf("sums are %+v", ds)
	}
}

func TestTwinPoliciesOfOneReportStayApart(t *testing.T) {
	s := open(t, t.TempDir())
	twin := report("1", func(r *rollout.ReceivedReport) {
		r.Report.Policies = append(r.Report.Policies,
			tlsrpt.Policy{Type: tlsrpt.TLSA, Domain: "mx1.corp.test", Strings: []string{"3 1 1 AB"}, Successful: 100},
			tlsrpt.Policy{Type: tlsrpt.STS, Domain: "other.test", Successful: 9})
	})
	single := report("2", func(r *rollout.ReceivedReport) {
		r.Report.Policies = append(r.Report.Policies, tlsrpt.Policy{Type: tlsrpt.TLSA, Domain: "mx1.corp.test", Successful: 100})
	})
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{twin, single}); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, domain := range []string{"corp.test", "other.test", "mx1.corp.test"} {
		for _, d := range days(t, s, domain) {
			got[domain+" "+d.PolicyType] += d.Success
		}
	}
	want := map[string]int64{"corp.test sts": 200, "corp.test tlsa": 100, "other.test sts": 9, "mx1.corp.test tlsa": 100}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("sums are %v, want %v", got, want)
	}
}

func TestSettledReportsCountAsIfTheyHadComeSo(t *testing.T) {
	for _, row := range []struct {
		name     string
		before   []rollout.ReceivedReport
		standing rollout.Standing
		signer   string
		sums     string
	}{
		{"verified", nil, rollout.Verified, "google.com", "verified google.com 1 100"},
		{"unsigned after all", nil, rollout.Unsigned, "", "unsigned  1 100"},
		{"still pending", nil, rollout.Pending, "", "pending  1 100"},
		{"a duplicate of a verified one", []rollout.ReceivedReport{report("1", sessions(50))}, rollout.Verified, "google.com", "verified google.com 1 50"},
		{"in an unsigned one's place", []rollout.ReceivedReport{report("1", unsigned, sessions(7))}, rollout.Verified, "google.com", "verified google.com 1 100"},
		{"unsigned beside a verified one", []rollout.ReceivedReport{report("1", sessions(50))}, rollout.Unsigned, "", "verified google.com 1 50"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			if _, err := s.AddReports(t.Context(), append(row.before, report("1", pending))); err != nil {
				t.Fatal(err)
			}
			waiting, err := s.PendingReports(t.Context(), 0, 10)
			if err != nil || len(waiting) != 1 || string(waiting[0].Raw) != "mail 1" {
				t.Fatalf("pending: %+v, %v", waiting, err)
			}
			for range 2 { // settling again, as two processes might, changes nothing
				if err := s.SettlePending(t.Context(), waiting[0].ID, row.standing, row.signer); err != nil {
					t.Fatal(err)
				}
			}
			if sums := brief(t, s); sums != row.sums {
				t.Errorf("sums are %q, want %q", sums, row.sums)
			}
			waiting, _ = s.PendingReports(t.Context(), 0, 10)
			if left := len(waiting); (left == 1) != (row.standing == rollout.Pending) {
				t.Errorf("%d are pending still", left)
			}
		})
	}
}

// TestSumsAreTheSumOverTheReports states the property: whatever comes in
// whatever order, the sums are those of a store that was given only what stands.
func TestSumsAreTheSumOverTheReports(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		var rs []rollout.ReceivedReport
		for range 60 {
			r := report(fmt.Sprint(rnd.IntN(12)))
			if rnd.IntN(2) == 0 {
				unsigned(&r)
			}
			rs = append(rs, r)
		}
		s := open(t, t.TempDir())
		if _, err := s.AddReports(t.Context(), rs); err != nil {
			t.Fatal(err)
		}
		stands := map[string]rollout.Standing{}
		for _, r := range rs {
			if id := r.Report.ReportID; stands[id] != rollout.Verified {
				stands[id] = r.Standing
			}
		}
		want := map[rollout.Standing]int{}
		for _, st := range stands {
			want[st]++
		}
		got := map[rollout.Standing]int{}
		for _, d := range days(t, s, "corp.test") {
			got[d.Standing] += d.Reports
			if d.Success != int64(100*d.Reports) || len(d.Failures) != 1 || d.Failures[0].Count != int64(3*d.Reports) {
				t.Errorf("%d reports sum up to %+v", d.Reports, d)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("sums are %v, want %v", got, want)
		}
	}
}

func TestHostileReportsStayBounded(t *testing.T) {
	s := open(t, t.TempDir())
	huge := report("1", sessions(math.MaxInt64), func(r *rollout.ReceivedReport) {
		p := &r.Report.Policies[0]
		p.Failures = nil
		for i := range 1000 {
			p.Failures = append(p.Failures, tlsrpt.Failure{Type: tlsrpt.ResultType(fmt.Sprint("made-up-", i)), Sessions: math.MaxInt64, ReasonCode: strings.Repeat("ü", 5000) + fmt.Sprint(i)})
		}
		r.Report.OrganizationName = strings.Repeat("\xff\x00", 5000)
	})
	for i := range 8 {
		huge.Report.ReportID = fmt.Sprint(i)
		if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{huge}); err != nil {
			t.Fatal(err)
		}
	}
	ds := days(t, s, "corp.test")
	if len(ds) != 1 || ds[0].Success <= 0 || len(ds[0].Failures) > 300 {
		t.Fatalf("%d sums, success %d, %d failures", len(ds), ds[0].Success, len(ds[0].Failures))
	}
	for _, f := range ds[0].Failures {
		if f.Count <= 0 || len(f.Reason) > 200 {
			t.Errorf("failure with count %d and a reason of %d bytes", f.Count, len(f.Reason))
		}
	}
}

// reportForEver adds batches and says how many reports are written.
func reportForEver(dir string) {
	s, err := store.Open(context.Background(), dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := 0; ; i += 20 {
		var rs []rollout.ReceivedReport
		for j := range 20 {
			rs = append(rs, report(fmt.Sprint(i+j)))
		}
		if _, err := s.AddReports(context.Background(), rs); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(i + 20)
	}
}

func TestKilledImportLosesAndDoublesNothing(t *testing.T) {
	dir := t.TempDir()
	c, lines := child(t, "reports", dir)
	for range 5 {
		if !lines.Scan() {
			t.Fatal("the importer ended by itself")
		}
	}
	c.Process.Kill()
	for lines.Scan() {
	}
	c.Wait()
	s := open(t, dir)
	ds := days(t, s, "corp.test")
	if len(ds) != 1 || ds[0].Reports < 100 || ds[0].Reports%20 != 0 {
		t.Fatalf("sums after the kill: %+v", ds)
	}
	// The same import again, from the start: what was counted is not counted twice.
	killed := ds[0].Reports
	var again []rollout.ReceivedReport
	for i := range killed + 7 {
		again = append(again, report(fmt.Sprint(i)))
	}
	if _, err := s.AddReports(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if ds = days(t, s, "corp.test"); ds[0].Reports != killed+7 || ds[0].Success != int64(100*(killed+7)) {
		t.Errorf("after importing again: %+v", ds)
	}
}
