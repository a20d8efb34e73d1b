package rollout_test

import (
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

func TestOwnChecks(t *testing.T) {
	now := day(9)
	ends := func(in, lifetime time.Duration) func(*rollout.Rollout) {
		return func(r *rollout.Rollout) {
			c := &r.Evidence.MX[1].Addresses[0].Certificates[0]
			c.NotAfter = now.Add(in)
			c.NotBefore = c.NotAfter.Add(-lifetime)
			r.Evidence.Policy.Addresses = nil
			r.Evidence.MX = r.Evidence.MX[1:]
		}
	}
	for _, row := range []struct {
		name string
		with func(*rollout.Rollout)
		want string
	}{
		{"a fresh clean look", func(*rollout.Rollout) {}, ""},
		{"no look", func(r *rollout.Rollout) { r.Evidence = nil }, "look corp.test"},
		{"a look of 59 minutes ago", func(r *rollout.Rollout) { r.Evidence.At = now.Add(-59 * time.Minute) }, ""},
		{"a look of an hour ago", func(r *rollout.Rollout) { r.Evidence.At = now.Add(-time.Hour) }, "look corp.test"},
		{"a look from the future", func(r *rollout.Rollout) { r.Evidence.At = now.Add(time.Hour) }, "look corp.test"},
		{"a look that was cut short", func(r *rollout.Rollout) { r.Evidence.Cut = "the deadline came" }, "look corp.test"},
		{"a fail", func(r *rollout.Rollout) { failing(r.Evidence, "M09", "mx1.corp.test") }, "M09 mx1.corp.test"},
		{"the same fail twice", func(r *rollout.Rollout) {
			failing(r.Evidence, "M09", "mx1.corp.test")
			failing(r.Evidence, "M09", "mx1.corp.test")
		}, "M09 mx1.corp.test"},
		{"a warning", func(r *rollout.Rollout) {
			r.Evidence.Findings = append(r.Evidence.Findings, finding.New("M10", "mx1.corp.test", "it ends soon").As(finding.Warn))
		}, ""},
		{"what a resolver still answers", func(r *rollout.Rollout) {
			r.Evidence.Findings = append(r.Evidence.Findings, finding.New("P07", "_mta-sts.corp.test", "9.9.9.9 has the old record"))
		}, ""},
		{"an unknown", func(r *rollout.Rollout) { blindTo(r.Evidence, "M04", "mx1.corp.test") }, "M04 mx1.corp.test"},
		{"a certificate with 7 days and a second", ends(7*rollout.Day+time.Second, 90*rollout.Day), ""},
		{"a certificate with 7 days", ends(7*rollout.Day, 90*rollout.Day), "expiry mx2.corp.test"},
		{"a certificate of 6 days with more than a third", ends(2*rollout.Day+time.Second, 6*rollout.Day), ""},
		{"a certificate of 6 days with a third", ends(2*rollout.Day, 6*rollout.Day), "expiry mx2.corp.test"},
		{"a certificate that ended since the look", ends(-time.Minute, 90*rollout.Day), "expiry mx2.corp.test"},
		{"a host that fails has its reason", func(r *rollout.Rollout) {
			ends(rollout.Day, 90*rollout.Day)(r)
			failing(r.Evidence, "M11", "mx2.corp.test [192.0.2.11]")
		}, "M11 mx2.corp.test [192.0.2.11]"},
		{"the policy host's certificate", func(r *rollout.Rollout) {
			c := *r.Evidence.Policy.Addresses[0].Certificate
			c.NotAfter = now.Add(rollout.Day)
			r.Evidence.Policy.Addresses[0].Certificate = &c
		}, "expiry mta-sts.corp.test"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := inTesting(now)
			row.with(&r)
			reasons := r.OwnChecks(now)
			if got := codes(reasons); got != row.want {
				t.Errorf("reasons %q, want %q", got, row.want)
			}
			for _, x := range reasons {
				if x.Text == "" || x.Fix == "" {
					t.Errorf("reason without a word of what would remove it: %+v", x)
				}
			}
		})
	}
}

func TestCertificateEndsSoon(t *testing.T) {
	for _, row := range []struct {
		name         string
		in, lifetime time.Duration
		want         bool
	}{
		{"more than 21 days", 22 * rollout.Day, 90 * rollout.Day, false},
		{"21 days", 21 * rollout.Day, 90 * rollout.Day, true},
		{"more than half of six days", 4 * rollout.Day, 6 * rollout.Day, false},
		{"half of six days", 3 * rollout.Day, 6 * rollout.Day, true},
	} {
		c := rollout.Certificate{NotAfter: day(9).Add(row.in), NotBefore: day(9).Add(row.in - row.lifetime)}
		if got := c.EndsSoon(day(9)); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}
