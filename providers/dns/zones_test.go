package dns_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
)

// TestTrySaysWhichZonesAreSeen: where the provider tells, a right account is
// confirmed by its zones, and a wrong one is known by them.
func TestTrySaysWhichZonesAreSeen(t *testing.T) {
	tells := map[string]bool{
		"cloudflare": true, "route53": true, "googleclouddns": true,
		"desec": true, "hetzner": true, "digitalocean": true, "gandi": true,
		"ovh": true, "porkbun": true, "linode": true, "dnscale": true,
	}
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

// TestTheFirstZonesAreTold: of an account with a great many zones one question asks
// for some, and the sentence says whether there are others.
func TestTheFirstZonesAreTold(t *testing.T) {
	for _, tc := range []struct {
		provider string
		// list is the question, page how many zones its answer tells at most.
		list string
		page int
	}{
		{"desec", "/api/v1/domains/?cursor=", 500},
		{"hetzner", "/v1/zones?per_page=50", 50},
		{"digitalocean", "/v2/domains?per_page=50", 50},
		{"gandi", "/v5/livedns/domains?page=1&per_page=50", 50},
		{"porkbun", "/api/json/v3/domain/listAll", 1000},
		{"linode", "/v4/domains?page_size=50", 50},
		{"dnscale", "/v1/zones?limit=50&offset=0", 50},
	} {
		for others, want := range map[int]string{
			2:           "The account sees 3 zones: corp.test, z000.test, z001.test.",
			9:           "The account sees 10 zones: corp.test, z000.test, z001.test, z002.test, z003.test, z004.test, z005.test, z006.test and others.",
			tc.page + 1: fmt.Sprintf("The account sees %d zones or more: corp.test, z000.test, ", tc.page),
		} {
			t.Run(fmt.Sprintf("%s and %d zones beside", tc.provider, others), func(t *testing.T) {
				b := entrants()[tc.provider].start(t)
				var zones []string
				for i := range others {
					zones = append(zones, fmt.Sprintf("z%03d.test", i))
				}
				b.beside(zones...)
				var asked atomic.Int32
				b.interfere(func(r *http.Request) *vendor.Fault {
					if r.URL.RequestURI() == tc.list {
						asked.Add(1)
					}
					return nil
				})
				trial, err := b.open(t, dns.Options{}).Try(ctx(t), domain)
				if all := strings.Join(trial.Lines, "\n"); err != nil || !strings.Contains(all, want) || asked.Load() != 1 {
					t.Errorf("asked %d times, %v in:\n%s", asked.Load(), err, all)
				}
			})
		}
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
