package steps

import (
	"net/netip"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

func TestARenewalOfThePolicyHostThatDidNotComeIsFound(t *testing.T) {
	const day = rollout.Day
	now := time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC)
	body := rollout.NewLedgerEntry("version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n", now.Add(-50*day))
	body.IDs, body.Live = []string{"1"}, now.Add(-50*day)
	for name, row := range map[string]struct {
		ledger    rollout.Ledger
		age, left time.Duration
		found     bool
	}{
		"not due":                         {rollout.Ledger{body}, 30 * day, 60 * day, false},
		"due since yesterday":             {rollout.Ledger{body}, 61 * day, 29 * day, false},
		"due for a week":                  {rollout.Ledger{body}, 67 * day, 23 * day, true},
		"of a week, due since an hour":    {rollout.Ledger{body}, 112*time.Hour + time.Hour, 55 * time.Hour, false},
		"of a week, due since a day":      {rollout.Ledger{body}, 136 * time.Hour, 32 * time.Hour, true},
		"ended, which is told otherwise":  {rollout.Ledger{body}, 91 * day, -day, false},
		"of a domain that is not belay's": {nil, 67 * day, 23 * day, false},
	} {
		t.Run(name, func(t *testing.T) {
			leaf := &rollout.Certificate{NotBefore: now.Add(-row.age), NotAfter: now.Add(row.left)}
			k := &look{domain: "corp.test", ledger: row.ledger, e: rollout.Evidence{At: now, Policy: rollout.PolicySeen{
				Valid: true, Policy: mtasts.Policy{Mode: mtasts.Testing}, Addresses: []rollout.PolicyAddress{
					{IP: netip.MustParseAddr("2001:db8::1")}, {IP: netip.MustParseAddr("192.0.2.1"), Certificate: leaf}},
			}}}
			got := k.hostRenewal()
			if (len(got) == 1) != row.found || row.found && got[0].Code != "O05" {
				t.Errorf("found %v", got)
			}
		})
	}
}
