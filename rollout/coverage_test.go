package rollout_test

import (
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

func TestCoverageTellsHowRegularlyHowLateAndWhoStopped(t *testing.T) {
	now := day(29).Add(9 * time.Hour)
	on := func(org string, days ...int) (out []rollout.ReportDay) {
		for _, n := range days {
			out = append(out, report(n, org))
		}
		return out
	}
	unproven := func(first, last int) (out []rollout.ReportDay) {
		for n := first; n <= last; n++ {
			out = append(out, report(n, google, unsigned("/trusted")))
		}
		return out
	}
	late := func(ds []rollout.ReportDay, by time.Duration) []rollout.ReportDay {
		for i := range ds {
			ds[i].Timed, ds[i].Late = 1, int64(by.Seconds())
		}
		return ds
	}
	for _, row := range []struct {
		name    string
		reports []rollout.ReportDay
		words   string
		stopped bool
	}{
		{"each day", daily(1, 28, google), "28 of 28 days", false},
		{"each day, hours after", late(daily(1, 28, google), 6*time.Hour), "28 of 28 days, 6 h after", false},
		{"each day, days after", late(daily(1, 24, google), 4*rollout.Day), "24 of 28 days, 4 days after", false},
		{"within the hour", late(daily(1, 28, google), 20*time.Minute), "28 of 28 days, within the hour", false},
		{"from the middle on, every day since", daily(20, 28, google), "9 of 9 days", false},
		{"on some days, as it always did", on(google, 2, 9, 16, 23), "4 of 27 days", false},
		{"silent no longer than ever before", on(google, 1, 2, 9, 10, 21), "5 of 28 days", false},
		{"silent for longer than ever before", daily(1, 20, google), "20 of 28 days, silent for 8 days", true},
		{"three quiet days are nobody's end", daily(1, 25, google), "25 of 28 days", false},
		{"four are", daily(1, 24, google), "24 of 28 days, silent for 4 days", true},
		{"unless it is as late", late(daily(1, 24, google), 3*rollout.Day), "24 of 28 days, 3 days after", false},
		{"once and never again", on(google, 3), "1 of 26 days, silent for 25 days", true},
		{"signed since some day, by trust in the inbox before", append(unproven(1, 20), daily(21, 28, google)...), "28 of 28 days", false},
		{"signed at first, by trust in the inbox since", append(daily(1, 20, google), unproven(21, 28)...), "28 of 28 days", false},
		{"what does not count makes nobody regular", append(daily(1, 20, google), on(google, 28)[0], report(24, google, unsigned("/other"))), "21 of 28 days", false},
		{"signed and not, and silent for longer than ever before", append(unproven(1, 10), daily(11, 20, google)...), "20 of 28 days, silent for 8 days", true},
		{"more on one day than is kept apart", append(on(google, 27, 28), report(28, google, others)), "2 of 2 days, more than is told apart", false},
		{"twice on one day is one day", append(on(google, 27, 28), report(28, google, under("other"))), "2 of 2 days", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(now)
			r.Trusts = []rollout.Trust{{Source: "/trusted"}}
			r.Reports = append(row.reports, daily(27, 28, "amazonses.com")...)
			byEnd(r.Reports)
			for _, c := range r.Coverage(now, 28) {
				if c.Reporter == google && c.Counted && (c.Words() != row.words || c.Stopped != row.stopped || !c.Known) {
					t.Errorf("it says %q, stopped %v, want %q, %v: %+v", c.Words(), c.Stopped, row.words, row.stopped, c)
				}
			}
		})
	}
}

func TestCoverageOfThoseThatDoNotCountComesLast(t *testing.T) {
	now := day(15)
	r := inTesting(now)
	r.Reports = []rollout.ReportDay{
		report(12, "loud.test", unsigned("/inbox")), report(13, "odd.test"),
		report(13, google, func(d *rollout.ReportDay) { d.Success = 5 }, met(tlsrpt.CertificateExpired, "mx1.corp.test", 2)),
		report(13, google, ofType("tlsa")), report(13, google, unsigned("/inbox")),
	}
	var got []string
	for _, c := range r.Coverage(now, 28) {
		got = append(got, c.Reporter+" "+string(c.Standing))
		if c.Counted && (c.Success != 5 || c.Failure != 2 || c.Refused != 2) {
			t.Errorf("%+v", c)
		}
	}
	want := []string{"google.com verified", "google.com unsigned", "loud.test unsigned", "odd.test verified"}
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Fatalf("reporters %q, want %q", got, want)
		}
	}
}

func TestReviewFindsWhoIsMissing(t *testing.T) {
	trusted := func(first, last int) (out []rollout.ReportDay) {
		for n := first; n <= last; n++ {
			out = append(out, report(n, google, unsigned("/trusted")))
		}
		return out
	}
	for _, row := range []struct {
		name    string
		now     time.Time
		reports []rollout.ReportDay
		want    string
	}{
		{"nobody yet", day(4), nil, "V01 corp.test"},
		{"nobody for two weeks", day(15), nil, "V02 corp.test"},
		{"unsigned reports are nobody's", day(15), []rollout.ReportDay{report(12, google, unsigned("/inbox"))}, "V02 corp.test"},
		{"one alone", day(15), daily(1, 14, google), "V15 google.com"},
		{"one alone, signed only since some day", day(15), append(trusted(1, 7), daily(8, 14, google)...), "V15 google.com"},
		{"two, one of them signed only since some day", day(15), append(trusted(1, 7), append(daily(8, 14, google), daily(1, 14, microsoft)...)...), ""},
		{"one that stopped being signed", day(15), append(trusted(8, 14), append(daily(1, 7, google), daily(1, 14, microsoft)...)...), ""},
		{"one that stopped, signed and not", day(15), append(trusted(1, 4), append(daily(5, 9, google), daily(1, 14, microsoft)...)...), "O14 google.com"},
		{"one that stopped", day(15), append(daily(1, 9, microsoft), daily(1, 14, google)...), "O14 microsoft.com"},
		{"a policy that was never ours", day(15), append(daily(1, 14, google, microsoft), report(14, microsoft, under("version: STSv1\nmode: none\nmax_age: 5"))), "V19 microsoft.com"},
		{"nothing", day(15), daily(1, 14, google, microsoft), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(row.now)
			r.Trusts = []rollout.Trust{{Source: "/trusted"}}
			r.Reports = row.reports
			byEnd(r.Reports)
			got := ""
			for _, f := range r.Review(row.now).Findings {
				got += string(f.Code) + " " + f.Subject
			}
			if got != row.want {
				t.Errorf("findings %q, want %q", got, row.want)
			}
		})
	}
}

func TestReviewOfDays(t *testing.T) {
	now := day(15)
	r := inTesting(now)
	r.Trusts = []rollout.Trust{{Source: "/trusted"}}
	r.Reports = []rollout.ReportDay{
		report(10, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 3), met(tlsrpt.STSPolicyFetchError, "", 2), met(tlsrpt.TLSAInvalid, "mx2.corp.test", 9)),
		report(10, microsoft, unsigned("/trusted"), met(tlsrpt.CertificateExpired, "mx1.corp.test", 1)),
		report(10, "loud.test", unsigned("/inbox"), met(tlsrpt.CertificateExpired, "mx1.corp.test", 8)),
		report(10, google, ofType("tlsa"), met(tlsrpt.CertificateExpired, "mx1.corp.test", 8)),
		report(13, google),
	}
	v := r.Review(now)
	want := []rollout.DaySessions{
		{Day: day(10), OK: 10000 + 9 + 10000, Refused: 4, NoPolicy: 2, Verified: 10014, OtherOK: 10000, OtherFailed: 8},
		{Day: day(11)}, {Day: day(12)},
		{Day: day(13), OK: 10000, Verified: 10000},
	}
	if len(v.Days) != len(want) {
		t.Fatalf("days %+v", v.Days)
	}
	for i := range want {
		if v.Days[i] != want[i] {
			t.Errorf("day %+v, want %+v", v.Days[i], want[i])
		}
	}
	if mx := v.ByMX; len(mx) != 3 || mx[0] != (rollout.Share{Name: "mx2.corp.test", Sessions: 3}) || mx[1] != (rollout.Share{Name: "", Sessions: 2}) || mx[2].Sessions != 1 {
		t.Errorf("by MX %+v", mx)
	}
	if typ := v.ByType; len(typ) != 2 || typ[0] != (rollout.Share{Name: "certificate-expired", Sessions: 4}) {
		t.Errorf("by type %+v", typ)
	}
}
