package rollout_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

func TestForecastSaysWhatEnforceWouldHaveRefused(t *testing.T) {
	now := day(15)
	r := inTesting(now)
	r.Dismissals = []rollout.Dismissal{{At: day(9), Key: "microsoft.com/certificate-expired/mx2.corp.test"}}
	r.Reports = []rollout.ReportDay{
		report(1, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 7)), // reaches into the last 14 days
		report(9, google, met(tlsrpt.ValidationFailure, "mx1.corp.test", 3)),  // a stray, and refused all the same
		report(9, microsoft, met(tlsrpt.CertificateExpired, "mx2.corp.test", 20)),
		report(10, microsoft, met(tlsrpt.DANERequired, "mx2.corp.test", 500)),
		report(10, microsoft, ofType("tlsa"), met(tlsrpt.CertificateExpired, "mx2.corp.test", 500)),
		report(11, "spam.test", unsigned("/inbox"), met(tlsrpt.CertificateExpired, "mx2.corp.test", 500)),
		report(12, google, func(d *rollout.ReportDay) { // more details than failed sessions, as some senders write
			d.Success, d.Failure = 0, 1
			d.Failures = []rollout.FailureCount{{Type: tlsrpt.STSPolicyFetchError, Count: 1}, {Type: tlsrpt.STSPolicyInvalid, Count: 1}}
		}),
	}
	f := r.Forecast(now, 14)
	if f.Sessions != 10007+10003+10020+10500+1 || f.Refused != 7+3+20+1 || !f.LastRefused.Equal(day(13)) {
		t.Errorf("%d of %d refused, last %s", f.Refused, f.Sessions, f.LastRefused)
	}
	got, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"days":14`, `"since":"2026-06-01T00:00:00Z"`,
		`{"reporter":"google.com","known":true,"sessions":20011,"refused":11}`,
		`{"reporter":"microsoft.com","known":true,"sessions":20520,"refused":20}`,
		`"causes":[{"type":"certificate-expired","mx":"mx2.corp.test","sessions":27,"reporters":["google.com","microsoft.com"],"last":"2026-06-10T00:00:00Z"}`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("forecast %s\nlacks %s", got, want)
		}
	}
	if f := r.Forecast(now, 13); f.Sessions != 10003+10020+10500+1 {
		t.Errorf("of 13 days: %d sessions", f.Sessions)
	}
	empty, _ := json.Marshal(rollout.Rollout{}.Forecast(now, 14))
	if !strings.Contains(string(empty), `"reporters":[],"causes":[]`) {
		t.Errorf("empty forecast: %s", empty)
	}
}

func TestForecastNeverOverflows(t *testing.T) {
	r := inTesting(day(15))
	for n := 1; n < 15; n++ {
		r.Reports = append(r.Reports, report(n, google, func(d *rollout.ReportDay) { d.Success = math.MaxInt64 }, met(tlsrpt.CertificateExpired, "mx1.corp.test", math.MaxInt64)))
	}
	if f := r.Forecast(day(15), 14); f.Sessions != math.MaxInt64 || f.Refused != math.MaxInt64 || f.Causes[0].Sessions != math.MaxInt64 {
		t.Errorf("forecast %+v", f)
	}
}

func TestVersionsThatReportersHold(t *testing.T) {
	now := day(15)
	newer := mode(body, mtasts.Enforce)
	r := inTesting(now)
	old := served(body, "20260501T000000Z", day(1))
	old.MaxAge, old.Until = 604800, day(10)
	r.Ledger = rollout.Ledger{old, served(newer, "20260610T000000Z", day(10))}
	text := func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
	r.Reports = []rollout.ReportDay{
		report(9, google),
		report(14, google, under(text(newer))),
		report(13, microsoft),
		report(13, "yahoo.com", under("version: STSv1\nmode: enforce\nmx: *.evil.test\nmax_age: 31557600")),
		report(13, "fastmail.com", under("")),
		report(13, "odd.test"),
	}
	got := r.Versions(now)
	want := []rollout.HeldVersion{
		{Reporter: google, PolicyID: "20260610T000000Z", Mode: mtasts.Enforce, MaxAge: 86400, Seen: day(15), Present: true},
		{Reporter: microsoft, PolicyID: "20260501T000000Z", Mode: mtasts.Testing, MaxAge: 604800, Seen: day(14), Until: day(17)},
		{Reporter: "yahoo.com", Mode: mtasts.Enforce, MaxAge: 31557600, Seen: day(14), Strange: true},
	}
	if len(got) != len(want) {
		t.Fatalf("versions %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("version %+v, want %+v", got[i], want[i])
		}
	}
	for _, h := range r.Versions(day(17).Add(time.Second)) {
		if h.Reporter == microsoft {
			t.Errorf("nobody can hold %+v any longer", h)
		}
	}
}
