package rollout_test

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// TestFailureBesideWhatBelaySaw has a failure that Google met at mx2 on 12 and 13
// June, told on 20 June, beside what belay's own looks have shown.
func TestFailureBesideWhatBelaySaw(t *testing.T) {
	const mx2, host = "mx2.corp.test", "mta-sts.corp.test"
	twice := func(typ tlsrpt.ResultType, mx string) []rollout.ReportDay {
		return []rollout.ReportDay{report(12, google, met(typ, mx, 3)), report(13, google, met(typ, mx, 4))}
	}
	at := func(typ tlsrpt.ResultType, ips ...string) []rollout.ReportDay {
		d := report(12, google)
		for _, ip := range ips {
			d.Failures = append(d.Failures, rollout.FailureCount{Type: typ, MX: mx2, IP: ip, Count: 1})
		}
		return []rollout.ReportDay{d}
	}
	ran := func(code, subject string, from, until, gone time.Time) func(*rollout.Rollout) {
		return func(r *rollout.Rollout) {
			r.History.Runs = append(r.History.Runs, rollout.Run{Code: code, Subject: subject, From: from, Until: until, Gone: gone})
		}
	}
	hour := func(n, h int) time.Time { return day(n).Add(time.Duration(h) * time.Hour) }
	for _, row := range []struct {
		name    string
		reports []rollout.ReportDay
		with    func(*rollout.Rollout)
		verdict rollout.ProbeVerdict
		words   string
	}{
		{"belay sees the same now", twice(tlsrpt.CertificateNotTrusted, mx2),
			func(r *rollout.Rollout) { failing(r.Evidence, "M13", mx2+" [192.0.2.11]") }, rollout.ProbeSame,
			"google.com could not verify the certificate of mx2.corp.test on 12 and 13 Jun; belay sees the same now"},
		{"belay saw the same, and has not looked since", twice(tlsrpt.CertificateNotTrusted, mx2),
			func(r *rollout.Rollout) {
				r.Evidence = failing(cleanLook(day(18)), "M12", mx2)
			}, rollout.ProbeSame,
			"google.com could not verify the certificate of mx2.corp.test on 12 and 13 Jun; belay saw the same when it looked last, at 2026-06-18T00:00:00Z"},
		{"another finding at the host is another thing", twice(tlsrpt.CertificateNotTrusted, mx2),
			func(r *rollout.Rollout) { failing(r.Evidence, "M07", mx2+" [192.0.2.11]") }, rollout.ProbeNotSeen,
			"google.com could not verify the certificate of mx2.corp.test on 12 and 13 Jun; not reproducible: last on 13 Jun"},
		{"the same finding at another host is another thing", twice(tlsrpt.CertificateNotTrusted, mx2),
			func(r *rollout.Rollout) { failing(r.Evidence, "M13", "mx1.corp.test [192.0.2.10]") }, rollout.ProbeNotSeen,
			"google.com could not verify the certificate of mx2.corp.test on 12 and 13 Jun; not reproducible: last on 13 Jun"},
		{"belay saw the same until it was mended", twice(tlsrpt.CertificateExpired, mx2),
			ran("M09", mx2+" [192.0.2.11]", hour(12, 3), hour(14, 8), hour(14, 9)), rollout.ProbeMended,
			"google.com met an expired certificate at mx2.corp.test on 12 and 13 Jun; belay saw the same until 2026-06-14T08:00:00Z; mended since"},
		{"of two addresses the one mended last", twice(tlsrpt.CertificateExpired, mx2), func(r *rollout.Rollout) {
			ran("M09", mx2+" [192.0.2.11]", hour(12, 3), hour(14, 8), hour(14, 9))(r)
			ran("M09", mx2+" [2001:db8::11]", hour(12, 3), hour(12, 8), hour(12, 9))(r)
		}, rollout.ProbeMended, "google.com met an expired certificate at mx2.corp.test on 12 and 13 Jun; belay saw the same until 2026-06-14T08:00:00Z; mended since"},
		{"senders met it again after belay no longer did", []rollout.ReportDay{report(8, google, met(tlsrpt.CertificateExpired, mx2, 3)), report(13, google, met(tlsrpt.CertificateExpired, mx2, 4))},
			ran("M09", mx2+" [192.0.2.11]", hour(8, 3), hour(8, 8), hour(8, 9)), rollout.ProbeAgain,
			"google.com met an expired certificate at mx2.corp.test on 8 and 13 Jun; belay saw the same until 2026-06-08T08:00:00Z; failed again since"},
		{"senders met it on the day on which belay no longer did", []rollout.ReportDay{report(13, google, met(tlsrpt.CertificateExpired, mx2, 4))},
			ran("M09", mx2+" [192.0.2.11]", hour(13, 3), hour(13, 8), hour(13, 9)), rollout.ProbeMended,
			"google.com met an expired certificate at mx2.corp.test on 13 Jun; belay saw the same until 2026-06-13T08:00:00Z; mended since"},
		{"the operator's word, and senders met it after it", []rollout.ReportDay{report(8, google, met(tlsrpt.StartTLSNotSupported, mx2, 3)), report(13, google, met(tlsrpt.StartTLSNotSupported, mx2, 4))},
			func(r *rollout.Rollout) { r.Mends = []rollout.Mend{{Mended: hour(9, 7)}} }, rollout.ProbeAgain,
			"google.com found no STARTTLS at mx2.corp.test on 8 and 13 Jun; marked mended as of 2026-06-09T07:00:00Z; failed again since"},
		{"what was mended the day before is no explanation", twice(tlsrpt.CertificateExpired, mx2),
			ran("M09", mx2+" [192.0.2.11]", hour(9, 3), hour(11, 8), hour(11, 9)), rollout.ProbeNotSeen,
			"google.com met an expired certificate at mx2.corp.test on 12 and 13 Jun; not reproducible: last on 13 Jun"},
		{"belay met it when it looked next", twice(tlsrpt.CertificateExpired, mx2),
			ran("M09", mx2+" [192.0.2.11]", hour(14, 3), hour(15, 8), hour(15, 9)), rollout.ProbeMended,
			"google.com met an expired certificate at mx2.corp.test on 12 and 13 Jun; belay saw the same until 2026-06-15T08:00:00Z; mended since"},
		{"what began later is none either", twice(tlsrpt.CertificateExpired, mx2),
			ran("M09", mx2+" [192.0.2.11]", hour(15, 3), hour(15, 8), hour(15, 9)), rollout.ProbeNotSeen,
			"google.com met an expired certificate at mx2.corp.test on 12 and 13 Jun; not reproducible: last on 13 Jun"},
		{"the operator's word", twice(tlsrpt.StartTLSNotSupported, mx2),
			func(r *rollout.Rollout) { r.Mends = []rollout.Mend{{Mended: hour(13, 7)}, {Mended: hour(2, 7)}} }, rollout.ProbeTold,
			"google.com found no STARTTLS at mx2.corp.test on 12 and 13 Jun; marked mended as of 2026-06-13T07:00:00Z"},
		{"a word from before is none on this", twice(tlsrpt.StartTLSNotSupported, mx2),
			func(r *rollout.Rollout) { r.Mends = []rollout.Mend{{Mended: hour(11, 23)}} }, rollout.ProbeNotSeen,
			"google.com found no STARTTLS at mx2.corp.test on 12 and 13 Jun; not reproducible: last on 13 Jun"},
		{"at one address", at(tlsrpt.ValidationFailure, "192.0.2.11"), nil, rollout.ProbeNotSeen,
			"google.com failed at mx2.corp.test for a reason without a name of its own on 12 Jun; not reproducible: one address, last on 12 Jun"},
		{"at two", at(tlsrpt.ValidationFailure, "192.0.2.11", "2001:db8::11", "192.0.2.11"), nil, rollout.ProbeNotSeen,
			"google.com failed at mx2.corp.test for a reason without a name of its own on 12 Jun; not reproducible: 2 addresses, last on 12 Jun"},
		{"the host could not be seen from here", twice(tlsrpt.CertificateExpired, mx2), func(r *rollout.Rollout) {
			r.History.Runs = []rollout.Run{{Code: "M04", Subject: mx2, Unknown: true, From: day(2), Until: day(19)}}
		}, rollout.ProbeUnseen, "google.com met an expired certificate at mx2.corp.test on 12 and 13 Jun; belay could not see it from here"},
		{"no look on one of the days", twice(tlsrpt.CertificateExpired, mx2), func(r *rollout.Rollout) {
			r.History.Days = r.History.Days[:12]
		}, rollout.ProbeNotLooked, "google.com met an expired certificate at mx2.corp.test on 12 and 13 Jun; belay did not look on each of these days, and does not see it now"},
		{"never looked", twice(tlsrpt.CertificateExpired, mx2), func(r *rollout.Rollout) {
			r.History, r.Evidence = rollout.History{}, nil
		}, rollout.ProbeNotLooked, "google.com met an expired certificate at mx2.corp.test on 12 and 13 Jun; belay has not looked yet"},
		{"the policy host", twice(tlsrpt.STSPolicyFetchError, ""), ran("H05", host+" [192.0.2.80]", hour(12, 0), hour(13, 6), hour(13, 7)), rollout.ProbeMended,
			"google.com could not fetch the policy on 12 and 13 Jun; belay saw the same until 2026-06-13T06:00:00Z; mended since"},
		{"its certificate", twice(tlsrpt.STSWebPKIInvalid, ""), func(r *rollout.Rollout) { failing(r.Evidence, "H03", host) }, rollout.ProbeSame,
			"google.com could not verify the certificate of the policy host on 12 and 13 Jun; belay sees the same now"},
		{"somebody else's host is nothing to look at", twice(tlsrpt.ValidationFailure, "mx9.other.test"), nil, rollout.ProbeNone,
			"google.com tried mx9.other.test, which is not in your policy, on 12 and 13 Jun"},
		{"nor are failures without details", []rollout.ReportDay{report(12, google, func(d *rollout.ReportDay) { d.Failure, d.Unexplained = 2, 2 })}, nil, rollout.ProbeNone,
			"google.com counted failures without details on 12 Jun"},
		{"nor is what nobody knows the type of", twice("moon-phase", mx2), nil, rollout.ProbeNotSeen,
			`google.com reported "moon-phase" at mx2.corp.test on 12 and 13 Jun; not reproducible: last on 13 Jun`},
	} {
		t.Run(row.name, func(t *testing.T) {
			now := day(20)
			r := inTesting(now)
			r.Reports = row.reports
			if row.with != nil {
				row.with(&r)
			}
			fs := r.Review(now).Under(r.ReviewGate(now)).Failures
			if len(fs) != 1 || fs[0].Own.Verdict != row.verdict {
				t.Fatalf("failures %+v, want one that is %s", fs, row.verdict)
			}
			said := fs[0].Words(now)
			if own := fs[0].OwnWords(now); own != "" {
				said += "; " + own
			}
			if said = strings.Replace(said, ",;", ";", 1); strings.TrimSuffix(said, ",") != row.words {
				t.Errorf("it says\n%s, want\n%s", said, row.words)
			}
		})
	}
}

func TestFailuresTellWhoWhenAndWhere(t *testing.T) {
	now := day(20)
	r := inTesting(now)
	r.Dismissals = []rollout.Dismissal{{At: day(10), Key: "microsoft.com/certificate-expired/mx2.corp.test"}}
	said := func(text string) func(*rollout.ReportDay) {
		return func(d *rollout.ReportDay) { d.Failures[0].Reason = text }
	}
	r.Reports = []rollout.ReportDay{
		report(9, google, met(tlsrpt.CertificateExpired, "MX2.corp.test.", 4), said("certificate has expired\x1b[31m")),
		report(10, microsoft, met(tlsrpt.CertificateExpired, "mx2.corp.test", 2), said("CERT_EXPIRED")),
		report(11, "yahooinc.com", met(tlsrpt.CertificateExpired, "mx2.corp.test", 1)),
		report(12, "amazonses.com", met(tlsrpt.CertificateExpired, "mx2.corp.test", 1)),
		report(14, "odd.test", met(tlsrpt.CertificateExpired, "mx2.corp.test", 70)),
		report(14, google, met(tlsrpt.TLSAInvalid, "mx2.corp.test", 90)),
		report(15, google, met(tlsrpt.STSPolicyFetchError, "", 60)),
		report(-9, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 1000)), // before the days that are reviewed
	}
	type brief struct {
		key    string
		effect rollout.Effect
		n      int64
		words  string
		code   string
	}
	want := []brief{
		{"google.com/certificate-expired/mx2.corp.test yahooinc.com/certificate-expired/mx2.corp.test", rollout.EffectRefused, 8,
			"amazonses.com, google.com, microsoft.com and yahooinc.com met an expired certificate at mx2.corp.test from 9 to 12 Jun", "M09"},
		{"google.com/sts-policy-fetch-error/-", rollout.EffectNoPolicy, 60, "google.com could not fetch the policy on 15 Jun", "V04"},
		{"", rollout.EffectNone, 90, "google.com could not verify mx2.corp.test by DANE (tlsa-invalid) on 14 Jun", "V10"},
		{"", rollout.EffectRefused, 70, "odd.test met an expired certificate at mx2.corp.test on 14 Jun", "M09"},
	}
	r.Settings.Senders = []string{google, microsoft, "yahooinc.com", "amazonses.com"}
	want[0].key = "amazonses.com/certificate-expired/mx2.corp.test " + want[0].key
	got := r.Review(now).Under(r.ReviewGate(now)).Failures
	if len(got) != len(want) {
		t.Fatalf("failures %+v", got)
	}
	for i, f := range got {
		is := brief{strings.Join(f.Blocks, " "), f.Effect, f.Sessions, f.Words(now), string(f.Code)}
		if is != want[i] || f.Stranger != (i == 3) {
			t.Errorf("failure %d is\n%+v, want\n%+v", i, is, want[i])
		}
	}
	if said := strings.Join(got[0].Said, "; "); said != "CERT_EXPIRED; certificate has expired" {
		t.Errorf("they say %q", said)
	}
}
