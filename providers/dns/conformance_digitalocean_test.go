package dns_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

func digitalOceanEntrant() entrant {
	said := func(status int, id, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: fmt.Sprintf(`{"id":%q,"message":%q}`, id, message)}
	}
	throttled := said(429, "too_many_requests", "API Rate limit exceeded.")
	throttled.RetryAfter = "1312"
	with := func(change func(*vendor.DigitalOcean, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newDigitalOcean(t)
			change(srv, b.creds)
			return b
		}
	}
	return entrant{
		start: digitalOceanBench,
		refusals: []refusal{
			{"401", said(401, "Unauthorized", "Unable to authenticate you"), "the token is wrong, expired or revoked", false},
			{"403", said(403, "Forbidden", "You are not authorized to perform this operation"), "give it the scope domain:", false},
			{"404", said(404, "not_found", "The resource you were accessing could not be found."), "DigitalOcean does not find it", false},
			{"409", said(409, "conflict", "The request conflicts with another."), "somebody else at this moment", false},
			{"422", said(422, "unprocessable_entity", "Data is invalid"), "does not take the record; it said: Data is invalid", false},
			{"429", throttled, "try again in 1312 s", false},
			{"500", said(500, "server_error", "Unexpected server-side error"), "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", said(400, "bad_request", "bad header SECRET"), "(secret)", false},
		},
		misfits: []misfit{
			{"a wrong token", with(func(_ *vendor.DigitalOcean, c map[string]string) { c["api_token"] = "another-token" }), domain, "", "the token is wrong"},
			{"a token without domain:read", with(func(s *vendor.DigitalOcean, _ map[string]string) { s.SetScopes("domain:create") }), domain, "", "the scope domain:read"},
			{"a zone in another team", digitalOceanBench, "other.test", "", "another account or team"},
			{"DNS answers from a child zone", digitalOceanBench, domain, "_mta-sts.corp.test", "child zone"},
		},
	}
}

func digitalOceanBench(t *testing.T) bench {
	b, _ := newDigitalOcean(t)
	return b
}

func newDigitalOcean(t *testing.T) (bench, *vendor.DigitalOcean) {
	srv := vendor.NewDigitalOcean(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "digitalocean",
		creds:     map[string]string{"api_token": srv.Token},
		secretKey: "api_token",
		baseURL:   srv.URL(),
		writes:    srv.Writes,
		leastTTL:  30,
		cannot: func(typ string, values []string) string {
			for _, v := range values {
				switch {
				case typ != "TXT":
				case strings.Contains(v, `\`):
					return "keeps no backslash"
				case len(v) > 500:
					return "Data is too long"
				}
			}
			return ""
		},
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		srv.Drop(name, typ)
		for _, v := range values {
			srv.Put(vendor.DigitalOceanRecord{Name: name, Type: typ, Data: v, TTL: stoodTTL})
		}
	}
	b.watch(srv)
	return b, srv
}

// TestDigitalOceanIsNeverEmpty: one record makes room for one in its place, and
// several for others with something standing at every moment.
func TestDigitalOceanIsNeverEmpty(t *testing.T) {
	b, srv := newDigitalOcean(t)
	e := edit("mta-sts", "A", list("192.0.2.20", "192.0.2.21"), list("192.0.2.30"))
	b.put(t, e.Name, "A", e.Before.Records...)
	first := srv.Records(e.Name)[0].ID
	least := 9
	srv.SetHooks(vendor.Hooks{OnChange: func(_, _ string, _ uint32, values []string) { least = min(least, len(values)) }})
	if r, err := b.open(t, dns.Options{}).Apply(ctx(t), e); r.Outcome != rollout.Applied || err != nil {
		t.Fatalf("%s, %v", r.Outcome, err)
	}
	if got := srv.Records(e.Name); least != 1 || len(got) != 1 || got[0].ID != first {
		t.Errorf("at least %d stood; now %+v", least, got)
	}
}

// TestDigitalOceanCreatesOnce: a creation whose answer is lost at the gateway is not
// made again; reading finds it.
func TestDigitalOceanCreatesOnce(t *testing.T) {
	b, srv := newDigitalOcean(t)
	e := edit("_mta-sts", "TXT", nil, list(sts1))
	b.onWrite(func() *vendor.Fault {
		srv.Put(vendor.DigitalOceanRecord{Name: e.Name, Type: "TXT", Data: sts1, TTL: 300})
		return &vendor.Fault{Status: http.StatusBadGateway, Type: "text/html", Body: htmlPage}
	})
	r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
	if r.Outcome != rollout.Applied || err != nil || len(srv.Records(e.Name)) != 1 {
		t.Errorf("%s with %d records, %v", r.Outcome, len(srv.Records(e.Name)), err)
	}
}

// TestDigitalOceanReadsOneName: in a domain of thousands of records the name alone is
// asked for, and an alias of the domain itself is read as its name.
func TestDigitalOceanReadsOneName(t *testing.T) {
	b, srv := newDigitalOcean(t)
	for i := range 2000 {
		srv.Put(vendor.DigitalOceanRecord{Name: fmt.Sprintf("h%d", i), Type: "A", Data: "192.0.2.1", TTL: 300})
	}
	srv.Put(vendor.DigitalOceanRecord{Name: "mta-sts." + domain, Type: "CNAME", Data: "@", TTL: 300})
	a := b.open(t, dns.Options{})
	h, err := a.Read(ctx(t), edit("mta-sts", "CNAME", nil, nil))
	if err != nil || !slices.Equal(h.Value.Records, list(domain)) {
		t.Errorf("read %s, %v", h.Value, err)
	}
	before := srv.Calls()
	if _, err := a.Read(ctx(t), edit("mta-sts", "CNAME", nil, nil)); err != nil || srv.Calls() != before+1 {
		t.Errorf("read again by %d calls, %v", srv.Calls()-before, err)
	}
}

// crowdedDigitalOcean is a bench whose zone has a great many records.
func crowdedDigitalOcean(t testing.TB) (provider string, creds map[string]string, o dns.Options) {
	records := make([]vendor.DigitalOceanRecord, crowded)
	for i := range records {
		records[i] = vendor.DigitalOceanRecord{Name: fmt.Sprintf("host%d", i+1), Type: "A", Data: "192.0.2.1", TTL: 300}
	}
	srv := vendor.NewDigitalOcean(domain, records...)
	t.Cleanup(srv.Close)
	return "digitalocean", map[string]string{"api_token": srv.Token}, dns.Options{BaseURL: srv.URL()}
}
