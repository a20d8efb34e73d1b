package store_test

import (
	"fmt"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

func vouched(r *rollout.ReceivedReport) { r.Standing = rollout.Vouched }
func modified(r *rollout.ReceivedReport) {
	r.Standing, r.Signer = rollout.Modified, ""
}
func posted(r *rollout.ReceivedReport) {
	r.Standing, r.Signer = rollout.Posted, ""
}

// TestAForgedEarlyCopyNeverDisplacesTheReport: whatever came before under the very
// key, the reporter's own counts, and counts alone under its name.
func TestAForgedEarlyCopyNeverDisplacesTheReport(t *testing.T) {
	for name, early := range map[string]rollout.ReceivedReport{
		"unsigned":                       report("1", unsigned, sessions(7)),
		"unsigned, as another submitter": report("1", unsigned, sessions(7), func(r *rollout.ReceivedReport) { r.Submitter = "evil.test" }),
		"modified":                       report("1", modified, sessions(7)),
		"over HTTPS":                     report("1", posted, sessions(7)),
		"pending":                        report("1", pending, sessions(7)),
		"signed by another":              report("1", by("evil.test"), sessions(7)),
		"vouched for, of another":        report("1", by("evil.test"), vouched, sessions(7)),
	} {
		for _, proof := range []func(*rollout.ReceivedReport){func(*rollout.ReceivedReport) {}, vouched} {
			real := report("1", proof)
			t.Run(fmt.Sprintf("%s, then %s", name, real.Standing), func(t *testing.T) {
				s := open(t, t.TempDir())
				for range 2 { // each twice: neither counts again
					if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{early, real}); err != nil {
						t.Fatal(err)
					}
				}
				var own int64
				for _, d := range days(t, s, "corp.test") {
					if d.Standing.Proven() && d.Signer == "google.com" {
						own += d.Success
					}
				}
				if own != 100 {
					t.Errorf("google.com counts %d sessions, want its own 100: %s", own, brief(t, s))
				}
			})
		}
	}
}

func TestASignatureVouchedForIsNoSecondReport(t *testing.T) {
	for _, pair := range [][2]rollout.ReceivedReport{{report("1"), report("1", vouched)}, {report("1", vouched), report("1")}} {
		s := open(t, t.TempDir())
		if _, err := s.AddReports(t.Context(), pair[:]); err != nil {
			t.Fatal(err)
		}
		if ds := days(t, s, "corp.test"); len(ds) != 1 || ds[0].Reports != 1 || ds[0].Standing != pair[0].Standing {
			t.Errorf("sums are %s", brief(t, s))
		}
	}
}

// TestMadeUpSubmittersStayBounded: what nobody vouches for is added up together from
// some thousands of made-up names on; what is signed is kept apart.
func TestMadeUpSubmittersStayBounded(t *testing.T) {
	s := open(t, t.TempDir())
	var rs []rollout.ReceivedReport
	for i := range 3000 {
		rs = append(rs, report(fmt.Sprint(i), unsigned, func(r *rollout.ReceivedReport) { r.Submitter = fmt.Sprintf("s%d.test", i) }))
	}
	rs = append(rs, report("own"))
	if _, err := s.AddReports(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
	var n int
	var own, all int64
	for _, d := range days(t, s, "corp.test") {
		n++
		all += d.Success
		if d.Signer == "google.com" {
			own += d.Success
		}
	}
	if n > 2100 || all != 3001*100 || own != 100 {
		t.Errorf("%d sums of %d sessions, %d of them signed", n, all, own)
	}
	// Each is taken back when a verified one takes its place, also of those added up.
	for i := range rs[:3000] {
		submitter := rs[i].Submitter
		rs[i] = report(fmt.Sprint(i), by(submitter))
	}
	if _, err := s.AddReports(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
	for _, d := range days(t, s, "corp.test") {
		if !d.Standing.Proven() {
			t.Fatalf("left behind: %+v", d)
		}
	}
}

// TestAPolicyAndDANEOverTheSameSessionsAreNotAddedUp, and details need not add up to
// the summary.
func TestAPolicyAndDANEOverTheSameSessionsAreNotAddedUp(t *testing.T) {
	s := open(t, t.TempDir())
	both := report("1", func(r *rollout.ReceivedReport) {
		p := &r.Report.Policies[0]
		p.Failures = append(p.Failures, tlsrpt.Failure{Type: tlsrpt.STSPolicyFetchError, Sessions: 40})
		twin := *p
		twin.Type, twin.Strings = tlsrpt.TLSA, []string{"3 1 1 AB"}
		r.Report.Policies = append(r.Report.Policies, twin)
	})
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{both}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range days(t, s, "corp.test") {
		got = append(got, fmt.Sprintf("%s %d+%d, %d unexplained", d.PolicyType, d.Success, d.Failure, d.Unexplained))
	}
	if said := strings.Join(got, "; "); said != "sts 100+5, 0 unexplained; tlsa 100+5, 0 unexplained" && said != "tlsa 100+5, 0 unexplained; sts 100+5, 0 unexplained" {
		t.Errorf("sums are %s", said)
	}
}
