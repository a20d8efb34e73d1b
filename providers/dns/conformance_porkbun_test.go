package dns_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
)

func porkbunEntrant() entrant {
	said := func(status int, code, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: fmt.Sprintf(`{"status":"ERROR","code":"%s","message":"%s"}`, code, message)}
	}
	throttled := said(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded")
	throttled.RetryAfter = "45"
	with := func(change func(*vendor.Porkbun, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newPorkbun(t)
			change(srv, b.creds)
			return b
		}
	}
	return entrant{
		start: porkbunBench,
		refusals: []refusal{
			{"401", said(401, "INVALID_TOKEN", "Invalid token"), "keys are not accepted", false},
			{"403", said(403, "", "Additional authentication required"), "two-factor", false},
			{"404", said(404, "NOT_FOUND", "No such endpoint."), "does not find it", false},
			{"409", said(409, "CONFLICT", "The record is being changed"), "The record is being changed", false},
			{"429", throttled, "45 s", false},
			{"500", said(500, "", "Something went wrong"), "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", said(400, "", "bad key SECRET"), "(secret)", false},
			{"503 in HTML", vendor.Fault{Status: 503, Type: "text/html", Body: htmlPage}, "out of order", false},
			{"a refusal with a good status", said(200, "", "Create error"), "Create error", false},
			{"a limit told with another status", said(400, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded"), "too many requests", false},
			{"an answer without its frame", vendor.Fault{Status: 200, Type: "application/json", Body: `[]`}, "without the status", false},
		},
		misfits: []misfit{
			{"a wrong key", with(func(_ *vendor.Porkbun, c map[string]string) { c["api_key"] = "pk1_other" }), domain, "", "wrong or deleted"},
			{"a wrong secret", with(func(_ *vendor.Porkbun, c map[string]string) { c["secret_api_key"] = "sk1_other" }), domain, "", "wrong or deleted"},
			{"a domain in another account", porkbunBench, "other.test", "", "another account"},
			{"a domain that is closed to the API", with(func(s *vendor.Porkbun, _ map[string]string) { s.SetAPIAccess(false) }), domain, "", "switch on API ACCESS"},
			{"a domain that others answer for", with(func(s *vendor.Porkbun, _ map[string]string) { s.SetNameServers("ns1.elsewhere.example") }), domain, "", "its name servers are ns1.elsewhere.example"},
			{"DNS answers from a child zone", porkbunBench, domain, "_mta-sts.corp.test", "child zone"},
		},
	}
}

func porkbunBench(t *testing.T) bench {
	b, _ := newPorkbun(t)
	return b
}

func newPorkbun(t *testing.T) (bench, *vendor.Porkbun) {
	srv := vendor.NewPorkbun(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "porkbun",
		secretKey: "secret_api_key",
		creds:     map[string]string{"api_key": srv.Key, "secret_api_key": srv.Secret},
		baseURL:   srv.URL(),
		writes:    srv.Writes,
		leastTTL:  600,
		// Every call is a POST.
		writing: func(r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/dns/") && !strings.Contains(r.URL.Path, "/dns/retrieve")
		},
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		srv.Drop(name, typ)
		for _, v := range values {
			srv.Put(vendor.PorkbunRecord{Name: name, Type: typ, Content: v, TTL: strconv.Itoa(stoodTTL)})
		}
	}
	b.watch(srv)
	return b, srv
}

// crowdedPorkbun is a bench whose zone has a great many records.
func crowdedPorkbun(t testing.TB) (provider string, creds map[string]string, o dns.Options) {
	records := make([]vendor.PorkbunRecord, crowded)
	for i := range records {
		records[i] = vendor.PorkbunRecord{Name: fmt.Sprintf("host%d.%s", i+1, domain), Type: "A", Content: "192.0.2.1", TTL: "600"}
	}
	srv := vendor.NewPorkbun(domain, records...)
	t.Cleanup(srv.Close)
	return "porkbun", map[string]string{"api_key": srv.Key, "secret_api_key": srv.Secret}, dns.Options{BaseURL: srv.URL()}
}
