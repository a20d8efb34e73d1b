package rollout_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

func TestBlockingFailures(t *testing.T) {
	const mx1 = "mx1.corp.test"
	earlier := func(text string) func(*rollout.Rollout) {
		return func(r *rollout.Rollout) {
			old := served(text, "20260520T000000Z", day(1).Add(-5*rollout.Day))
			old.Until = day(1)
			r.Ledger = append(rollout.Ledger{old}, r.Ledger...)
		}
	}
	const withoutMX1 = "version: STSv1\nmode: testing\nmx: mx2.corp.test\nmax_age: 86400"
	const unsound = "version: STSv1\nmode: enforced\nmx: mx1.corp.test\nmax_age: 86400"
	// A period from 22:00 on the day before to 22:00, its end rounded up.
	evening := func(n int) rollout.ReportDay {
		return report(n, google, met(tlsrpt.ValidationFailure, mx1, 1), func(d *rollout.ReportDay) { d.Begins = d.Begins.Add(-2 * time.Hour) })
	}
	for _, row := range []struct {
		name    string
		reports []rollout.ReportDay
		with    func(*rollout.Rollout)
		want    string // keys of what blocks
	}{
		{name: "starttls-not-supported", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.StartTLSNotSupported, mx1, 1))}, want: "google.com/starttls-not-supported/mx1.corp.test"},
		{name: "certificate-host-mismatch", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.CertificateHostMismatch, mx1, 1))}, want: "google.com/certificate-host-mismatch/mx1.corp.test"},
		{name: "certificate-expired", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.CertificateExpired, mx1, 1))}, want: "google.com/certificate-expired/mx1.corp.test"},
		{name: "certificate-not-trusted", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.CertificateNotTrusted, mx1, 1))}, want: "google.com/certificate-not-trusted/mx1.corp.test"},
		{name: "validation-failure above the tolerance", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 6))}, want: "google.com/validation-failure/mx1.corp.test"},
		{name: "sts-policy-fetch-error above the tolerance", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.STSPolicyFetchError, "", 6))}, want: "google.com/sts-policy-fetch-error/-"},
		{name: "sts-policy-invalid", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.STSPolicyInvalid, "", 1))}, want: "google.com/sts-policy-invalid/-"},
		{name: "sts-webpki-invalid", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.STSWebPKIInvalid, "", 1))}, want: "google.com/sts-webpki-invalid/-"},
		{name: "a type unknown to us", reports: []rollout.ReportDay{report(9, google, met("moon-phase", mx1, 1))}, want: "google.com/moon-phase/mx1.corp.test"},
		{name: "a failure total without details", reports: []rollout.ReportDay{report(9, google, func(d *rollout.ReportDay) { d.Failure, d.Unexplained = 2, 2 })}, want: "google.com/unexplained/-"},
		{name: "tlsa-invalid", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.TLSAInvalid, mx1, 9))}},
		{name: "dnssec-invalid", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.DNSSECInvalid, mx1, 9))}},
		{name: "dane-required", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.DANERequired, mx1, 9))}},
		{name: "failures under tlsa", reports: []rollout.ReportDay{report(9, google, ofType("tlsa"), met(tlsrpt.CertificateExpired, mx1, 9))}},
		{name: "a failure of no sessions", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.CertificateExpired, mx1, 0))}},
		{name: "both of a day's kinds, each once", reports: []rollout.ReportDay{
			report(9, google, met(tlsrpt.CertificateExpired, mx1, 1), met(tlsrpt.CertificateExpired, mx1, 2)), report(9, google, under("other text"), met(tlsrpt.CertificateExpired, mx1, 1)),
		}, want: "google.com/certificate-expired/mx1.corp.test"},

		{name: "an MX host that the policy does not cover", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, "mx9.other.test", 1))}, want: "google.com/validation-failure/mx9.other.test"},
		{name: "also where DANE failed there", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.TLSAInvalid, "mx9.other.test", 1))}, want: "google.com/tlsa-invalid/mx9.other.test"},
		{name: "until the operator says that it is not theirs", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, "MX9.other.test.", 1))},
			with: func(r *rollout.Rollout) {
				r.Dismissals = []rollout.Dismissal{{At: day(10), Key: "mx9.other.test"}}
			}},

		{name: "under an earlier version that did not cover the MX", reports: []rollout.ReportDay{report(9, google, under(withoutMX1), met(tlsrpt.ValidationFailure, mx1, 900))}, with: earlier(withoutMX1)},
		{name: "under an earlier version that covered it", reports: []rollout.ReportDay{report(9, google, under(withoutMX1), met(tlsrpt.ValidationFailure, "mx2.corp.test", 900))}, with: earlier(withoutMX1), want: "google.com/validation-failure/mx2.corp.test"},
		{name: "under an earlier version that failed our lint", reports: []rollout.ReportDay{report(9, google, under(unsound+"\r\n"), met(tlsrpt.STSPolicyInvalid, "", 900))}, with: earlier(unsound)},
		{name: "under a text that the ledger never served", reports: []rollout.ReportDay{report(9, google, under(withoutMX1), met(tlsrpt.ValidationFailure, mx1, 900))}, want: "google.com/validation-failure/mx1.corp.test"},
		{name: "under the live version", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.STSPolicyInvalid, "", 900))}, with: earlier(withoutMX1), want: "google.com/sts-policy-invalid/-"},

		{name: "under a live version that fails our lint", reports: []rollout.ReportDay{report(9, google, under(unsound), met(tlsrpt.STSPolicyInvalid, "", 900))},
			with: func(r *rollout.Rollout) {
				earlier(body)(r)
				r.Ledger[1].Body = unsound
			}, want: "google.com/sts-policy-invalid/-"},

		{name: "a dismissal covers later reports for 30 days", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.CertificateExpired, mx1, 1)), report(38, google, met(tlsrpt.CertificateExpired, mx1, 1))},
			with: dismissed("google.com/certificate-expired/mx1.corp.test")},
		{name: "and no longer", reports: []rollout.ReportDay{report(39, google, met(tlsrpt.CertificateExpired, mx1, 1))},
			with: dismissed("google.com/certificate-expired/mx1.corp.test"), want: "google.com/certificate-expired/mx1.corp.test"},
		{name: "a dismissal covers its key alone", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.CertificateExpired, mx1, 1))},
			with: dismissed("google.com/certificate-expired/mx2.corp.test"), want: "google.com/certificate-expired/mx1.corp.test"},
		{name: "a known reporter is not dismissed by its name", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.CertificateExpired, mx1, 1))},
			with: dismissed("google.com"), want: "google.com/certificate-expired/mx1.corp.test"},

		{name: "five strays in ten thousand", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 3), met(tlsrpt.STSPolicyFetchError, "", 2))}},
		{name: "more than one in a thousand", reports: []rollout.ReportDay{report(9, google, func(d *rollout.ReportDay) { d.Success = 1000 }, met(tlsrpt.ValidationFailure, mx1, 2))}, want: "google.com/validation-failure/mx1.corp.test"},
		{name: "strays in two periods running", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1)), report(10, google, met(tlsrpt.STSPolicyFetchError, "", 1))},
			want: "google.com/sts-policy-fetch-error/-, google.com/validation-failure/mx1.corp.test"},
		{name: "strays with a day between", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1)), report(11, google, met(tlsrpt.ValidationFailure, mx1, 1))}},
		{name: "strays in two periods running that begin in the evening", reports: []rollout.ReportDay{evening(9), evening(10)}, want: "google.com/validation-failure/mx1.corp.test, google.com/validation-failure/mx1.corp.test"},
		{name: "strays in such periods with a day between", reports: []rollout.ReportDay{evening(9), evening(11)}},
		{name: "strays in a period and in a longer one around it", reports: []rollout.ReportDay{
			report(9, google, met(tlsrpt.ValidationFailure, mx1, 1)),
			report(8, google, met(tlsrpt.ValidationFailure, mx1, 1), func(d *rollout.ReportDay) { d.Ends = day(11) }),
		}, want: "google.com/validation-failure/mx1.corp.test, google.com/validation-failure/mx1.corp.test"},
		{name: "strays of two reporters", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1)), report(10, microsoft, met(tlsrpt.ValidationFailure, mx1, 1))}},
		{name: "a stray type beside one that is none", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1), met(tlsrpt.CertificateExpired, mx1, 1))}, want: "google.com/certificate-expired/mx1.corp.test"},
		{name: "strays turned off", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1))}, with: func(r *rollout.Rollout) { r.Settings.Stray = 0 }, want: "google.com/validation-failure/mx1.corp.test"},
		{name: "more strays allowed", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 9))}, with: func(r *rollout.Rollout) { r.Settings.Stray = 9 }},
		{name: "own probe failed that day", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1))},
			with: func(r *rollout.Rollout) {
				r.History.Runs = []rollout.Run{{Code: "M08", Subject: mx1, From: day(8), Until: day(9), Gone: day(9).Add(1)}}
			}, want: "google.com/validation-failure/mx1.corp.test"},
		{name: "own probe failed the day before", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1))},
			with: func(r *rollout.Rollout) {
				r.History.Runs = []rollout.Run{{Code: "M08", Subject: mx1, From: day(8), Until: day(8), Gone: day(9)}}
			}},
		{name: "something was unseen that day", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1))}, with: unseen(nil), want: "google.com/validation-failure/mx1.corp.test"},
		{name: "something was unseen and waived", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1))}, with: unseen([]rollout.ReasonKey{{Code: "M04", Subject: mx1, Unknown: true}})},

		{name: "hosts that were added up: DANE failed where none can tell whether it is covered", reports: []rollout.ReportDay{report(9, google, folded(tlsrpt.TLSAInvalid, 9))}, want: "google.com/tlsa-invalid/-"},
		{name: "hosts that were added up are no stray", reports: []rollout.ReportDay{report(9, google, folded(tlsrpt.ValidationFailure, 1))}, want: "google.com/validation-failure/-"},
		{name: "hosts that were added up, under an earlier version that failed our lint", reports: []rollout.ReportDay{report(9, google, under(unsound+"\r\n"), folded(tlsrpt.STSPolicyInvalid, 9))}, with: earlier(unsound), want: "google.com/sts-policy-invalid/-"},
		{name: "periods that were added up hold no stray", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1), others)}, want: "google.com/validation-failure/mx1.corp.test"},
		{name: "nor is one beside it", reports: []rollout.ReportDay{report(8, google, met(tlsrpt.ValidationFailure, mx1, 1)), report(9, google, met(tlsrpt.ValidationFailure, mx1, 1), others)},
			want: "google.com/validation-failure/mx1.corp.test, google.com/validation-failure/mx1.corp.test"},
		{name: "no own probe that day", reports: []rollout.ReportDay{report(9, google, met(tlsrpt.ValidationFailure, mx1, 1))},
			with: func(r *rollout.Rollout) { r.History.Days = r.History.Days[:8] }, want: "google.com/validation-failure/mx1.corp.test"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(day(20))
			r.Reports = row.reports
			if row.with != nil {
				row.with(&r)
			}
			var keys []string
			for _, b := range r.Blocking() {
				keys = append(keys, b.Key)
			}
			if got := strings.Join(keys, ", "); got != row.want {
				t.Errorf("blocking: %q, want %q", got, row.want)
			}
		})
	}
}

// folded is a failure at hosts that the store added up.
func folded(t tlsrpt.ResultType, n int64) func(*rollout.ReportDay) {
	return func(d *rollout.ReportDay) {
		met(t, "", n)(d)
		d.Failures[len(d.Failures)-1].IP = rollout.FoldedIP
	}
}

// others makes a day one that sums up what its writer said about several periods.
func others(d *rollout.ReportDay) { d.Submitter, d.PolicyText = rollout.FoldedSubmitter, "" }

func dismissed(key string) func(*rollout.Rollout) {
	return func(r *rollout.Rollout) { r.Dismissals = []rollout.Dismissal{{At: day(9), Key: key}} }
}

func unseen(waived []rollout.ReasonKey) func(*rollout.Rollout) {
	return func(r *rollout.Rollout) {
		r.History.Runs = []rollout.Run{{Code: "M04", Subject: "mx1.corp.test", Unknown: true, From: day(8), Until: day(12)}}
		r.Overrides = []rollout.Override{{Reasons: waived}}
	}
}

func TestBlockingFailureTellsWhatItIs(t *testing.T) {
	r := inTesting(day(20))
	r.Reports = []rollout.ReportDay{report(9, google, func(d *rollout.ReportDay) {
		d.Failures = []rollout.FailureCount{
			{Type: tlsrpt.CertificateExpired, MX: "mx1.corp.test", IP: "192.0.2.10", Reason: "expired \x1b[31mred", Count: math.MaxInt64},
			{Type: tlsrpt.CertificateExpired, MX: "mx1.corp.test", IP: "192.0.2.11", Count: 5},
		}
	})}
	got := r.Blocking()
	if len(got) != 1 || got[0].Sessions != math.MaxInt64 || got[0].Said != "expired red" || !got[0].Ends.Equal(day(10)) {
		t.Fatalf("got %+v", got)
	}
	for typ, want := range map[tlsrpt.ResultType]finding.Code{
		tlsrpt.CertificateExpired: "V03", tlsrpt.STSPolicyFetchError: "V04", tlsrpt.STSPolicyInvalid: "V05", tlsrpt.STSWebPKIInvalid: "V06", rollout.Unexplained: "V03",
	} {
		if code := (rollout.BlockingFailure{Type: typ}).Code(); code != want {
			t.Errorf("%s is %s, want %s", typ, code, want)
		}
	}
	if code := (rollout.BlockingFailure{Type: tlsrpt.ValidationFailure, Uncovered: true}).Code(); code != "V07" {
		t.Errorf("an uncovered MX is %s", code)
	}
}
