package dns_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// zoneIs is a finder that has one answer.
type zoneIs string

func (z zoneIs) ZoneOf(context.Context, string) (string, error) { return string(z), nil }

func TestTryReachesTheZone(t *testing.T) { onEach(t, isReachedByTry) }

func isReachedByTry(t *testing.T, b bench) {
	b.put(t, "_smtp._tls."+domain, "TXT", rpt)
	trial, err := b.open(t, dns.Options{Finder: zoneIs(domain)}).Try(ctx(t), domain)
	if err != nil || trial.Zone != domain {
		t.Fatalf("zone %q, %v", trial.Zone, err)
	}
	all := strings.Join(trial.Lines, "\n")
	for _, want := range []string{"keeps the zone corp.test", rpt, "_mta-sts.corp.test holds nothing yet"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in:\n%s", want, all)
		}
	}
	for _, name := range []string{"_mta-sts.", "_smtp._tls.", "mta-sts."} {
		if n := b.writes(name + domain); n != 0 {
			t.Errorf("trying wrote %d times at %s", n, name)
		}
	}
}

// TestTrySaysWhatIsWrong: each wrong credential has its own clear sentence.
func TestTrySaysWhatIsWrong(t *testing.T) {
	for name, e := range entrants() {
		for _, tc := range e.misfits {
			t.Run(name+": "+tc.shows, func(t *testing.T) {
				b := tc.start(t)
				var o dns.Options
				if tc.finder != "" {
					o.Finder = zoneIs(tc.finder)
				}
				trial, err := b.open(t, o).Try(ctx(t), tc.domain)
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Fatalf("%v does not say %q; lines %q", err, tc.says, trial.Lines)
				}
				if strings.Contains(err.Error(), b.secret()) {
					t.Errorf("%v holds the secret", err)
				}
			})
		}
	}
}

// TestARefusedKeyIsNotBlamedOnTheZone: the sentence is about the key alone.
func TestARefusedKeyIsNotBlamedOnTheZone(t *testing.T) {
	b := rfc2136Bench(t, false)
	b.creds["key"] = base64.StdEncoding.EncodeToString([]byte("not the secret"))
	_, err := b.open(t, dns.Options{}).Try(ctx(t), domain)
	if err == nil || strings.Contains(err.Error(), "keeps no zone") {
		t.Errorf("%v", err)
	}
}

// TestARefusedTransferIsTold: it is no error, and the operator hears of it.
func TestARefusedTransferIsTold(t *testing.T) {
	trial, err := rfc2136Bench(t, true).open(t, dns.Options{}).Try(ctx(t), domain)
	if all := strings.Join(trial.Lines, "\n"); err != nil || strings.Count(all, "read one by one") != 1 {
		t.Errorf("%v in:\n%s", err, all)
	}
}

// TestHostedZoneIDChooses: with its id one of two zones is taken.
func TestHostedZoneIDChooses(t *testing.T) {
	b, srv := newRoute53(t)
	srv.AddZone("ZSECOND", domain, false, vendor.Route53Set{Name: "_mta-sts." + domain, Type: "TXT", TTL: 60, Values: []string{`"` + sts2 + `"`}})
	b.creds["hosted_zone_id"] = "/hostedzone/ZSECOND"
	h, err := b.open(t, dns.Options{}).Read(ctx(t), edit("_mta-sts", "TXT", nil, nil))
	if err != nil || h.Value.String() != sts2 || h.TTL != 60 {
		t.Errorf("read %s, TTL %d, %v", h.Value, h.TTL, err)
	}
}

// TestWhatIsNotWrittenOver: records that are more than they look like.
func TestWhatIsNotWrittenOver(t *testing.T) {
	check := func(t *testing.T, b bench, says string) {
		t.Helper()
		a := b.open(t, dns.Options{})
		e := edit("mta-sts", "A", list("192.0.2.20"), list("192.0.2.21"))
		if h, err := a.Read(ctx(t), e); err != nil || !strings.Contains(h.Err, says) {
			t.Errorf("read says %q, %v", h.Err, err)
		}
		for _, before := range [][]string{nil, list("192.0.2.20")} {
			e.Before = rollout.Records(before...)
			r, err := a.Apply(ctx(t), e)
			if r.Outcome != rollout.Refused || !strings.Contains(r.Detail, says) || b.writes(e.Name) != 0 {
				t.Errorf("outcome %s after %d writes, %v", r.Outcome, b.writes(e.Name), err)
			}
		}
	}
	t.Run("a record behind Cloudflare's proxy", func(t *testing.T) {
		b, srv := newCloudflare(t)
		srv.Put(vendor.CloudflareRecord{Name: "mta-sts." + domain, Type: "A", Content: "192.0.2.20", Proxied: true})
		check(t, b, "DNS only")
	})
	t.Run("a Route 53 alias", func(t *testing.T) {
		b, srv := newRoute53(t)
		srv.Put(vendor.Route53Set{Name: "mta-sts." + domain, Type: "A", Alias: "d111.cloudfront.net"})
		check(t, b, "alias of d111.cloudfront.net")
	})
	t.Run("a Route 53 set with a routing policy", func(t *testing.T) {
		b, srv := newRoute53(t)
		srv.Put(vendor.Route53Set{Name: "mta-sts." + domain, Type: "A", TTL: 60, Values: list("192.0.2.20"), ID: "blue"})
		check(t, b, "routing policy")
	})
}

func TestOpenRefusesWhatCannotBe(t *testing.T) {
	for _, tc := range []struct {
		shows, provider string
		creds           map[string]string
		says            string
	}{
		{"a provider that is not there", "nobody", nil, "manual"},
		{"no token", "cloudflare", nil, "API token"},
		{"no token at deSEC", "desec", map[string]string{"token": " "}, "API token is missing"},
		{"no token at Hetzner", "hetzner", nil, "Hetzner Cloud project is missing"},
		{"no token at DigitalOcean", "digitalocean", nil, "API token is missing"},
		{"a token with a line of its file", "hetzner", map[string]string{"api_token": "hunter2\nhunter2"}, "no token has"},
		{"half a key pair", "route53", map[string]string{"access_key_id": "A"}, "belong together"},
		{"a profile that is not there", "route53", map[string]string{"profile": "no-such-profile"}, "no-such-profile"},
		{"no server", "rfc2136", map[string]string{"key_name": "k", "key": "AAAA"}, "name server"},
		{"a secret that is not base64", "rfc2136", map[string]string{"server": "h", "key_name": "k", "key": "\"hunter2!\""}, "base64"},
		{"an algorithm nobody has", "rfc2136", map[string]string{"server": "h", "key_name": "k", "key": "AAAA", "key_alg": "md4"}, "md4"},
		{"manual without eyes", "manual", nil, "look"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			t.Setenv("AWS_CONFIG_FILE", "/dev/null")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
			_, err := dns.Open(tc.provider, tc.creds, dns.Options{Domain: domain})
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v does not say %q", err, tc.says)
			}
		})
	}
}
