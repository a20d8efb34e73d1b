package dns_test

import (
	"fmt"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
)

func linodeEntrant() entrant {
	said := func(status int, reason string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: fmt.Sprintf(`{"errors":[{"reason":"%s"}]}`, reason)}
	}
	throttled := said(429, "Too many requests")
	throttled.RetryAfter = "120"
	with := func(change func(*vendor.Linode, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newLinode(t)
			change(srv, b.creds)
			return b
		}
	}
	scopes := func(scopes string) func(*testing.T) bench {
		return with(func(s *vendor.Linode, _ map[string]string) { s.SetScopes(scopes) })
	}
	domainIs := func(typ, status string) func(*testing.T) bench {
		return with(func(s *vendor.Linode, _ map[string]string) { s.SetDomain(typ, status, 0) })
	}
	return entrant{
		start: linodeBench,
		refusals: []refusal{
			{"401", said(401, "Invalid Token"), "wrong, expired or revoked", false},
			{"403", said(403, "Unauthorized"), "a grant for the domain", false},
			{"404", said(404, "Not found"), "does not find it", false},
			{"409", said(409, "Domain is being imported"), "Domain is being imported", false},
			{"429", throttled, "120 s", false},
			{"500", said(500, "Internal server error"), "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", said(400, "bad token SECRET"), "(secret)", false},
			{"a scope that is missing", said(401, "Your OAuth token is not authorized to use this endpoint."), "Domains: Read/Write", false},
			{"a record that conflicts", said(400, "Record conflict - CNAMES must be unique"), "CNAMES must be unique", false},
		},
		misfits: []misfit{
			{"a wrong token", with(func(_ *vendor.Linode, c map[string]string) { c["api_token"] = "another-token" }), domain, "", "wrong, expired or revoked"},
			{"a domain in another account", linodeBench, "other.test", "", "another account"},
			{"a token for other things", scopes("linodes:read_write"), domain, "", "may not read domains"},
			{"a token that may only read", scopes("domains:read_only linodes:read_write"), domain, "", "lacks Domains: Read/Write"},
			{"a secondary zone", domainIs("slave", "active"), domain, "", "its primary"},
			{"a domain that is switched off", domainIs("master", "disabled"), domain, "", "not active"},
			{"a domain with errors", domainIs("master", "has_errors"), domain, "", "has errors"},
			{"DNS answers from a child zone", linodeBench, domain, "_mta-sts.corp.test", "child zone"},
		},
	}
}

func linodeBench(t *testing.T) bench {
	b, _ := newLinode(t)
	return b
}

func newLinode(t *testing.T) (bench, *vendor.Linode) {
	srv := vendor.NewLinode(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "linode",
		secretKey: "api_token",
		creds:     map[string]string{"api_token": srv.Token},
		baseURL:   srv.URL(),
		writes:    srv.Writes,
		// 900 and 600 lie nearer to 300 than to 3600, and 60 nearer to 30 than to
		// 120; Linode has nothing between.
		nearestTTL: func(ttl uint32) uint32 { return map[uint32]uint32{900: 300, 600: 300, 300: 300, 60: 30}[ttl] },
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		srv.Drop(name, typ)
		for _, v := range values {
			srv.Put(vendor.LinodeRecord{Name: strings.TrimSuffix(name, "."+domain), Type: typ, Target: v, TTL: stoodTTL})
		}
	}
	b.watch(srv)
	return b, srv
}

// crowdedLinode is a bench whose zone has a great many records.
func crowdedLinode(t testing.TB) (provider string, creds map[string]string, o dns.Options) {
	records := make([]vendor.LinodeRecord, crowded)
	for i := range records {
		records[i] = vendor.LinodeRecord{Name: fmt.Sprintf("host%d", i+1), Type: "A", Target: "192.0.2.1", TTL: 300}
	}
	srv := vendor.NewLinode(domain, records...)
	t.Cleanup(srv.Close)
	return "linode", map[string]string{"api_token": srv.Token}, dns.Options{BaseURL: srv.URL()}
}
