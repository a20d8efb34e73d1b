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
