package tui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// distrusted is corp.test in review, of which Google met certificates at both MX
// hosts that it does not trust; seen is what belay's own look finds.
func distrusted(t *testing.T, seen ...finding.Finding) *driver {
	r := published(rollout.ReviewReports, "testing", 86400)
	ev := goodLook()
	ev.Findings = seen
	r.Evidence = &ev
	r.Reports[0].Failures = []rollout.FailureCount{{Type: tlsrpt.CertificateNotTrusted, MX: "mx1.corp.test", Count: 9}, {Type: tlsrpt.CertificateNotTrusted, MX: "mx2.corp.test", Count: 9}}
	r.Reports[1].Failures, r.Reports[1].Failure = nil, 0
	r.Reports[3].Failures, r.Reports[3].Failure = nil, 0
	r.Reports[4].Failures, r.Reports[4].Failure = nil, 0
	g := rollout.Gate{CleanSince: now().AddDate(0, 0, -9), Reasons: []rollout.Reason{{Code: rollout.ReasonBlocking, Subject: "google.com/certificate-not-trusted/mx1.corp.test", Text: "google.com reported certificate-not-trusted",
		Fix: "mend it; then belay mended corp.test; if it is none of yours, belay dismiss corp.test google.com/certificate-not-trusted/mx1.corp.test"}}}
	return drive(t, standIn(r, g, rollout.Plan{}), 80, 60, inCorp).press("v")
}

// reviewing is the screen of reports of corp.test, in which there is something of
// everything: a failure that belay saw mended, one at a host that is not in the policy,
// a policy that could not be fetched, a sender that still holds an older policy, one
// that stopped, and sessions that do not count.
func reviewing(t *testing.T, w, h int) *driver {
	r := published(rollout.ReviewReports, "testing", 86400)
	older := r.Ledger[0]
	older.Hash, older.Body, older.IDs = "y", strings.Replace(body, "max_age: 86400", "max_age: 1209600", 1), []string{"20261101T080000Z"}
	older.MaxAge, older.From, older.Live, older.Until = 1209600, now().AddDate(0, 0, -20), now().AddDate(0, 0, -20), now().AddDate(0, 0, -9)
	r.Ledger = append(rollout.Ledger{older}, r.Ledger...)
	for day := now().AddDate(0, 0, -12); !day.After(now()); day = day.AddDate(0, 0, 1) {
		r.History = r.History.With(rollout.Evidence{Domain: "corp.test", At: day})
	}
	mended := time.Date(2026, 11, 14, 8, 12, 0, 0, time.UTC)
	r.History.Runs = []rollout.Run{{Code: "M09", Subject: "mx2.corp.test [192.0.2.12]", From: mended.AddDate(0, 0, -2), Until: mended, Gone: mended.Add(time.Hour)}}
	for i := range r.Reports {
		d := &r.Reports[i]
		d.Timed, d.Late = 1, 6*3600
		switch {
		case d.Standing == rollout.Unsigned:
			d.Source = "https://mta-sts.corp.test/tlsrpt"
		case d.Signer == "microsoft.com":
			d.PolicyText = strings.ReplaceAll(strings.TrimSpace(older.Body), "\r\n", "\n")
		case d.Signer == "google.com" && d.Begins.Day() == 15:
			d.Failure, d.Failures = 3, []rollout.FailureCount{{Type: tlsrpt.STSPolicyFetchError, Count: 3, Reason: "HTTP 503"}}
		}
		if d.Begins.Day() == 13 && d.Signer == "google.com" {
			three := *d
			three.Signer, three.Submitter, three.Success, three.Failure, three.Late = "amazonses.com", "amazonses.com", 40, 1, 86400
			three.Failures = []rollout.FailureCount{{Type: tlsrpt.ValidationFailure, MX: "mx9.other.test", IP: "198.51.100.9", Count: 1, Reason: "MX_HOSTS_MISMATCH"}}
			r.Reports = append(r.Reports, three)
		}
	}
	slices.SortStableFunc(r.Reports, func(a, b rollout.ReportDay) int { return a.Ends.Compare(b.Ends) })
	export := func(o *Options) {
		o.Export = func(_ context.Context, domain, file string) (string, error) {
			if file == "no.txt" {
				return "", errors.New("the name must end in .csv, .json or .prom")
			}
			return "Written " + domain + " to " + file + ".", nil
		}
	}
	gate := waitingGate()
	reads := r.ReviewGate(now())
	gate.CleanSince, gate.Reasons = reads.CleanSince, append(gate.Reasons, reads.Reasons...)
	d := drive(t, standIn(r, gate, rollout.Plan{}), w, h, inCorp, export)
	d.importer.come = 2
	return d.press("v")
}

func TestReportsAreExportedWhereTheOperatorSays(t *testing.T) {
	reviewing(t, 80, 24).press("x").typeIn("out.csv").press("enter").sees("Written corp.test to out.csv.").
		press("x").typeIn("no.txt").press("enter").sees("Not written: the name must end in .csv, .json or .prom")
	atPhase4(t, 80, 24).press("v").seesNot("x export")
}

func TestReportsSayWhatBelaySawWhoHoldsWhatAndWhoStopped(t *testing.T) {
	reviewing(t, 98, 80).sees(
		"google.com and microsoft.com met an expired certificate at mx2.corp.test on 12 and 13 Nov; belay saw the same until Sat 14 Nov 08:12 UTC; mended since.",
		"72 at mx2.corp.test (expired certificate, mended on 14 Nov), 1 at mx9.other.test (not in your policy).",
		"3 sessions from 1 of them would have been delivered without the policy, or by one that the sender still held: 3 (policy not fetched, not reproducible).",
		"amazonses.com tried mx9.other.test, which is not in your policy, on 13 Nov. Does not hold the gate: it lies before Mon 16 Nov 00:00 UTC, from when the gate counts clean time.",
		"Each bar: the sessions of a UTC day, 12 Nov to 20 Nov.",
		"They came from https://mta-sts.corp.test/tlsrpt; t trusts a source in writing.",
		"microsoft.com 9 of 9 days 16,200 ok 36 would be refused 6 h after; still holds id 20261101T080000Z until 26 Nov at the latest",
		"amazonses.com 1 of 8 days 40 ok 1 would be refused", "24 h after; silent for 6 days; holds id 20261112T101500Z, the present policy", "amazonses.com silent since 13 Nov, longer than ever before",
		"Failed by MX host: mx2.corp.test 72, none named 3, mx9.other.test 1",
	)
}

func TestReportsBeginWithTheChart(t *testing.T) {
	view := flat(distrusted(t).view())
	last := -1
	for _, text := range []string{"Gate: closed, 1 reason", "Each bar: the sessions of a UTC day", "Enforced over the last", "certificate-not-trusted", "google.com reported certificate-not-trusted. Mend it; then f marks it mended; if it is none of yours, D sets it aside."} {
		at := strings.Index(view, text)
		if at <= last {
			t.Errorf("%q stands at %d, after %d:\n%s", text, at, last, view)
		}
		last = at
	}
}

func TestReportersShowWhatTheyWouldHaveRefused(t *testing.T) {
	distrusted(t).sees("google.com 9 of 9 days 16,200 ok 18 would be refused", "microsoft.com 9 of 9 days 16,200 ok none would be refused")
}

func TestACauseIsToldOnceAndBesideWhatBelaySees(t *testing.T) {
	once := func(d *driver, text string) {
		t.Helper()
		if got := strings.Count(flat(d.view()), text); got != 1 {
			t.Errorf("%q is told %d times:\n%s", text, got, d.view())
		}
	}
	d := distrusted(t)
	once(d, "Most often: certificate chain is incomplete.")
	d.sees("belay did not look on each of these days, and does not see it now.").seesNot("belay sees the same now")

	own := finding.New("M13", "mx2.corp.test [192.0.2.12]", "the chain ends in a certificate of corp-ca itself")
	d = distrusted(t, own).sees("belay sees the same now: M13 mx2.corp.test [192.0.2.12], the chain ends in a certificate of corp-ca itself.")
	once(d, "Certificate not publicly trusted. The chain ends in no public certification authority.")
	once(d, "Most often: certificate chain is incomplete.")
	once(d, "does not see it now.")
}

func TestAReporterSaysByWhatItCounts(t *testing.T) {
	for want, c := range map[string]rollout.Coverage{
		"": {Known: true, Counted: true},
		"counts by its source alone; t makes it a known sender":    {Standing: rollout.Unsigned, Counted: true},
		"counts by its source alone: anybody can post in its name": {Standing: rollout.Posted, Counted: true},
	} {
		if got := strings.Join(new(reports).notes(c, time.Time{}), "; "); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}
