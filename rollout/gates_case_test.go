package rollout_test

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// day is a day of June 2026, at 00:00Z.
func day(n int) time.Time { return time.Date(2026, 6, n, 0, 0, 0, 0, time.UTC) }

const body = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 86400\r\n"

// served is a ledger entry that went live at that time.
func served(text, id string, live time.Time) rollout.LedgerEntry {
	e := rollout.NewLedgerEntry(text, live)
	e.Live, e.Announced, e.IDs = live, live, []string{id}
	return e
}

// inTesting is a rollout of corp.test in phase 4, live since 1 June, with a fresh
// clean look at now, a clean look on each day before, and no reports.
func inTesting(now time.Time) rollout.Rollout {
	r := rollout.Rollout{
		Domain: "corp.test", Settings: rollout.DefaultSettings(), Created: day(1).Add(-rollout.Day),
		Phase: rollout.ReviewReports, Since: day(1),
		Ledger:   rollout.Ledger{served(body, "20260601T000000Z", day(1))},
		Evidence: cleanLook(now.Add(-time.Minute)),
	}
	for d := day(1); d.Before(now); d = d.Add(rollout.Day) {
		r.History = r.History.With(*cleanLook(d.Add(time.Hour)))
	}
	return r
}

func cleanLook(at time.Time) *rollout.Evidence {
	leaf := rollout.Certificate{Subject: "mx", NotBefore: day(1).Add(-30 * rollout.Day), NotAfter: day(1).Add(300 * rollout.Day), Fingerprint: "aa"}
	e := &rollout.Evidence{Domain: "corp.test", At: at}
	for i, host := range []string{"mx1.corp.test", "mx2.corp.test"} {
		e.MX = append(e.MX, rollout.MXHost{Host: host, Addresses: []rollout.MXAddress{{
			IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}), Reachable: true, Certificates: []rollout.Certificate{leaf},
		}}})
	}
	e.Policy.Addresses = []rollout.PolicyAddress{{IP: netip.MustParseAddr("192.0.2.80"), Answered: true, Certificate: &leaf}}
	return e
}

// failing adds a failure to a look.
func failing(e *rollout.Evidence, code finding.Code, subject string) *rollout.Evidence {
	e.Findings = append(e.Findings, finding.New(code, subject, "it fails").As(finding.Fail))
	return e
}

// blindTo adds to a look what could not be seen.
func blindTo(e *rollout.Evidence, code finding.Code, subject string) *rollout.Evidence {
	f := finding.New(code, subject, "it could not be seen").As(finding.Warn)
	f.Unknown = true
	e.Findings = append(e.Findings, f)
	return e
}

// report is one reporter's verified sums of day n, changed as a row wants.
func report(n int, org string, change ...func(*rollout.ReportDay)) rollout.ReportDay {
	d := rollout.ReportDay{
		Begins: day(n), Ends: day(n + 1), Standing: rollout.Verified, Signer: org, Submitter: org,
		PolicyType: "sts", PolicyText: strings.ReplaceAll(strings.TrimSpace(body), "\r\n", "\n"), Reports: 1, Success: 10000,
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

func met(t tlsrpt.ResultType, mx string, n int64) func(*rollout.ReportDay) {
	return func(d *rollout.ReportDay) {
		d.Failure += n
		d.Failures = append(d.Failures, rollout.FailureCount{Type: t, MX: mx, Count: n})
	}
}

func unsigned(source string) func(*rollout.ReportDay) {
	return func(d *rollout.ReportDay) { d.Standing, d.Signer, d.Source = rollout.Unsigned, "", source }
}

// receiver is where reports are posted, as sums have it.
const receiver = "https://mta-sts.corp.test/tlsrpt"

func posted(d *rollout.ReportDay) {
	d.Standing, d.Signer, d.Source = rollout.Posted, "", receiver
}

func under(text string) func(*rollout.ReportDay) {
	return func(d *rollout.ReportDay) { d.PolicyText = text }
}

func ofType(t string) func(*rollout.ReportDay) {
	return func(d *rollout.ReportDay) { d.PolicyType = t }
}

// daily is a clean report of each of the reporters about each day.
func daily(from, to int, orgs ...string) []rollout.ReportDay {
	var out []rollout.ReportDay
	for n := from; n <= to; n++ {
		for _, org := range orgs {
			out = append(out, report(n, org))
		}
	}
	return out
}

// codes are the codes and subjects of reasons, in one line.
func codes(reasons []rollout.Reason) string {
	var out []string
	for _, x := range reasons {
		out = append(out, x.Code+" "+x.Subject)
	}
	return strings.Join(out, "; ")
}

// look folds a look into the history of r.
func look(r *rollout.Rollout, e *rollout.Evidence) { r.History = r.History.With(*e) }

func mode(text string, m mtasts.Mode) string {
	return strings.Replace(text, "mode: testing", "mode: "+string(m), 1)
}

// byEnd puts sums in the order in which the store has them.
func byEnd(ds []rollout.ReportDay) {
	slices.SortStableFunc(ds, func(a, b rollout.ReportDay) int { return a.Ends.Compare(b.Ends) })
}
