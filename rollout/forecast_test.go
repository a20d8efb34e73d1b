package rollout_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
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
	if f.Sessions != 10007+10003+10020+10500+1 || f.Refused != 7+3+20 || f.NoPolicy != 1 || !f.LastRefused.Equal(day(10)) {
		t.Errorf("%d of %d refused, %d without policy, last %s", f.Refused, f.Sessions, f.NoPolicy, f.LastRefused)
	}
	got, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"days":14`, `"since":"2026-06-01T00:00:00Z"`,
		`{"reporter":"google.com","known":true,"sessions":20011,"refused":10,"no_policy":1}`,
		`{"reporter":"microsoft.com","known":true,"sessions":20520,"refused":20,"no_policy":0}`,
		`"causes":[{"type":"certificate-expired","mx":"mx2.corp.test","effect":"refused","sessions":27,"reporters":["google.com","microsoft.com"],"days":["2026-06-01T00:00:00Z","2026-06-09T00:00:00Z"],"last":"2026-06-10T00:00:00Z"`,
		`{"type":"sts-policy-fetch-error","effect":"no-policy","sessions":1,`,
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

func TestForecastInWords(t *testing.T) {
	now := day(15)
	for _, row := range []struct {
		name    string
		reports []rollout.ReportDay
		with    func(*rollout.Rollout)
		want    string
	}{
		{"nobody reported", nil, nil, "No session of the last 14 days is reported by anybody that counts."},
		{"all went well", daily(1, 14, google, microsoft), nil, "Enforced over the last 14 days, none of 280,000 sessions from 2 reporters would have been refused."},
		{"as the example has it", append(daily(10, 14, "amazonses.com", "yahooinc.com"),
			report(12, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 36)), report(13, microsoft, met(tlsrpt.ValidationFailure, "mx9.other.test", 1))),
			func(r *rollout.Rollout) { sawMended(r, "M09", "mx2.corp.test [192.0.2.11]", day(13).Add(8*time.Hour)) },
			"Enforced over the last 14 days, 37 of 120,037 sessions from 2 of 4 reporters would have been refused: " +
				"36 at mx2.corp.test (expired certificate, mended on 13 Jun), 1 at mx9.other.test (not in your policy)."},
		{"mended, and failed again", []rollout.ReportDay{report(8, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 1)), report(12, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 1))},
			func(r *rollout.Rollout) { sawMended(r, "M09", "mx2.corp.test [192.0.2.11]", day(9).Add(8*time.Hour)) },
			"Enforced over the last 14 days, 2 of 20,002 sessions from 1 of 1 reporter would have been refused: 2 at mx2.corp.test (expired certificate, failed again after 9 Jun)."},
		{"belay sees the same", []rollout.ReportDay{report(12, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 1))},
			func(r *rollout.Rollout) { failing(r.Evidence, "M09", "mx2.corp.test [192.0.2.11]") },
			"Enforced over the last 14 days, 1 of 10,001 sessions from 1 of 1 reporter would have been refused: 1 at mx2.corp.test (expired certificate, belay sees the same)."},
		{"policies that could not be fetched refuse nothing", []rollout.ReportDay{report(12, google, met(tlsrpt.STSPolicyFetchError, "", 8)), report(12, microsoft)}, nil,
			"Enforced over the last 14 days, none of 20,008 sessions from 2 reporters would have been refused. 8 sessions from 1 of them would have been delivered " +
				"without the policy, or by one that the sender still held: 8 (policy not fetched, not reproducible)."},
		{"more causes than a sentence bears", []rollout.ReportDay{report(12, google, met(tlsrpt.CertificateExpired, "mx1.corp.test", 5), met(tlsrpt.CertificateExpired, "mx2.corp.test", 4),
			met(tlsrpt.StartTLSNotSupported, "mx1.corp.test", 3), met(tlsrpt.StartTLSNotSupported, "mx2.corp.test", 2), met("moon-phase", "mx2.corp.test", 1))}, nil,
			"Enforced over the last 14 days, 15 of 10,015 sessions from 1 of 1 reporter would have been refused: 5 at mx1.corp.test (expired certificate, not reproducible), " +
				"4 at mx2.corp.test (expired certificate, not reproducible), 3 at mx1.corp.test (no STARTTLS, not reproducible), 2 other causes."},
		{"a host's name is shown without what would command the terminal", []rollout.ReportDay{report(12, google, met(tlsrpt.ValidationFailure, "mx\x1b[2Jevil.test", 1))}, nil,
			"Enforced over the last 14 days, 1 of 10,001 sessions from 1 of 1 reporter would have been refused: 1 at mxevil.test (not in your policy)."},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(now)
			r.Reports = row.reports
			if row.with != nil {
				row.with(&r)
			}
			if got := r.Forecast(now, 14).Words(now); got != row.want {
				t.Errorf("it says\n%s, want\n%s", got, row.want)
			}
		})
	}
}

func TestGateReadsTheForecast(t *testing.T) {
	now := day(15)
	r := inTesting(now)
	r.Reports = append(daily(1, 14, google, microsoft), report(9, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 1)))
	g := r.ReviewGate(now)
	if want := r.Forecast(now, 14).Words(now); g.Forecast != want || !strings.Contains(want, "1 of 290,001 sessions") {
		t.Errorf("the gate read %q, the forecast is %q", g.Forecast, want)
	}
	if soak := r.SoakGate(now, 7*rollout.Day, "under enforce"); soak.Forecast != g.Forecast {
		t.Errorf("gate 5 read %q", soak.Forecast)
	}
	told := false
	for _, x := range g.Reasons {
		told = told || strings.Contains(x.Text, "google.com reported certificate-expired at mx2.corp.test in the period to 2026-06-10T00:00:00Z (1 session); not reproducible: last on 9 Jun")
	}
	if !told {
		t.Errorf("no reason tells what belay saw of it: %+v", g.Reasons)
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
		report(13, "yahooinc.com", under("version: STSv1\nmode: enforce\nmx: *.evil.test\nmax_age: 31557600")),
		report(13, "messagingengine.com", under("")),
		report(13, "odd.test"),
	}
	got := r.Versions(now)
	want := []rollout.HeldVersion{
		{Reporter: google, PolicyID: "20260610T000000Z", Mode: mtasts.Enforce, MaxAge: 86400, Seen: day(15), Present: true},
		{Reporter: microsoft, PolicyID: "20260501T000000Z", Mode: mtasts.Testing, MaxAge: 604800, Seen: day(14), Until: day(17)},
		{Reporter: "yahooinc.com", Mode: mtasts.Enforce, MaxAge: 31557600, Seen: day(14), Strange: true},
	}
	if len(got) != len(want) {
		t.Fatalf("versions %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("version %+v, want %+v", got[i], want[i])
		}
	}
	var said []string
	for _, h := range got {
		said = append(said, h.Reporter+" "+h.Words(now))
		f, ok := h.Finding(now)
		if want := map[string]finding.Code{google: "", microsoft: "V08", "yahooinc.com": "V19"}[h.Reporter]; f.Code != want || ok != (want != "") {
			t.Errorf("%s: finding %s %v, want %s", h.Reporter, f.Code, ok, want)
		}
	}
	if got, want := strings.Join(said, "; "), "google.com holds id 20260610T000000Z, the present policy; "+
		"microsoft.com still holds id 20260501T000000Z until 17 Jun at the latest; yahooinc.com held a policy that was never yours"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	for _, h := range r.Versions(day(17).Add(time.Second)) {
		if h.Reporter == microsoft {
			t.Errorf("nobody can hold %+v any longer", h)
		}
	}
}
