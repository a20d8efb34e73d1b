package tui

import (
	"strings"
	"testing"

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
	g := rollout.Gate{Reasons: []rollout.Reason{{Code: rollout.ReasonBlocking, Subject: "google.com/certificate-not-trusted/mx1.corp.test", Text: "google.com reported certificate-not-trusted",
		Fix: "mend it; then belay mended corp.test; if it is none of yours, belay dismiss corp.test google.com/certificate-not-trusted/mx1.corp.test"}}}
	return drive(t, standIn(r, g, rollout.Plan{}), 80, 60, inCorp).press("v")
}

func TestReportsBeginWithTheChart(t *testing.T) {
	view := flat(distrusted(t).view())
	last := -1
	for _, text := range []string{"Gate: closed, 1 reason", "sessions a day", "Enforced over the last", "certificate-not-trusted", "google.com reported certificate-not-trusted. Mend it; then f marks it mended; if it is none of yours, D sets it aside."} {
		at := strings.Index(view, text)
		if at <= last {
			t.Errorf("%q stands at %d, after %d:\n%s", text, at, last, view)
		}
		last = at
	}
}

func TestReportersShowWhatTheyWouldHaveRefused(t *testing.T) {
	distrusted(t).sees("google.com 9 days 16,200 ok 18 refused", "microsoft.com 9 days 16,200 ok none refused")
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
	d.sees("Not seen by belay now.").seesNot("belay sees the same now")

	own := finding.New("M13", "mx2.corp.test [192.0.2.12]", "the chain ends in a certificate of corp-ca itself")
	d = distrusted(t, own).sees("belay sees the same now: M13 mx2.corp.test [192.0.2.12], the chain ends in a certificate of corp-ca itself.")
	once(d, "Certificate not publicly trusted. The chain ends in no public certification authority.")
	once(d, "Most often: certificate chain is incomplete.")
	once(d, "Not seen by belay now.")
}
