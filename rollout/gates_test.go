package rollout_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

const google, microsoft = "google.com", "microsoft.com"

// TestReviewGate has the examples of the rule, and each part of it, as rows: when
// gate 4 opens. Just before that moment it must be closed.
func TestReviewGate(t *testing.T) {
	two := func(r *rollout.Rollout) { r.Reports = daily(1, 29, google, microsoft) }
	add := func(ds ...rollout.ReportDay) func(*rollout.Rollout) {
		return func(r *rollout.Rollout) { r.Reports = append(r.Reports, ds...) }
	}
	for _, row := range []struct {
		name  string
		with  []func(*rollout.Rollout)
		opens time.Time
	}{
		{"testing live 1 June, Google and Microsoft report daily, all clean", []func(*rollout.Rollout){two}, day(15)},
		{"the same with one certificate-expired about 9 June", []func(*rollout.Rollout){two, add(report(9, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 1)))}, day(24)},
		{"only one known reporter", []func(*rollout.Rollout){func(r *rollout.Rollout) { r.Reports = daily(1, 29, google) }}, day(29)},
		{"no reports at all", nil, day(29)},
		{"unsigned success reports by the thousand", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			for i := range 1000 {
				r.Reports = append(r.Reports, report(1+i%14, "spam.test", unsigned("/inbox")))
			}
		}}, day(15)},
		{"signed success reports from two domains nobody knows", []func(*rollout.Rollout){func(r *rollout.Rollout) {
			r.Reports = append(daily(1, 29, google), daily(1, 29, "one.test", "two.test")...)
		}}, day(29)},
		{"a report about 8 June that arrives on 20 June, after a mend on 10 June", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Mends = []rollout.Mend{{At: day(10), Mended: day(10)}}
		}, add(report(8, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(24)},

		{"a reporter marked known counts", []func(*rollout.Rollout){func(r *rollout.Rollout) {
			r.Reports = daily(1, 29, google, "one.test")
			r.Trusts = []rollout.Trust{{Source: "one.test"}}
		}}, day(15)},
		{"a trusted source's unsigned reports of a known sender count", []func(*rollout.Rollout){func(r *rollout.Rollout) {
			r.Reports = daily(1, 29, google)
			for n := 1; n < 29; n++ {
				r.Reports = append(r.Reports, report(n, microsoft, unsigned("/srv/tls/new")))
			}
			r.Trusts = []rollout.Trust{{Source: "/srv/tls"}}
		}}, day(15)},
		{"a trusted receiver's reports of known senders make none of them a reporter", []func(*rollout.Rollout){func(r *rollout.Rollout) {
			for n := 1; n < 29; n++ {
				r.Reports = append(r.Reports, report(n, google, posted), report(n, microsoft, posted))
			}
			r.Trusts = []rollout.Trust{{Source: receiver}}
		}}, day(29)},
		{"nor where one is found in a mailbox that nobody trusts, or the sender is trusted too", []func(*rollout.Rollout){func(r *rollout.Rollout) {
			for n := 1; n < 29; n++ {
				r.Reports = append(r.Reports, report(n, google, unsigned("/inbox\n"+receiver)), report(n, "one.test", posted))
			}
			r.Trusts = []rollout.Trust{{Source: receiver}, {Source: "one.test"}}
		}}, day(29)},
		{"a report found in a trusted mailbox counts in full, posted or not", []func(*rollout.Rollout){func(r *rollout.Rollout) {
			r.Reports = daily(1, 29, google)
			for n := 1; n < 29; n++ {
				r.Reports = append(r.Reports, report(n, microsoft, posted, func(d *rollout.ReportDay) { d.Source = "/srv/tls\n" + receiver }))
			}
			r.Trusts = []rollout.Trust{{Source: receiver}, {Source: "/srv/tls"}}
		}}, day(15)},
		{"a posted failure of a trusted receiver blocks", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Trusts = []rollout.Trust{{Source: receiver}}
		}, add(report(9, google, posted, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(24)},
		{"a reporter without a session under sts is none", []func(*rollout.Rollout){func(r *rollout.Rollout) {
			r.Reports = daily(1, 29, google)
			for n := 1; n < 29; n++ {
				r.Reports = append(r.Reports, report(n, microsoft, ofType("tlsa")), report(n, microsoft, func(d *rollout.ReportDay) { d.Success = 0 }))
			}
		}}, day(29)},
		{"a reporter that only reported before the clean time is none", []func(*rollout.Rollout){func(r *rollout.Rollout) {
			r.Reports = append(daily(1, 40, google), daily(1, 4, microsoft)...)
			r.Mends = []rollout.Mend{{Mended: day(5)}}
		}}, day(33)},
		{"an unsigned failure from nowhere changes nothing", []func(*rollout.Rollout){two, add(report(9, google, unsigned("/inbox"), met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(15)},
		{"an unsigned failure of a trusted source blocks", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Trusts = []rollout.Trust{{Source: "/srv/tls/"}}
		}, add(report(9, google, unsigned("/srv/tls"), met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(24)},
		{"the operator mended it at noon", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Mends = []rollout.Mend{{Mended: day(3).Add(12 * time.Hour)}}
		}}, day(17).Add(12 * time.Hour)},
		{"a period that contains an operator's mend counts to its end", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Mends = []rollout.Mend{{Mended: day(3).Add(12 * time.Hour)}}
		}, add(report(3, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(18)},
		{"a period in which belay saw the failure mended counts as after the mend", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			sawMended(r, "M09", "mx2.corp.test [192.0.2.11]", day(3).Add(12*time.Hour))
		}, add(report(3, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(17).Add(12 * time.Hour)},
		{"unless the day after has one too", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			sawMended(r, "M09", "mx2.corp.test [192.0.2.11]", day(3).Add(12*time.Hour))
		}, add(report(3, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)), report(4, microsoft, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(19)},
		{"or it was another host's", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			sawMended(r, "M09", "mx1.corp.test [192.0.2.10]", day(3).Add(12*time.Hour))
		}, add(report(3, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(18)},
		{"or it cannot be told at which host", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			sawMended(r, "M09", "mx2.corp.test [192.0.2.11]", day(3).Add(12*time.Hour))
		}, add(report(3, google, folded(tlsrpt.CertificateExpired, 9)))}, day(18)},
		{"or in which period", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			sawMended(r, "M09", "mx2.corp.test [192.0.2.11]", day(3).Add(12*time.Hour))
		}, add(report(3, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9), others))}, day(18)},
		{"an own failure that no second look agreed on moves nothing", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.History.Runs = []rollout.Run{{Code: "M09", Subject: "mx2.corp.test", From: day(3), Until: day(3).Add(4 * time.Minute), Gone: day(3).Add(time.Hour)}}
		}}, day(15)},
		{"what could not be seen for days moves nothing", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.History.Runs = []rollout.Run{{Code: "M04", Subject: "mx2.corp.test", Unknown: true, From: day(2), Until: day(5), Gone: day(5)}}
		}}, day(15)},
		{"what publishing mended was mended when it went live", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.History.Runs = []rollout.Run{{Code: "T01", Subject: "_mta-sts.corp.test", From: day(1).Add(-2 * rollout.Day), Until: day(1).Add(-time.Hour), Gone: day(9)}}
		}}, day(15)},
		{"the MX set changed", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.History.MX = append(r.History.MX, rollout.MXSet{Hosts: []string{"mx1.corp.test"}, From: day(4), Until: day(20)})
		}}, day(18)},
		{"the present body went live later", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Ledger[0].Until = day(6)
			r.Ledger = append(r.Ledger, served(strings.Replace(body, "mx: mx2.corp.test\r\n", "mx: *.corp.test\r\n", 1), "20260606T000000Z", day(6)))
		}}, day(20)},
		{"the body was live a day before its id", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Ledger[0].Announced = day(2)
		}}, day(16)},
		{"an unknown signer's failure before the clean time", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Mends = []rollout.Mend{{Mended: day(5)}}
		}, add(report(4, "odd.test", met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(19)},
		{"own soak settings", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Settings.Soak.Testing, r.Settings.Soak.Silent = 3*rollout.Day, 0
		}}, day(1)},
		{"a dismissed failure", []func(*rollout.Rollout){two, func(r *rollout.Rollout) {
			r.Dismissals = []rollout.Dismissal{{At: day(10), Key: "google.com/certificate-expired/mx2.corp.test"}}
		}, add(report(9, google, met(tlsrpt.CertificateExpired, "mx2.corp.test", 9)))}, day(15)},
	} {
		t.Run(row.name, func(t *testing.T) {
			at := func(now time.Time) rollout.Gate {
				r := inTesting(now)
				for _, change := range row.with {
					change(&r)
				}
				return r.ReviewGate(now)
			}
			if g := at(row.opens); !g.Open {
				t.Errorf("at %s it is closed: %s", row.opens, codes(g.Reasons))
			}
			if !row.opens.After(day(1)) {
				return
			}
			before := row.opens.Add(-time.Second)
			g := at(before)
			if g.Open || !g.Until.Equal(row.opens) {
				t.Errorf("at %s open is %v, until %s, want closed until %s: %s", before, g.Open, g.Until, row.opens, codes(g.Reasons))
			}
			for _, x := range g.Reasons {
				if x.Fix == "" || x.Text == "" || x.Final {
					t.Errorf("reason without a word of what would remove it: %+v", x)
				}
			}
		})
	}
}

// sawMended makes belay see a failure twice and then see it gone.
func sawMended(r *rollout.Rollout, code, subject string, gone time.Time) {
	r.History.Runs = append(r.History.Runs, rollout.Run{Code: code, Subject: subject, From: gone.Add(-3 * time.Hour), Until: gone.Add(-time.Hour), Gone: gone})
}

func TestReviewGateNamesWhomItCounted(t *testing.T) {
	now := day(15)
	r := inTesting(now)
	r.Reports = daily(1, 14, microsoft, google, "nobody.test")
	if g := r.ReviewGate(now); !reflect.DeepEqual(g.Counted, []string{google, microsoft}) {
		t.Errorf("counted %v", g.Counted)
	}
}

func TestVerifiedFailureOfAnUnknownSignerClosesGateFour(t *testing.T) {
	now := day(20)
	r := inTesting(now)
	r.Reports = append(daily(1, 19, google, microsoft), report(9, "odd.test", met(tlsrpt.CertificateExpired, "mx2.corp.test", 3)))
	g := r.ReviewGate(now)
	if g.Open || codes(g.Reasons) != "signer odd.test" || !g.Until.IsZero() {
		t.Errorf("gate: open %v, until %s, %s", g.Open, g.Until, codes(g.Reasons))
	}
	if c, _ := r.CleanSince(now); !c.Equal(day(1)) {
		t.Errorf("it moved the clean time to %s", c)
	}
	r.Dismissals = []rollout.Dismissal{{At: day(19), Key: "odd.test"}}
	if g := r.ReviewGate(now); !g.Open {
		t.Errorf("dismissed, it still closes: %s", codes(g.Reasons))
	}
	r.Dismissals, r.Trusts = nil, []rollout.Trust{{Source: "odd.test"}}
	if c, _ := r.CleanSince(now); !c.Equal(day(10)) {
		t.Errorf("marked known, it moves the clean time to %s, want 10 June", c)
	}
	if !r.SoakGate(now, 7*rollout.Day, "under enforce").Open {
		t.Error("gate 5 asks for more than its time")
	}
}

func TestNewBlockingFailureIsANewReason(t *testing.T) {
	now := day(12)
	r := inTesting(now)
	r.Reports = daily(1, 11, google, microsoft)
	before := r.ReviewGate(now)
	r.Reports = append(r.Reports, report(11, google, met(tlsrpt.StartTLSNotSupported, "mx1.corp.test", 9)))
	after := r.ReviewGate(now)
	for _, x := range after.Reasons {
		for _, y := range before.Reasons {
			if x.Key() == y.Key() {
				t.Errorf("an override of %v would cover the new failure", x.Key())
			}
		}
	}
	if !strings.Contains(codes(after.Reasons), "blocking google.com/starttls-not-supported/mx1.corp.test") {
		t.Errorf("reasons: %s", codes(after.Reasons))
	}
}

func TestPeriodThatClaimsToEndInTheFutureEndsWithToday(t *testing.T) {
	now := day(9).Add(12 * time.Hour)
	r := inTesting(now)
	r.Reports = []rollout.ReportDay{report(8, google, func(d *rollout.ReportDay) { d.Ends = day(9000) }, met(tlsrpt.CertificateExpired, "mx1.corp.test", 1))}
	if c, why := r.CleanSince(now); !c.Equal(day(10)) || !strings.Contains(why, "google.com reported certificate-expired at mx1.corp.test") {
		t.Errorf("clean since %s: %s", c, why)
	}
}

func TestNothingIsCleanBeforeAPolicyIsLive(t *testing.T) {
	now := day(9)
	r := inTesting(now)
	r.Ledger = nil
	if g := r.SoakGate(now, time.Hour, "under enforce"); g.Open || !g.Until.Equal(now.Add(time.Hour)) {
		t.Errorf("open %v, until %s", g.Open, g.Until)
	}
}

func TestSoakGate(t *testing.T) {
	for _, row := range []struct {
		name  string
		now   time.Time
		with  func(*rollout.Rollout)
		open  bool
		until time.Time
	}{
		{"before its time", day(8).Add(-time.Second), func(*rollout.Rollout) {}, false, day(8)},
		{"at its time", day(8), func(*rollout.Rollout) {}, true, time.Time{}},
		{"time does not open what fails", day(8), func(r *rollout.Rollout) { failing(r.Evidence, "M09", "mx1.corp.test") }, false, time.Time{}},
		{"a blocking failure", day(8), func(r *rollout.Rollout) {
			r.Reports = []rollout.ReportDay{report(4, google, met(tlsrpt.CertificateNotTrusted, "mx1.corp.test", 1))}
		}, false, day(12)},
		{"a new rung counts anew", day(8), func(r *rollout.Rollout) {
			r.Ledger = append(r.Ledger, served(strings.Replace(mode(body, mtasts.Enforce), "86400", "604800", 1), "20260605T000000Z", day(5)))
		}, false, day(12)},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(row.now)
			row.with(&r)
			g := r.SoakGate(row.now, 7*rollout.Day, "under enforce")
			if g.Open != row.open || !g.Until.Equal(row.until) {
				t.Errorf("open %v until %s, want %v until %s: %s", g.Open, g.Until, row.open, row.until, codes(g.Reasons))
			}
		})
	}
}

// TestForgersMoveNoGate states the property: whatever unsigned, changed or
// pending reports come, whatever unknown signers praise, and whatever is said
// about anything but sts, gate 4 stays as it is.
func TestForgersMoveNoGate(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 460))
	types := append(tlsrpt.ResultTypes(), "made-up")
	for round := range 300 {
		now := day(2 + rnd.IntN(28)).Add(time.Duration(rnd.IntN(86400)) * time.Second)
		r := inTesting(now)
		r.Trusts = []rollout.Trust{{Source: "/trusted"}}
		r.Reports = daily(1, 28, google, microsoft)
		if rnd.IntN(2) == 0 {
			r.Reports = append(r.Reports, report(1+rnd.IntN(20), google, met(types[rnd.IntN(len(types))], "mx1.corp.test", 50)))
		}
		want := r.ReviewGate(now)
		for range 30 {
			org := []string{google, microsoft, "odd.test", "yahooinc.com"}[rnd.IntN(4)]
			d := report(1+rnd.IntN(40), org, met(types[rnd.IntN(len(types))], []string{"", "mx1.corp.test", "evil.test"}[rnd.IntN(3)], rnd.Int64()))
			d.Source = []string{"", "/inbox", "/trusted-not", "google.com"}[rnd.IntN(4)]
			switch rnd.IntN(5) {
			case 0:
				d.Standing, d.Signer = rollout.Unsigned, ""
			case 1:
				d.Standing, d.Signer = rollout.Modified, ""
			case 2:
				d.Standing, d.Signer = rollout.Pending, ""
			case 3:
				d.Signer, d.Submitter, d.Failure, d.Failures = "odd.test", "odd.test", 0, nil
			case 4:
				d.PolicyType = []string{"tlsa", "no-policy-found", "sts2"}[rnd.IntN(3)]
			}
			r.Reports = append(r.Reports, d)
		}
		rnd.Shuffle(len(r.Reports), reflect.Swapper(r.Reports))
		if got := r.ReviewGate(now); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d at %s: gate was %+v, is %+v", round, now, want, got)
		}
	}
}
