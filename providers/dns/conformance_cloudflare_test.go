package dns_test

import (
	"fmt"
	"testing"

	"belay/providers/lab/vendor"
)

func cloudflareEntrant() entrant {
	said := func(status, code int, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: fmt.Sprintf(`{"success":false,"errors":[{"code":%d,"message":"%s"}],"messages":[],"result":null}`, code, message)}
	}
	throttled := said(429, 971, "Please wait")
	throttled.RetryAfter = "280"
	with := func(change func(*vendor.Cloudflare, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newCloudflare(t)
			change(srv, b.creds)
			return b
		}
	}
	return entrant{
		start: cloudflareBench,
		refusals: []refusal{
			{"401", said(401, 1000, "Invalid API Token"), "token is wrong", false},
			{"403", said(403, 10000, "Authentication error"), "DNS:Edit", false},
			{"404", said(404, 7003, "No route for that"), "No route for that", false},
			{"409", said(409, 81053, "conflicting record"), "conflicting record", false},
			{"429", throttled, "280 s", false},
			{"500", said(500, 1, "internal"), "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", said(400, 6003, "bad header SECRET"), "(secret)", false},
			{"502 in HTML", vendor.Fault{Status: 502, Type: "text/html", Body: htmlPage}, "out of order", false},
			{"an answer without its frame", vendor.Fault{Status: 200, Type: "application/json", Body: `[]`}, "not the API's JSON", false},
		},
		misfits: []misfit{
			{"a wrong token", with(func(_ *vendor.Cloudflare, c map[string]string) { c["api_token"] = "another-token" }), domain, "", "token is not accepted"},
			{"what is no token", with(func(_ *vendor.Cloudflare, c map[string]string) { c["api_token"] = "short" }), domain, "", "token is wrong"},
			{"a zone in another account", cloudflareBench, "other.test", "", "another account"},
			{"a token without Zone:Read", with(func(s *vendor.Cloudflare, _ map[string]string) { s.SetPermissions("#dns_records:edit") }), domain, "", "lacks Zone:Read"},
			{"a token that may not read records", with(func(s *vendor.Cloudflare, _ map[string]string) { s.SetPermissions("#zone:read") }), domain, "", "may not read"},
			{"a token that may only read", with(func(s *vendor.Cloudflare, _ map[string]string) { s.SetPermissions("#zone:read", "#dns_records:read") }), domain, "", "lacks DNS:Edit"},
			{"a pending zone", with(func(s *vendor.Cloudflare, _ map[string]string) { s.SetStatus("pending") }), domain, "", "not active"},
			{"DNS answers from a child zone", cloudflareBench, domain, "_mta-sts.corp.test", "child zone"},
			{"a zone that is not delegated", cloudflareBench, domain, "test", "not delegated"},
		},
	}
}

func cloudflareBench(t *testing.T) bench {
	b, _ := newCloudflare(t)
	return b
}

func newCloudflare(t *testing.T) (bench, *vendor.Cloudflare) {
	srv := vendor.NewCloudflare(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "cloudflare",
		secretKey: "api_token",
		creds:     map[string]string{"api_token": srv.Token},
		baseURL:   srv.URL(),
		writes:    srv.Writes,
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		srv.Drop(name, typ)
		for _, v := range values {
			if typ == "TXT" {
				v = quoted(v, `\"`)
			}
			srv.Put(vendor.CloudflareRecord{Name: name, Type: typ, Content: v, TTL: stoodTTL})
		}
	}
	b.watch(srv)
	return b, srv
}
