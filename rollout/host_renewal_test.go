package rollout_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

func TestARenewalOfThePolicyHostThatDidNotComeIsFound(t *testing.T) {
	const day = rollout.Day
	now := time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC)
	body := rollout.NewLedgerEntry("version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n", now.Add(-50*day))
	body.IDs, body.Live = []string{"1"}, now.Add(-50*day)
	ours := rollout.Ledger{body}
	// kept is what belay's own server knows of the certificate that is shown.
	kept := func(print string, renewAt time.Time) *rollout.HostCertificate {
		return &rollout.HostCertificate{Host: "mta-sts.corp.test", Fingerprint: print, NotBefore: now.Add(-67 * day), NotAfter: now.Add(23 * day), RenewAt: renewAt}
	}
	for name, row := range map[string]struct {
		ledger    rollout.Ledger
		kept      *rollout.HostCertificate
		age, left time.Duration
		found     bool
	}{
		"not due":                                             {ours, nil, 30 * day, 60 * day, false},
		"due since yesterday":                                 {ours, nil, 61 * day, 29 * day, false},
		"due for a week":                                      {ours, nil, 67 * day, 23 * day, true},
		"of a week, due since an hour":                        {ours, nil, 112*time.Hour + time.Hour, 55 * time.Hour, false},
		"of a week, due since a day":                          {ours, nil, 136 * time.Hour, 32 * time.Hour, true},
		"ended, which is told otherwise":                      {ours, nil, 91 * day, -day, false},
		"of a domain that is not belay's":                     {nil, nil, 67 * day, 23 * day, false},
		"belay serve's own, which its CA wants renewed later": {ours, kept("leaf", now.Add(2*day)), 67 * day, 23 * day, false},
		"an old one, though belay serve has another":          {ours, kept("newer", now.Add(60*day)), 67 * day, 23 * day, true},
		"belay serve's own, of which no day is known":         {ours, kept("leaf", time.Time{}), 67 * day, 23 * day, true},
	} {
		t.Run(name, func(t *testing.T) {
			leaf := &rollout.Certificate{Fingerprint: "leaf", NotBefore: now.Add(-row.age), NotAfter: now.Add(row.left)}
			r := rollout.Rollout{Domain: "corp.test", Ledger: row.ledger, Certificate: row.kept}
			got := r.LateRenewal(rollout.Evidence{At: now, Policy: rollout.PolicySeen{Addresses: []rollout.PolicyAddress{
				{IP: netip.MustParseAddr("2001:db8::1")}, {IP: netip.MustParseAddr("192.0.2.1"), Certificate: leaf}},
			}})
			if (len(got) == 1) != row.found || row.found && (got[0].Code != "O05" || !strings.Contains(got[0].Detail, "unless its CA asked for a later day")) {
				t.Errorf("found %v", got)
			}
		})
	}
}
