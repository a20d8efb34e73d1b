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

func dnscaleEntrant() entrant {
	said := func(status int, code, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: fmt.Sprintf(`{"status":"error","error":{"code":%q,"message":%q}}`, code, message)}
	}
	throttled := said(429, "RATE_LIMITED", "too many requests")
	throttled.RetryAfter = "45"
	with := func(change func(*vendor.DNScale, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newDNScale(t)
			change(srv, b.creds)
			return b
		}
	}
	scopes := func(scopes ...string) func(*testing.T) bench {
		return with(func(s *vendor.DNScale, _ map[string]string) { s.SetScopes(scopes...) })
	}
	return entrant{
		start: dnscaleBench,
		refusals: []refusal{
			{"401", said(401, "UNAUTHORIZED", "invalid API key"), "the API key is wrong", false},
			{"403", said(403, "INSUFFICIENT_SCOPE", "missing scope"), "give it the scope records:write", false},
			{"404", said(404, "RECORD_NOT_FOUND", "record not found"), "DNScale does not find it", false},
			{"409", said(409, "CONFLICT", "CNAME conflict"), "cannot stand beside; it said: CNAME conflict", false},
			{"429", throttled, "try again in 45 s", false},
			{"500", said(500, "INTERNAL", "internal error"), "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", said(400, "INVALID_REQUEST", "bad header SECRET"), "(secret)", false},
			{"502 in HTML", vendor.Fault{Status: 502, Type: "text/html", Body: htmlPage}, "out of order", false},
			{"a redirect", vendor.Fault{Status: 302, Type: "text/html"}, "does not follow", false},
		},
		misfits: []misfit{
			{"a wrong key", with(func(_ *vendor.DNScale, c map[string]string) { c["api_key"] = "another-key" }), domain, "", "the API key is wrong"},
			{"a key that may not list zones", scopes("records:read", "records:write"), domain, "", "give it the scope zones:read"},
			{"a key that may not read records", scopes("zones:read"), domain, "", "give it the scope records:read"},
			{"a paused zone", with(func(s *vendor.DNScale, _ map[string]string) { s.SetStatus("paused") }), domain, "", "not active"},
			{"a zone in another account", dnscaleBench, "other.test", "", "another account"},
			{"DNS answers from a child zone", dnscaleBench, domain, "_mta-sts.corp.test", "child zone"},
			{"a zone that is not delegated", dnscaleBench, domain, "test", "not delegated"},
		},
	}
}

func dnscaleBench(t *testing.T) bench {
	b, _ := newDNScale(t)
	return b
}

func newDNScale(t *testing.T) (bench, *vendor.DNScale) {
	srv := vendor.NewDNScale(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "dnscale",
		creds:     map[string]string{"api_key": srv.Key},
		secretKey: "api_key",
		baseURL:   srv.URL(),
		writes:    srv.Writes,
		leastTTL:  300,
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		srv.Drop(name, typ)
		for _, v := range values {
			srv.Put(vendor.DNScaleRecord{Name: name, Type: typ, Content: v, TTL: stoodTTL})
		}
	}
	b.watch(srv)
	return b, srv
}

// TestDNScaleLowersALongTTL: and says so.
func TestDNScaleLowersALongTTL(t *testing.T) {
	takesTTL(t, dnscaleBench(t), 172800, 86400)
}

// TestDNScaleDisabled: what is disabled stays so, unless it is what is wanted.
func TestDNScaleDisabled(t *testing.T) {
	for _, tc := range []struct {
		shows         string
		off           []string
		before, after []string
		want          string
	}{
		{"created beside", list("off"), nil, list(sts1), "off disabled, " + sts1},
		{"created in its place", list("off", sts1), nil, list(sts1), "off disabled, " + sts1},
		{"changed beside", list("off"), list(sts1), list(sts2), "off disabled, " + sts2},
		{"changed to what is disabled", list("off", sts2), list(sts1), list(sts2), "off disabled, " + sts2},
		{"disabled twice", list(sts2, `"`+sts2+`"`), list(sts1), list(sts2), `"` + sts2 + `" disabled, ` + sts2},
		{"deleted", list("off"), list(sts1), nil, "off disabled"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b, srv := newDNScale(t)
			e := edit("_mta-sts", "TXT", tc.before, tc.after)
			b.put(t, e.Name, e.Type, tc.before...)
			for _, v := range tc.off {
				srv.Put(vendor.DNScaleRecord{Name: e.Name, Type: "TXT", Content: v, TTL: 600, Disabled: true})
			}
			if r, err := b.open(t, dns.Options{}).Apply(ctx(t), e); r.Outcome != rollout.Applied {
				t.Errorf("outcome %s, %v", r.Outcome, err)
			}
			var now []string
			for _, r := range srv.Records(e.Name) {
				now = append(now, r.Content+map[bool]string{true: " disabled"}[r.Disabled])
			}
			if got := strings.Join(sortedCopy(now), ", "); got != tc.want {
				t.Errorf("the server holds %s, want %s", got, tc.want)
			}
		})
	}
}

// TestDNScaleReadsNoPageTwice: the API has no way to ask for one name; a zone of many
// records is read in pages of a thousand, and its name servers once.
func TestDNScaleReadsNoPageTwice(t *testing.T) {
	b, srv := newDNScale(t)
	for i := range 2500 {
		srv.Put(vendor.DNScaleRecord{Name: fmt.Sprintf("h%d.%s", i, domain), Type: "A", Content: "192.0.2.1", TTL: 600})
	}
	read := map[string]int{}
	b.interfere(func(r *http.Request) *vendor.Fault {
		if q := r.URL.Query(); q.Has("offset") && q.Get("limit") == "1000" {
			read[q.Get("offset")]++
		}
		return nil
	})
	a := b.open(t, dns.Options{})
	for _, e := range []rollout.Edit{edit("_mta-sts", "TXT", nil, list(sts1)), edit("_smtp._tls", "TXT", nil, list(rpt)), edit("mta-sts", "A", nil, list("192.0.2.20"))} {
		if h, err := a.Read(ctx(t), e); err != nil || h.Value.Exists {
			t.Errorf("%s: %s, %v", e, h.Value, err)
		}
	}
	// Three names and the apex.
	if len(read) != 3 || read["0"] != 4 || read["1000"] != 4 || read["2000"] != 4 {
		t.Errorf("pages were read %v times", read)
	}
}

// crowdedDNScale is a bench whose zone has a great many records.
func crowdedDNScale(t testing.TB) (provider string, creds map[string]string, o dns.Options) {
	records := make([]vendor.DNScaleRecord, crowded)
	for i := range records {
		records[i] = vendor.DNScaleRecord{Name: fmt.Sprintf("host%d.%s", i+1, domain), Type: "A", Content: "192.0.2.1", TTL: 300}
	}
	srv := vendor.NewDNScale(domain, records...)
	t.Cleanup(srv.Close)
	return "dnscale", map[string]string{"api_key": srv.Key}, dns.Options{BaseURL: srv.URL()}
}
