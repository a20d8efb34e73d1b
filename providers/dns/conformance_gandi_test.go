package dns_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

func gandiEntrant() entrant {
	said := func(status int, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: fmt.Sprintf(`{"code":%d,"message":%q,"object":"HTTPError","cause":%q}`, status, message, http.StatusText(status))}
	}
	throttled := said(429, "Too many requests")
	throttled.RetryAfter = "45"
	with := func(change func(*vendor.Gandi, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newGandi(t)
			change(srv, b.creds)
			return b
		}
	}
	return entrant{
		start: gandiBench,
		refusals: []refusal{
			{"401", said(401, "Bad authentication attempt"), "old API keys are not taken", false},
			{"403", said(403, "Access was denied to this resource."), "Manage domain name technical configurations", false},
			{"404", said(404, "Unknown domain"), "Gandi does not find it", false},
			{"409", said(409, "conflicting change"), "conflicting change", false},
			{"429", throttled, "try again in 45 s", false},
			{"500", vendor.Fault{Status: 500, Type: "text/html", Body: "<h1>Internal Server Error</h1>"}, "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", said(400, "bad header SECRET"), "(secret)", false},
			{"what is wrong with a value", vendor.Fault{Status: 400, Type: "application/json", Body: `{"status":"error","errors":[{"location":"body","name":"rrset_ttl","description":"60 is less than minimum value 300"}]}`}, "does not take the record; it said: rrset_ttl: 60 is less", false},
			{"a redirect", vendor.Fault{Status: 302, Type: "text/html"}, "does not follow", false},
		},
		misfits: []misfit{
			{"a wrong token", with(func(_ *vendor.Gandi, c map[string]string) { c["token"] = "another-token" }), domain, "", "wrong or has expired"},
			{"a token without rights", with(func(s *vendor.Gandi, _ map[string]string) { s.SetUnseen() }), domain, "", "sees no domain for"},
			{"a zone in another account", gandiBench, "other.test", "", "another organization"},
			{"DNS answers from a child zone", gandiBench, domain, "_mta-sts.corp.test", "child zone"},
			{"a zone that is not delegated", gandiBench, domain, "test", "not delegated"},
		},
	}
}

func gandiBench(t *testing.T) bench {
	b, _ := newGandi(t)
	return b
}

func newGandi(t *testing.T) (bench, *vendor.Gandi) {
	srv := vendor.NewGandi(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "gandi",
		creds:     map[string]string{"token": srv.Token},
		secretKey: "token",
		baseURL:   srv.URL(),
		writes:    srv.Writes,
		leastTTL:  300,
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		var stored []string
		for _, v := range values {
			switch typ {
			case "TXT":
				v = quoted(v, `\"`)
			case "CNAME":
				v += "."
			}
			stored = append(stored, v)
		}
		srv.Put(name, typ, stoodTTL, stored...)
	}
	b.watch(srv)
	return b, srv
}

// TestGandiReadsOneName: a plan costs calls by its names, not by the zone.
func TestGandiReadsOneName(t *testing.T) {
	b, srv := newGandi(t)
	for i := range 500 {
		srv.Put(fmt.Sprintf("h%d.%s", i, domain), "A", 600, "192.0.2.1")
	}
	b.interfere(func(r *http.Request) *vendor.Fault {
		if strings.HasSuffix(r.URL.Path, "/records") {
			t.Errorf("%s %s reads the whole zone", r.Method, r.URL)
		}
		return nil
	})
	if r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1))); r.Outcome != rollout.Applied || srv.Calls() > 6 {
		t.Errorf("%s by %d calls, %v", r.Outcome, srv.Calls(), err)
	}
}

// crowdedGandi is a bench whose zone has a great many records.
func crowdedGandi(t testing.TB) (provider string, creds map[string]string, o dns.Options) {
	sets := make([]vendor.GandiSet, crowded)
	for i := range sets {
		sets[i] = vendor.GandiSet{Name: fmt.Sprintf("host%d", i+1), Type: "A", TTL: 300, Values: list("192.0.2.1")}
	}
	srv := vendor.NewGandi(domain, sets...)
	t.Cleanup(srv.Close)
	return "gandi", map[string]string{"token": srv.Token}, dns.Options{BaseURL: srv.URL()}
}
