package dns_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// view is the world as an account's data is compared with it: the zone's name
// servers, and what they answer by "name type".
type view struct {
	servers []string
	serial  uint32
	answers map[string]rollout.Value
	// ask is asked where it is not nil, once a look, or where each is true once a
	// server.
	ask  func(name, typ string) rollout.Value
	each bool
}

func (v view) Delegated(_ context.Context, apex string) (rollout.Zone, error) {
	z := rollout.Zone{Apex: apex, Exists: true}
	for _, name := range v.servers {
		z.Servers = append(z.Servers, rollout.NameServer{Name: name, Addresses: []rollout.NameServerAddress{{IP: netip.MustParseAddr("192.0.2.1"), Answered: true, Serial: v.serial}}})
	}
	return z, nil
}

func (v view) See(_ context.Context, e rollout.Edit, _ rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	var seen rollout.Evidence
	value := v.answers[e.Name+" "+e.Type]
	if v.ask != nil {
		value = v.ask(e.Name, e.Type)
	}
	for i, name := range v.servers {
		if v.each && i > 0 {
			value = v.ask(e.Name, e.Type)
		}
		seen.Sightings = append(seen.Sightings, rollout.Sighting{Where: name, Answered: true, Value: value})
	}
	return value, seen, nil
}

var labServers = []string{"ns1.corp.test", "ns2.corp.test"}

func cloudflareAt(servers ...string) func(*testing.T) bench {
	return func(t *testing.T) bench {
		b, srv := newCloudflare(t)
		srv.SetNameServers(servers...)
		return b
	}
}

func route53At(servers ...string) func(*testing.T) bench {
	return func(t *testing.T) bench {
		b, srv := newRoute53(t)
		var values []string
		for _, s := range servers {
			values = append(values, s+".")
		}
		srv.Put(vendor.Route53Set{Name: domain, Type: "NS", TTL: 172800, Values: values})
		return b
	}
}

func dnscaleAt(servers ...string) func(*testing.T) bench {
	return func(t *testing.T) bench {
		b, srv := newDNScale(t)
		for _, s := range servers {
			srv.Put(vendor.DNScaleRecord{Name: domain, Type: "NS", Content: s + ".", TTL: 3600})
		}
		return b
	}
}

// hetznerAt is a zone whose own NS records name these servers, beside those that
// Hetzner gives it.
func hetznerAt(servers ...string) func(*testing.T) bench {
	return func(t *testing.T) bench {
		b, srv := newHetzner(t)
		set := vendor.HetznerSet{Name: domain, Type: "NS"}
		for _, s := range servers {
			set.Records = append(set.Records, vendor.HetznerRecord{Value: s + "."})
		}
		srv.Put(set)
		return b
	}
}

func gandiAt(servers ...string) func(*testing.T) bench {
	return func(t *testing.T) bench {
		b, srv := newGandi(t)
		var values []string
		for _, s := range servers {
			values = append(values, s+".")
		}
		srv.Put(domain, "NS", 3600, values...)
		return b
	}
}

func signedAt(servers ...string) func(*testing.T) bench {
	return func(t *testing.T) bench {
		b := rfc2136Bench(t, false)
		b.put(t, domain, "NS", servers...)
		return b
	}
}

// TestZonesThatNobodyAsks: a zone of the right name that is not the one the world
// asks is refused, by what it is, before it is read, tried or written.
func TestZonesThatNobodyAsks(t *testing.T) {
	for _, tc := range []struct {
		shows string
		start func(*testing.T) bench
		says  string // empty where it is the right zone
	}{
		{"cloudflare: the zone that answers", cloudflareAt(labServers...), ""},
		{"cloudflare: name servers in another case and with a final dot", cloudflareAt("NS1.corp.test.", "NS2.corp.test."), ""},
		{"cloudflare: a zone of the same name in another account", cloudflareAt("kim.ns.cloudflare.com", "bob.ns.cloudflare.com"), "of the same name in another account"},
		{"cloudflare: one of several hosts of the zone", cloudflareAt("ns1.corp.test", "bob.ns.cloudflare.com"), ""},
		{"route53: the zone that answers", route53At(labServers...), ""},
		{"route53: a zone of the same name in another account", route53At("ns-1.awsdns-01.com", "ns-2.awsdns-02.net"), "of the same name in another account"},
		{"dnscale: the zone that answers", dnscaleAt(labServers...), ""},
		{"dnscale: a zone of the same name in another account", dnscaleAt(), "of the same name in another account"},
		{"hetzner: name servers of the zone's own", hetznerAt(labServers...), ""},
		{"hetzner: a zone of the same name in another account", hetznerAt("hydrogen.ns.hetzner.com"), "of the same name in another account"},
		{"gandi: name servers of the zone's own", gandiAt(labServers...), ""},
		{"gandi: a zone of the same name in another account", gandiAt(), "of the same name in another account"},
		{"ovh: a zone of the same name in another account", ovhBench, "of the same name in another account"},
		{"porkbun: name servers that DNS does not answer from", porkbunBench, "of the same name in another account"},
		{"rfc2136: the primary of the zone that answers", signedAt(labServers...), ""},
		{"rfc2136: an internal view", signedAt("dc1.corp.test"), "split horizon"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := tc.start(t)
			a := b.open(t, dns.Options{Finder: zoneIs(domain), Delegation: view{servers: labServers}})
			e := edit("_mta-sts", "TXT", nil, list(sts1))
			_, tried := a.Try(ctx(t), domain)
			_, read := a.Read(ctx(t), e)
			r, applied := a.Apply(ctx(t), e)
			if tc.says == "" {
				if tried != nil || read != nil || r.Outcome != rollout.Applied {
					t.Errorf("try: %v; read: %v; apply: %s %v", tried, read, r.Outcome, applied)
				}
				return
			}
			for act, err := range map[string]error{"try": tried, "read": read, "apply": applied} {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%s: %v does not say %q", act, err, tc.says)
				}
			}
			if n := b.writes(e.Name); n != 0 || r.Outcome != rollout.Failed {
				t.Errorf("outcome %s after %d writes", r.Outcome, n)
			}
		})
	}
}

// TestNobodyToCompareWith: where the world cannot be asked, an account works as it
// would without; what is written is waited for.
func TestNobodyToCompareWith(t *testing.T) {
	b := cloudflareAt("kim.ns.cloudflare.com")(t)
	a := b.open(t, dns.Options{Finder: zoneIs(domain), Delegation: view{}})
	if r, err := a.Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1))); r.Outcome != rollout.Applied {
		t.Errorf("%s: %v", r.Outcome, err)
	}
}

// TestTryComparesWithTheWorld: where every name server answers something else than
// the account shows, Try says so.
func TestTryComparesWithTheWorld(t *testing.T) {
	const name = "_smtp._tls." + domain
	for _, tc := range []struct {
		shows   string
		stands  []string
		answers map[string]rollout.Value
		says    string
	}{
		{"the same", list(rpt), map[string]rollout.Value{name + " TXT": rollout.Records(rpt)}, ""},
		{"nothing at both", nil, nil, ""},
		{"DNS has what the account does not show", nil, map[string]rollout.Value{name + " TXT": rollout.Records(rpt)}, "an alias, a redirect"},
		{"the account has what DNS does not", list(rpt), nil, "the public view beside an internal one"},
		{"they differ", list(rpt), map[string]rollout.Value{name + " TXT": rollout.Records("other")}, "two copies of the zone"},
		{"an alias that the account does not show", nil, map[string]rollout.Value{name + " CNAME": rollout.Records("vendor.example")}, "an alias, a redirect"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			onEach(t, func(t *testing.T, b bench) {
				if len(tc.stands) > 0 {
					b.put(t, name, "TXT", tc.stands...)
				}
				_, err := b.open(t, dns.Options{Seer: view{servers: labServers, answers: tc.answers}}).Try(ctx(t), domain)
				if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
					t.Errorf("%v does not say %q", err, tc.says)
				}
			})
		})
	}
}

// TestRemarksAboutTheDelegation: servers that the provider does not know, and a
// serial that the world has passed, are told and hold nothing up.
func TestRemarksAboutTheDelegation(t *testing.T) {
	for _, tc := range []struct {
		shows string
		start func(*testing.T) bench
		world view
		says  string
	}{
		{"another host beside", cloudflareAt(labServers...), view{servers: append([]string{"ns.other.example"}, labServers...)}, "DNS also answers from ns.other.example"},
		{"a newer serial outside", signedAt(labServers...), view{servers: labServers, serial: 4000000000}, "serial 4000000000, which is newer"},
		{"an older serial outside", signedAt(labServers...), view{servers: labServers, serial: 1}, ""},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			trial, err := tc.start(t).open(t, dns.Options{Delegation: tc.world}).Try(ctx(t), domain)
			all := strings.Join(trial.Lines, "\n")
			told := strings.Contains(all, "newer") || strings.Contains(all, "also answers")
			if err != nil || told != (tc.says != "") || !strings.Contains(all, tc.says) {
				t.Errorf("%v in:\n%s", err, all)
			}
		})
	}
}
