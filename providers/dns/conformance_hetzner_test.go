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

func hetznerEntrant() entrant {
	said := func(status int, code, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: fmt.Sprintf(`{"error":{"code":%q,"message":%q,"details":null}}`, code, message)}
	}
	fields := said(422, "invalid_input", "invalid input in field 'records'")
	fields.Body = strings.Replace(fields.Body, "null", `{"fields":[{"name":"records","messages":["must be quoted"]}]}`, 1)
	with := func(change func(*vendor.Hetzner, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newHetzner(t)
			change(srv, b.creds)
			return b
		}
	}
	return entrant{
		start: hetznerBench,
		refusals: []refusal{
			{"401", said(401, "unauthorized", "unable to authenticate"), "the old dns.hetzner.com", false},
			{"403", said(403, "token_readonly", "the token is only allowed to perform GET requests"), "make one of Read & Write", false},
			{"404", said(404, "not_found", "rrset not found"), "Hetzner does not find it", false},
			{"409", said(409, "conflict", "resource changed during the request"), "somebody else at this moment", false},
			{"429", said(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached"), "too many requests", false},
			{"500", said(500, "server_error", "internal"), "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", said(400, "json_error", "bad header SECRET"), "(secret)", false},
			{"a field that is wrong", fields, "records: must be quoted", false},
			{"a protected set", said(423, "protected", "rrset is protected"), "lift its protection", false},
			{"an answer without an action", vendor.Fault{Status: 201, Type: "application/json", Body: `{}`}, "how the change ended is not said", false},
			{"a page with status 200", vendor.Fault{Status: 200, Type: "text/html", Body: htmlPage}, "not the API's JSON", false},
		},
		misfits: []misfit{
			{"a wrong token", with(func(_ *vendor.Hetzner, c map[string]string) { c["api_token"] = "another-token" }), domain, "", "the token is wrong or revoked"},
			{"a zone in another project", hetznerBench, "other.test", "", "another project"},
			{"a secondary zone", with(func(s *vendor.Hetzner, _ map[string]string) { s.SetMode("secondary") }), domain, "", "is a secondary at Hetzner"},
			{"a zone that is not delegated", hetznerBench, domain, "test", "not delegated"},
		},
	}
}

func hetznerBench(t *testing.T) bench {
	b, _ := newHetzner(t)
	return b
}

func newHetzner(t *testing.T) (bench, *vendor.Hetzner) {
	srv := vendor.NewHetzner(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "hetzner",
		creds:     map[string]string{"api_token": srv.Token},
		secretKey: "api_token",
		baseURL:   srv.URL(),
		writes:    srv.Writes,
		leastTTL:  60,
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		s := vendor.HetznerSet{Name: name, Type: typ, TTL: stoodTTL}
		for _, v := range values {
			switch typ {
			case "TXT":
				v = quoted(v, `\"`)
			case "CNAME":
				v += "."
			}
			s.Records = append(s.Records, vendor.HetznerRecord{Value: v})
		}
		srv.Put(s)
	}
	b.watch(srv)
	return b, srv
}

// TestHetznerLeavesNoGap: whatever is changed, a set that stands before and after
// stands all the time, and a refused change leaves it as it was.
func TestHetznerLeavesNoGap(t *testing.T) {
	b, srv := newHetzner(t)
	var held [][]string
	e := edit("_mta-sts", "TXT", list(sts1), list(sts2))
	b.put(t, e.Name, "TXT", sts1)
	srv.SetHooks(vendor.Hooks{OnChange: func(_, _ string, _ uint32, values []string) { held = append(held, values) }})
	r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
	if r.Outcome != rollout.Applied || err != nil {
		t.Fatalf("%s, %v", r.Outcome, err)
	}
	for _, values := range held {
		if !slices.Equal(values, list(sts2)) {
			t.Errorf("in between stood %q", values)
		}
	}
	if set, _ := srv.Set(e.Name, "TXT"); set.TTL != 300 {
		t.Errorf("its TTL is %d", set.TTL)
	}
}

// TestHetznerKeepsWhatIsNotOurs: comments of records that stay, and the zone's TTL
// where a set has none of its own.
func TestHetznerKeepsWhatIsNotOurs(t *testing.T) {
	b, srv := newHetzner(t)
	e := edit("_mta-sts", "TXT", list("foreign", sts1), list("foreign", sts2))
	srv.Put(vendor.HetznerSet{Name: e.Name, Type: "TXT", Records: []vendor.HetznerRecord{{Value: `"foreign"`, Comment: "ticket 17"}, {Value: `"` + sts1 + `"`}}})
	a := b.open(t, dns.Options{})
	h, err := a.Read(ctx(t), e)
	if err != nil || h.TTL != 3600 {
		t.Fatalf("read with TTL %d, %v", h.TTL, err)
	}
	e.TTL = h.TTL
	if r, err := a.Apply(ctx(t), e); r.Outcome != rollout.Applied || b.writes(e.Name) != 1 {
		t.Fatalf("%s after %d writes, %v", r.Outcome, b.writes(e.Name), err)
	}
	set, _ := srv.Set(e.Name, "TXT")
	if set.TTL != 0 || len(set.Records) != 2 || set.Records[0].Comment != "ticket 17" {
		t.Errorf("it holds %+v", set)
	}
}

// TestHetznerWaitsForActions: a change that still runs is waited for; one that fails
// in the end is not called done by the call.
func TestHetznerWaitsForActions(t *testing.T) {
	b, srv := newHetzner(t)
	srv.SetActions(2, "")
	asked := 0
	b.interfere(func(r *http.Request) *vendor.Fault {
		if strings.HasPrefix(r.URL.Path, "/v1/actions/") {
			asked++
		}
		return nil
	})
	if r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1))); r.Outcome != rollout.Applied || err != nil || asked != 2 {
		t.Errorf("%s after asking %d times, %v", r.Outcome, asked, err)
	}
	srv.SetActions(0, "action_failed")
	if r, _ := b.open(t, dns.Options{}).Apply(ctx(t), edit("_smtp._tls", "TXT", nil, list(rpt))); r.Outcome != rollout.Applied || !strings.Contains(r.Detail, "given up by Hetzner") {
		t.Errorf("a failed action that stands all the same: %s, %q", r.Outcome, r.Detail)
	}
}

// TestHetznerProtectedSetIsNotTouched: it is told before anything is sent.
func TestHetznerProtectedSetIsNotTouched(t *testing.T) {
	b, srv := newHetzner(t)
	e := edit("mta-sts", "A", list("192.0.2.20"), list("192.0.2.21"))
	srv.Put(vendor.HetznerSet{Name: e.Name, Type: "A", TTL: 60, Protected: true, Records: []vendor.HetznerRecord{{Value: "192.0.2.20"}}})
	r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
	if r.Outcome != rollout.Refused || b.writes(e.Name) != 0 || !strings.Contains(r.Detail, "lift its protection") {
		t.Errorf("%s after %d writes, %v", r.Outcome, b.writes(e.Name), err)
	}
}

// crowdedHetzner is a bench whose zone has a great many records.
func crowdedHetzner(t testing.TB) (provider string, creds map[string]string, o dns.Options) {
	sets := make([]vendor.HetznerSet, crowded)
	for i := range sets {
		sets[i] = vendor.HetznerSet{Name: fmt.Sprintf("host%d", i+1), Type: "A", Records: []vendor.HetznerRecord{{Value: "192.0.2.1"}}}
	}
	srv := vendor.NewHetzner(domain, sets...)
	t.Cleanup(srv.Close)
	return "hetzner", map[string]string{"api_token": srv.Token}, dns.Options{BaseURL: srv.URL()}
}
