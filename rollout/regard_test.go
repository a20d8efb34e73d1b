package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// TestWhatHoldsTheGateIsWhatTheGateLists: what is said to hold the gate is what the
// gate itself names, and of the rest it is said why it does not.
func TestWhatHoldsTheGateIsWhatTheGateLists(t *testing.T) {
	const mx1, mx2 = "mx1.corp.test", "mx2.corp.test"
	const expired = "google.com/certificate-expired/" + mx2
	now := day(20)
	for _, row := range []struct {
		name    string
		reports []rollout.ReportDay
		with    func(*rollout.Rollout)
		blocks  string
		unheld  string
	}{
		{"a failure of these days", []rollout.ReportDay{report(18, google, met(tlsrpt.CertificateExpired, mx2, 3))}, nil, expired, ""},
		{"dismissed", []rollout.ReportDay{report(18, google, met(tlsrpt.CertificateExpired, mx2, 3))},
			func(r *rollout.Rollout) {
				r.Dismissals = []rollout.Dismissal{{At: day(19), Who: "ops@mail\x1b[31m", Key: expired, Reason: "a test\x1b[31m of ours"}}
			}, "", `does not hold the gate: dismissed on 19 Jun by ops@mail ("a test of ours"), for 30 days`},
		{"dismissed for one of two", []rollout.ReportDay{report(18, google, met(tlsrpt.CertificateExpired, mx2, 3)), report(18, microsoft, met(tlsrpt.CertificateExpired, mx2, 3))},
			func(r *rollout.Rollout) {
				r.Dismissals = []rollout.Dismissal{{At: day(19), Who: "ops", Key: expired}}
			}, "microsoft.com/certificate-expired/" + mx2, "what google.com met does not hold the gate: dismissed on 19 Jun by ops, for 30 days"},
		{"a stray", []rollout.ReportDay{report(18, google, met(tlsrpt.ValidationFailure, mx1, 3))}, nil,
			"", "does not hold the gate: so few that they are strays, and belay's own looks were clean"},
		{"before a mend", []rollout.ReportDay{report(12, google, met(tlsrpt.CertificateExpired, mx2, 3))},
			func(r *rollout.Rollout) { r.Mends = []rollout.Mend{{At: day(15), Mended: day(15)}} },
			"", "does not hold the gate: it lies before 2026-06-15T00:00:00Z, from when the gate counts clean time"},
		{"of DANE", []rollout.ReportDay{report(18, google, met(tlsrpt.TLSAInvalid, mx2, 3))}, nil, "", "does not hold the gate: enforce delivers these too"},
		{"an unknown signer's", []rollout.ReportDay{report(18, "odd.test", met(tlsrpt.CertificateExpired, mx2, 3))}, nil, "odd.test/certificate-expired/" + mx2, ""},
		{"an unknown signer's, before a mend", []rollout.ReportDay{report(12, "odd.test", met(tlsrpt.CertificateExpired, mx2, 3))},
			func(r *rollout.Rollout) { r.Mends = []rollout.Mend{{At: day(15), Mended: day(15)}} },
			"", "does not hold the gate: it lies before 2026-06-15T00:00:00Z, from when the gate counts clean time"},
		{"an unknown signer's that was dismissed by its name", []rollout.ReportDay{report(18, "odd.test", met(tlsrpt.CertificateExpired, mx2, 3))},
			func(r *rollout.Rollout) { r.Dismissals = []rollout.Dismissal{{At: day(19), Key: "odd.test"}} }, "", "does not hold the gate: dismissed on 19 Jun, for 30 days"},
		{"two hosts whose names are one when cleaned", []rollout.ReportDay{report(18, google, met(tlsrpt.CertificateExpired, mx2, 3), met(tlsrpt.CertificateExpired, "mx2\x1b[31m.corp.test", 3))}, nil,
			expired + " " + expired, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(now)
			r.Reports = row.reports
			if row.with != nil {
				row.with(&r)
			}
			gate := r.ReviewGate(now)
			var blocks, unheld []string
			for _, f := range r.Review(now).Under(gate).Failures {
				blocks, unheld = append(blocks, f.Blocks...), append(unheld, f.Unheld(now)...)
			}
			if got := strings.Join(blocks, " "); got != row.blocks {
				t.Errorf("what holds it is %q, want %q", got, row.blocks)
			}
			if got := strings.Join(unheld, "; "); got != row.unheld {
				t.Errorf("it says\n%s, want\n%s", got, row.unheld)
			}
			for _, key := range blocks {
				if !slices.ContainsFunc(gate.Closed(), func(x rollout.Reason) bool { return x.Subject == key || strings.HasPrefix(key, x.Subject+"/") }) {
					t.Errorf("the gate does not list %s: %s", key, codes(gate.Closed()))
				}
			}
			if row.blocks == "" && strings.Contains(codes(gate.Closed()), "blocking") {
				t.Errorf("the gate lists what is not said to hold it: %s", codes(gate.Closed()))
			}
		})
	}
}

// TestWhatAGateUnderEnforceDoesNotAskAboutIsSaid: a gate that waits on clean time alone
// asks about no unknown signers, and what was mended within its period is not over.
func TestWhatAGateUnderEnforceDoesNotAskAboutIsSaid(t *testing.T) {
	const mx1, mx2 = "mx1.corp.test", "mx2.corp.test"
	const over = "does not hold the gate: it lies before 2026-06-15T00:00:00Z, from when the gate counts clean time"
	now := day(20)
	mended := func(at time.Time) func(*rollout.Rollout) {
		return func(r *rollout.Rollout) { r.Mends = []rollout.Mend{{At: at, Mended: at}} }
	}
	for _, row := range []struct {
		name    string
		reports []rollout.ReportDay
		with    func(*rollout.Rollout)
		blocks  string
		unheld  string
	}{
		{"a known signer's", []rollout.ReportDay{report(18, google, met(tlsrpt.CertificateExpired, mx2, 3))}, mended(day(15)), "google.com/certificate-expired/" + mx2, ""},
		{"an unknown signer's", []rollout.ReportDay{report(18, "odd.test", met(tlsrpt.CertificateExpired, mx2, 3))}, mended(day(15)), "", "does not hold the gate: this gate does not ask about unknown signers"},
		{"an unknown signer's, before a mend", []rollout.ReportDay{report(12, "odd.test", met(tlsrpt.CertificateExpired, mx2, 3))}, mended(day(15)), "", over},
		{"an unknown signer's, before a mend and after it", []rollout.ReportDay{report(12, "odd.test", met(tlsrpt.CertificateExpired, mx2, 3)), report(18, "odd.test", met(tlsrpt.CertificateExpired, mx2, 3))}, mended(day(15)),
			"", "does not hold the gate: this gate does not ask about unknown signers"},
		{"before a mend", []rollout.ReportDay{report(12, google, met(tlsrpt.CertificateExpired, mx2, 3))}, mended(day(15)), "", over},
		{"before a mend, and a stray after it", []rollout.ReportDay{report(12, google, met(tlsrpt.ValidationFailure, mx1, 900)), report(18, google, met(tlsrpt.ValidationFailure, mx1, 3))}, mended(day(15)),
			"", "does not hold the gate: what is not before 2026-06-15T00:00:00Z is so few that they are strays, and belay's own looks were clean"},
		{"mended within its period, as belay saw", []rollout.ReportDay{report(18, google, met(tlsrpt.CertificateExpired, mx2, 3))},
			func(r *rollout.Rollout) {
				r.History.Runs = []rollout.Run{{Code: "M09", Subject: mx2, From: day(18).Add(time.Hour), Until: day(18).Add(2 * time.Hour), Gone: day(18).Add(3 * time.Hour)}}
			}, "", "does not hold the gate: belay saw it mended before the period of the report was over"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(now)
			r.Ledger = rollout.Ledger{served(mode(body, mtasts.Enforce), "20260601T000000Z", day(1))}
			for i := range row.reports {
				row.reports[i].PolicyText = strings.TrimSpace(mode(body, mtasts.Enforce))
			}
			r.Reports = row.reports
			row.with(&r)
			gate := r.SoakGate(now, 7*rollout.Day, "under enforce")
			var blocks, unheld []string
			for _, f := range r.Review(now).Under(gate).Failures {
				blocks, unheld = append(blocks, f.Blocks...), append(unheld, f.Unheld(now)...)
			}
			if got := strings.Join(blocks, " "); got != row.blocks || (got != "") != strings.Contains(codes(gate.Closed()), "blocking "+got) {
				t.Errorf("what holds it is %q, want %q: %s", got, row.blocks, codes(gate.Closed()))
			}
			if got := strings.Join(unheld, "; "); got != row.unheld {
				t.Errorf("it says\n%s, want\n%s", got, row.unheld)
			}
		})
	}
}

func TestAnOverriddenFailureHoldsNothing(t *testing.T) {
	now := day(20)
	r := inTesting(now)
	r.Reports = []rollout.ReportDay{report(18, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 3))}
	gate := r.ReviewGate(now)
	for i := range gate.Reasons {
		gate.Reasons[i].Overridden = true
	}
	for _, f := range r.Review(now).Under(gate).Failures {
		if said := strings.Join(f.Unheld(now), "; "); len(f.Blocks) > 0 || said != "does not hold the gate: overridden in writing" {
			t.Errorf("%v, %s", f.Blocks, said)
		}
	}
	for _, f := range r.Review(now).Under(rollout.Gate{}).Failures { // phase 1, say
		if said := strings.Join(f.Unheld(now), "; "); len(f.Blocks) > 0 || said != "does not hold the gate: the gate reads no reports as it stands" {
			t.Errorf("%v, %s", f.Blocks, said)
		}
	}
}

func TestSendersThatFoundNoPolicy(t *testing.T) {
	now := day(20)
	none := func(d *rollout.ReportDay) { d.PolicyType, d.PolicyText, d.Success = "no-policy-found", "", 40 }
	ended := served(mode(body, mtasts.None), "20260610T000000Z", day(10))
	for _, row := range []struct {
		name    string
		reports []rollout.ReportDay
		later   rollout.Ledger // what was served after the first policy
		want    string
	}{
		{"nobody", daily(12, 18, google, microsoft), nil, ""},
		{"before it was announced", append(daily(12, 18, google, microsoft), report(-2, google, none), report(-1, microsoft, none)), nil,
			"google.com and microsoft.com found no policy for 80 sessions on 29 and 30 May, before the policy was announced on 1 Jun"},
		{"since then", append(daily(12, 18, google, microsoft), report(18, google, none)), nil,
			"google.com found no policy for 40 sessions on 18 Jun, though it was announced on 1 Jun; belay check corp.test looks at record and policy"},
		{"by the word of nobody", append(daily(12, 18, google, microsoft), report(18, "odd.test", none), report(18, google, none, unsigned("/inbox"))), nil, ""},
		{"once mode none is live", append(daily(12, 18, google, microsoft), report(5, google, none), report(18, google, none)), rollout.Ledger{ended},
			"google.com found no policy for 80 sessions on 5 and 18 Jun; none is announced now"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(now)
			r.Ledger = append(r.Ledger, row.later...)
			r.Reports = row.reports
			byEnd(r.Reports)
			var said []string
			for _, f := range r.Review(now).Findings {
				if f.Code == "V09" {
					said = append(said, f.Title)
				}
			}
			if got := strings.Join(said, "; "); got != row.want {
				t.Errorf("it says\n%s, want\n%s", got, row.want)
			}
		})
	}
}

// TestAReportNamesOnlyWhatThereWas: of a policy that was published twice, a report
// means the one of its own days; and it cannot name an id that was made later.
func TestAReportNamesOnlyWhatThereWas(t *testing.T) {
	now := day(20)
	enforced := func(e rollout.LedgerEntry) rollout.LedgerEntry { e.Until = day(16); return e }
	first := served(body, "20260601T000000Z", day(1))
	first.IDs = append(first.IDs, "20260609T000000Z")
	first.Until = day(12)
	ledger := rollout.Ledger{first, enforced(served(mode(body, "enforce"), "20260612T000000Z", day(12))), served(body, "20260616T000000Z", day(16))}
	foreign := served(mode(body, "enforce"), "foreign1", day(14))
	foreign.Foreign = true
	for _, row := range []struct {
		name string
		r    rollout.Ledger
		d    rollout.ReportDay
		want string
	}{
		{"of the first days", ledger, report(5, google), "id 20260601T000000Z"},
		{"once the second id was made", ledger, report(9, google), "id 20260609T000000Z"},
		{"of the day on which it was published anew", ledger, report(16, google), "id 20260616T000000Z"},
		{"of the days between, still the first", ledger, report(13, google), "id 20260609T000000Z"},
		{"what was served only later", ledger, report(10, google, under(strings.TrimSpace(mode(body, "enforce")))), "held a policy that you served only later"},
		{"a period that was over when the ledger began", ledger, report(-1, google, under(strings.ReplaceAll(body, "86400", "31557600"))), "from before this rollout, mode testing, until 31 May 2027 at the latest"},
		{"what belay found there may have been there before", append(ledger[:1:1], foreign), report(10, google, under(strings.TrimSpace(mode(body, "enforce")))), "id foreign1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(now)
			r.Ledger, r.Reports = row.r, []rollout.ReportDay{row.d}
			held := r.Versions(day(10)) // when every version may still be held
			if len(held) != 1 || !strings.Contains(held[0].Words(now)+" ", row.want) {
				t.Errorf("%+v, want %s", held, row.want)
			}
			for l := range r.Lines() {
				if made, err := time.Parse("20060102T150405Z", l.PolicyID); err == nil && !made.Before(row.d.Ends) {
					t.Errorf("the export names id %s for a period to %s", l.PolicyID, row.d.Ends)
				}
			}
		})
	}
}

func TestWhatToTrustIsNamed(t *testing.T) {
	const here = "https://mta-sts.corp.test/tlsrpt"
	now := day(20)
	r := inTesting(now)
	r.Trusts = []rollout.Trust{{Source: "/trusted"}}
	several := "/in" + rollout.SourceSeparator + here
	r.Reports = []rollout.ReportDay{
		report(12, google), report(12, "a.test", unsigned("/trusted/more")), report(13, "odd.test"),
		report(13, "b.test", unsigned(here)), report(14, "c.test", unsigned(several)), report(14, "d.test", unsigned("/in"), ofType("tlsa")),
		report(15, "e.test", func(d *rollout.ReportDay) { d.Standing, d.Signer, d.Source = rollout.Pending, "", "/in" }),
		report(-20, "f.test", unsigned("/long/ago")),
	}
	byEnd(r.Reports)
	want := []rollout.Uncounted{{Source: here, Reports: 2, Sessions: 20000}, {Source: "/in", Reports: 1, Sessions: 10000}, {Source: "odd.test", Signed: true, Reports: 1, Sessions: 10000}}
	if got := r.Review(now).Uncounted; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
