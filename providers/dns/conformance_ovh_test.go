package dns_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
)

func ovhEntrant() entrant {
	said := func(status int, code, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: fmt.Sprintf(`{"errorCode":"%s","httpCode":"%d","message":"%s"}`, code, status, message)}
	}
	throttled := vendor.Fault{Status: 429, Type: "application/json", Body: `{"class":"Client::TooManyRequests","message":"Too many requests"}`, RetryAfter: "70"}
	with := func(change func(*vendor.OVH, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newOVH(t)
			change(srv, b.creds)
			return b
		}
	}
	rules := func(methods ...string) func(*testing.T) bench {
		return with(func(s *vendor.OVH, _ map[string]string) {
			var rules []vendor.OVHRule
			for _, m := range methods {
				rules = append(rules, vendor.OVHRule{Method: m, Path: "/domain/zone/corp.test*"})
			}
			s.SetRules(rules...)
		})
	}
	return entrant{
		start: ovhBench,
		refusals: []refusal{
			{"401", said(401, "NOT_CREDENTIAL", "You must login first"), "make a new one", false},
			{"403", said(403, "NOT_GRANTED_CALL", "This call has not been granted"), "lacks the right", false},
			{"404", vendor.Fault{Status: 404, Type: "application/json", Body: `{"class":"Client::NotFound","message":"The requested object does not exist"}`}, "does not find it", false},
			{"409", vendor.Fault{Status: 409, Type: "application/json", Body: `{"class":"Client::Conflict","message":"A task is running on this zone"}`}, "A task is running", false},
			{"429", throttled, "70 s", false},
			{"500", vendor.Fault{Status: 500, Type: "application/json", Body: `{"message":"Internal server error"}`}, "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", said(400, "", "bad header SECRET"), "(secret)", false},
			{"a key that has run out", said(403, "INVALID_CREDENTIAL", "This credential is not valid"), "expired", false},
			{"an answer that leads elsewhere", vendor.Fault{Status: 302, Type: "text/html", Body: htmlPage}, "elsewhere", false},
		},
		misfits: []misfit{
			{"an unknown application key", with(func(_ *vendor.OVH, c map[string]string) { c["application_key"] = "another" }), domain, "", "does not know the application key"},
			{"another application's secret", with(func(_ *vendor.OVH, c map[string]string) { c["application_secret"] = "another" }), domain, "", "does not belong to the application key"},
			{"an unknown consumer key", with(func(_ *vendor.OVH, c map[string]string) { c["consumer_key"] = "another" }), domain, "", "not confirmed yet"},
			{"a zone in another account", ovhBench, "other.test", "", "another account"},
			{"a consumer key for another zone", with(func(s *vendor.OVH, _ map[string]string) {
				s.SetRules(vendor.OVHRule{Method: "GET", Path: "/domain/zone/other.test*"})
			}), domain, "", "may read no zone"},
			{"a consumer key that may only read", rules("GET"), domain, "", "lacks POST /domain/zone/corp.test/record, PUT"},
			{"a consumer key that may not delete", rules("GET", "POST", "PUT"), domain, "", "lacks DELETE /domain/zone/corp.test/record/;"},
			{"DNS answers from a child zone", ovhBench, domain, "_mta-sts.corp.test", "child zone"},
		},
	}
}

func ovhBench(t *testing.T) bench {
	b, _ := newOVH(t)
	return b
}

func newOVH(t *testing.T) (bench, *vendor.OVH) {
	srv := vendor.NewOVH(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "ovh",
		secretKey: "application_secret",
		creds:     map[string]string{"application_key": srv.Key, "application_secret": srv.Secret, "consumer_key": srv.Consumer},
		baseURL:   srv.URL(),
		writes:    srv.Writes,
		leastTTL:  60,
		// To publish what is published changes nothing.
		writing: func(r *http.Request) bool {
			return r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/refresh")
		},
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		srv.Drop(name, typ)
		for _, v := range values {
			switch typ {
			case "TXT":
				v = quoted(v, `\"`)
			case "CNAME":
				v += "."
			}
			srv.Put(vendor.OVHRecord{SubDomain: strings.TrimSuffix(name, "."+domain), FieldType: typ, Target: v, TTL: stoodTTL})
		}
	}
	b.watch(srv)
	return b, srv
}

// TestOVHTellsItsZones: all of them at once, to a consumer key that may ask; one that
// has the rights of the recipe and no more is tried without.
func TestOVHTellsItsZones(t *testing.T) {
	var others []string
	for i := range 60 {
		others = append(others, fmt.Sprintf("z%03d.test", i))
	}
	own := []vendor.OVHRule{{Method: "GET", Path: "/domain/zone/" + domain}, {Method: "POST", Path: "/domain/zone/" + domain + "/refresh"}}
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		own = append(own, vendor.OVHRule{Method: method, Path: "/domain/zone/" + domain + "/record*"})
	}
	for _, tc := range []struct {
		shows string
		rules []vendor.OVHRule
		says  string
	}{
		{"a key for one zone", own, ""},
		{"a key that may list", append(own, vendor.OVHRule{Method: "GET", Path: "/domain/zone"}), "The account sees 61 zones: corp.test, z000.test, z001.test, z002.test, z003.test, z004.test, z005.test, z006.test and others."},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b, srv := newOVH(t)
			srv.SetOthers(others...)
			srv.SetRules(tc.rules...)
			trial, err := b.open(t, dns.Options{}).Try(ctx(t), domain)
			all := strings.Join(trial.Lines, "\n")
			if err != nil || strings.Contains(all, "The account sees") != (tc.says != "") || !strings.Contains(all, tc.says) {
				t.Errorf("%v in:\n%s", err, all)
			}
		})
	}
}

// crowdedOVH is a bench whose zone has a great many records.
func crowdedOVH(t testing.TB) (provider string, creds map[string]string, o dns.Options) {
	records := make([]vendor.OVHRecord, crowded)
	for i := range records {
		records[i] = vendor.OVHRecord{SubDomain: fmt.Sprintf("host%d", i+1), FieldType: "A", Target: "192.0.2.1", TTL: 300}
	}
	srv := vendor.NewOVH(domain, records...)
	t.Cleanup(srv.Close)
	return "ovh", map[string]string{"application_key": srv.Key, "application_secret": srv.Secret, "consumer_key": srv.Consumer}, dns.Options{BaseURL: srv.URL()}
}
