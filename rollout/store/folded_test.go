package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
	"belay/rollout/tlsrpt"
)

// stranger is an unsigned report of a made-up submitter.
func stranger(i int, change ...func(*rollout.ReceivedReport)) rollout.ReceivedReport {
	return report(fmt.Sprint("stranger ", i), append([]func(*rollout.ReceivedReport){unsigned, from("https"), func(r *rollout.ReceivedReport) {
		r.Submitter = fmt.Sprintf("s%d.test", i)
	}}, change...)...)
}

func take(t *testing.T, s *store.Store, rs ...rollout.ReceivedReport) {
	t.Helper()
	if _, err := s.AddReports(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
}

// flood fills the sums of unproven reports.
func flood(t *testing.T, s *store.Store, n int, change ...func(*rollout.ReceivedReport)) {
	t.Helper()
	var rs []rollout.ReceivedReport
	for i := range n {
		rs = append(rs, stranger(i, change...))
	}
	take(t, s, rs...)
}

// TestAFloodDisplacesNoReportOfAnotherSource: what strangers post takes nothing away
// from a mailbox that is trusted.
func TestAFloodDisplacesNoReportOfAnotherSource(t *testing.T) {
	s := open(t, t.TempDir())
	flood(t, s, 2500)
	take(t, s, report("own", unsigned, from("/trusted")))
	for _, d := range days(t, s, "corp.test") {
		if d.Source == "/trusted" {
			if d.Submitter != "google.com" || d.PolicyType != "sts" || d.PolicyText != policyText || d.Failures[0].Count != 3 {
				t.Errorf("it stands as %+v", d)
			}
			return
		}
	}
	t.Error("it stands under no trusted source")
}

// TestAFloodWithinATrustedSourceHidesNoFailure: beyond the bound it cannot be told whose
// failures they are, but they are under sts, of that source and that day.
func TestAFloodWithinATrustedSourceHidesNoFailure(t *testing.T) {
	s := open(t, t.TempDir())
	flood(t, s, 2500, from("/trusted"))
	before := int64(0)
	for range 2 {
		var sts int64
		var others bool
		for _, d := range days(t, s, "corp.test") {
			if d.Source == "/trusted" && d.PolicyType == "sts" && d.Ends.Sub(d.Begins) == rollout.Day {
				sts += d.Failure
				others = others || d.Submitter == "(others)" && d.PolicyText == ""
			}
		}
		if sts != before+2500*5 || !others {
			t.Fatalf("%d failures under sts, want %d; told where they were added up: %t", sts, before+2500*5, others)
		}
		before = 5
		take(t, s, report("own", unsigned, from("/trusted")))
	}
}

// TestWhateverStrangersMakeUpIsBounded: names, periods and types.
func TestWhateverStrangersMakeUpIsBounded(t *testing.T) {
	s := open(t, t.TempDir())
	var rs []rollout.ReceivedReport
	for i := range 3000 {
		rs = append(rs, stranger(i, func(r *rollout.ReceivedReport) {
			r.Report.Start = r.Report.Start.Add(-time.Duration(i) * time.Second)
			r.Report.Policies[0].Type = tlsrpt.PolicyType(fmt.Sprint("made up ", i))
		}))
	}
	take(t, s, rs...)
	ds := days(t, s, "corp.test")
	var n int
	for _, d := range ds {
		n += d.Reports
	}
	if len(ds) > 2001 || n != 3000 {
		t.Errorf("%d sums of %d reports", len(ds), n)
	}
}

// TestFoldedSumsAreTakenBackWhole: reports that were folded are taken back after there
// was room again, and nothing is left of them, nor taken from another.
func TestFoldedSumsAreTakenBackWhole(t *testing.T) {
	s := open(t, t.TempDir())
	flood(t, s, 2000)
	mixed := func(i int, good int64) rollout.ReceivedReport { return stranger(i, sessions(good)) }
	take(t, s, mixed(5000, 11), mixed(5001, 13)) // folded
	// Signed ones take the place of many, so that there is room.
	var signed []rollout.ReceivedReport
	for i := range 50 {
		r := stranger(i)
		r.Standing, r.Signer = rollout.Verified, r.Submitter
		signed = append(signed, r)
	}
	take(t, s, signed...)
	again := mixed(5000, 17) // the same submitter once more, under another id
	again.Report.ReportID = "again"
	take(t, s, again)
	for _, r := range []rollout.ReceivedReport{mixed(5000, 11), mixed(5001, 13)} {
		r.Standing, r.Signer = rollout.Verified, r.Submitter
		take(t, s, r)
	}
	var reports int
	var success, failure, kinds int64
	for _, d := range days(t, s, "corp.test") {
		if d.Standing.Proven() {
			continue
		}
		reports, success, failure = reports+d.Reports, success+d.Success, failure+d.Failure
		for _, f := range d.Failures {
			kinds += f.Count
		}
	}
	if reports != 1951 || success != 1950*100+17 || failure != 1951*5 || kinds != 1951*3 {
		t.Errorf("left are %d reports of %d and %d sessions, %d with details", reports, success, failure, kinds)
	}
}

// TestFoldedFailuresAreTakenBackWhole is the same for the failures of one sum.
func TestFoldedFailuresAreTakenBackWhole(t *testing.T) {
	s := open(t, t.TempDir())
	failing := func(id string, from, to int, kind func(int) tlsrpt.ResultType) rollout.ReceivedReport {
		return report(id, unsigned, func(r *rollout.ReceivedReport) {
			p := &r.Report.Policies[0]
			p.Failures = nil
			for i := from; i < to; i++ {
				p.Failures = append(p.Failures, tlsrpt.Failure{Type: kind(i), ReceivingMX: fmt.Sprintf("mx%d.corp.test", i), Sessions: int64(i%7 + 1)})
			}
		})
	}
	expired := func(int) tlsrpt.ResultType { return tlsrpt.CertificateExpired }
	madeUp := func(i int) tlsrpt.ResultType { return tlsrpt.ResultType(fmt.Sprint("made-up-", i)) }
	reports := []rollout.ReceivedReport{
		failing("1", 0, 200, expired), failing("2", 200, 400, expired), failing("3", 400, 600, expired),
		failing("4", 600, 800, expired), failing("5", 800, 1000, expired),
		failing("6", 1000, 1150, expired), failing("7", 1150, 1300, madeUp), failing("8", 1100, 1200, expired),
	}
	take(t, s, reports...)
	var told bool
	for _, f := range days(t, s, "corp.test")[0].Failures {
		told = told || f.Type == tlsrpt.CertificateExpired && f.IP == "several"
	}
	if !told {
		t.Error("what was added up is not told from a failure that names nothing")
	}
	signed := func(i int) {
		r := reports[i]
		r.Standing, r.Signer = rollout.Verified, "google.com"
		take(t, s, r)
	}
	signed(0) // now there is room
	take(t, s, failing("9", 1000, 1100, expired), failing("10", 1200, 1300, madeUp))
	for _, i := range []int{5, 6, 1} {
		signed(i)
	}
	want := map[string]int64{}
	for _, r := range []rollout.ReceivedReport{reports[2], reports[3], reports[4], reports[7], failing("9", 1000, 1100, expired), failing("10", 1200, 1300, madeUp)} {
		for _, f := range r.Report.Policies[0].Failures {
			if kind := string(f.Type); strings.HasPrefix(kind, "made-up") {
				want["made up"] += f.Sessions
			} else {
				want[kind] += f.Sessions
			}
		}
	}
	got := map[string]int64{}
	for _, d := range days(t, s, "corp.test") {
		for _, f := range d.Failures {
			switch kind := string(f.Type); {
			case d.Standing.Proven():
			case kind == string(tlsrpt.FoldedType) || strings.HasPrefix(kind, "made-up"):
				got["made up"] += f.Count
			default:
				got[kind] += f.Count
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("left are %v, want %v", got, want)
	}
}

// wordy is a signed report that makes up all that it can: policies, texts, periods,
// hosts, reasons and types.
func wordy(signer string, i int) rollout.ReceivedReport {
	return report(fmt.Sprint("wordy ", i), by(signer), func(r *rollout.ReceivedReport) {
		r.Report.Start = r.Report.Start.Add(-time.Duration(i) * time.Second)
		r.Report.Policies = nil
		for n := range 100 {
			p := tlsrpt.Policy{Type: tlsrpt.STS, Domain: "corp.test", Strings: []string{fmt.Sprint(i, n, strings.Repeat("x", 2000))}, Successful: 10, Failed: 4}
			if n%10 == 9 {
				p.Type = tlsrpt.PolicyType(fmt.Sprint("made up ", i, n))
			}
			for f := range 3 {
				kind := tlsrpt.CertificateExpired
				if f == 2 {
					kind = tlsrpt.ResultType(fmt.Sprint("made up ", i, n))
				}
				p.Failures = append(p.Failures, tlsrpt.Failure{Type: kind, ReceivingMX: fmt.Sprintf("mx%d-%d-%d.%s.test", i, n, f, strings.Repeat("y", 150)),
					ReasonCode: fmt.Sprint("because ", i, n, f), Sessions: 1})
			}
			r.Report.Policies = append(r.Report.Policies, p)
		}
	})
}

// TestWhatASignerMakesUpIsBounded: a stranger may sign as much as he likes with a key of
// his own. What is kept of a day does not grow with it, no failure is lost, and what
// others signed stays as it is.
func TestWhatASignerMakesUpIsBounded(t *testing.T) {
	s := open(t, t.TempDir())
	const n = 20
	take(t, s, report("before"))
	var rs []rollout.ReceivedReport
	for i := range n {
		rs = append(rs, wordy("stranger.test", i))
	}
	for half := range slices.Chunk(rs, n/2) {
		take(t, s, half...)
	}
	take(t, s, report("after"))
	var sums, kinds, size, reports int
	var sts, sessions, failures int64
	var others bool
	for _, d := range days(t, s, "corp.test") {
		if d.Signer != "stranger.test" {
			if d.Signer != "google.com" || d.Reports != 2 || d.Success != 200 || len(d.Failures) != 1 || d.Failures[0].Count != 6 {
				t.Errorf("a known reporter's stand as %+v", d)
			}
			continue
		}
		sums, kinds, reports = sums+1, kinds+len(d.Failures), reports+d.Reports
		size += len(d.PolicyText) + len(d.PolicyType)
		sessions += d.Success
		if d.PolicyType == "sts" {
			sts += d.Failure
		}
		for _, f := range d.Failures {
			size += len(f.MX) + len(f.Reason) + len(f.Type)
			failures += f.Count
		}
		others = others || d.Folded() && d.PolicyType == "sts" && d.Signer == "stranger.test"
	}
	if sums > 110 || kinds > 2200 || size > 300<<10 {
		t.Errorf("%d sums with %d failures in %d bytes are kept of one signer and day", sums, kinds, size)
	}
	if reports != n*100 || sessions != n*1000 || sts != n*90*4 || failures != n*300 || !others {
		t.Errorf("%d reports, %d sessions, %d failures under sts, %d with details; told where they were added up: %t", reports, sessions, sts, failures, others)
	}
}
