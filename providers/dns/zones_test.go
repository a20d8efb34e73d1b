package dns_test

import (
	"strings"
	"testing"

	"belay/providers/dns"
)

// TestTrySaysWhichZonesAreSeen: where the provider tells, a right account is
// confirmed by its zones, and a wrong one is known by them.
func TestTrySaysWhichZonesAreSeen(t *testing.T) {
	tells := map[string]bool{"cloudflare": true, "route53": true, "googleclouddns": true}
	for name, e := range entrants() {
		if !tells[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			b := e.start(t)
			trial, err := b.open(t, dns.Options{}).Try(ctx(t), domain)
			if all := strings.Join(trial.Lines, "\n"); err != nil || !strings.Contains(all, "sees one zone: corp.test.") {
				t.Errorf("%v in:\n%s", err, all)
			}
			if _, err := b.open(t, dns.Options{}).Try(ctx(t), "other.test"); err == nil || !strings.Contains(err.Error(), "sees one zone: corp.test") {
				t.Errorf("for a zone elsewhere it says %v", err)
			}
		})
	}
}

// TestTrySaysWhenATokenEnds: a rollout takes weeks.
func TestTrySaysWhenATokenEnds(t *testing.T) {
	b, srv := newCloudflare(t)
	for _, tc := range []struct {
		expires string
		says    bool
	}{{"", false}, {"2026-12-24T00:00:00Z", true}} {
		srv.SetExpiry(tc.expires)
		trial, err := b.open(t, dns.Options{}).Try(ctx(t), domain)
		all := strings.Join(trial.Lines, "\n")
		if n := strings.Count(all, "The token ends on 2026-12-24"); err != nil || n > 1 || (n == 1) != tc.says || strings.Contains(all, "first write") {
			t.Errorf("%v in:\n%s", err, all)
		}
	}
}
