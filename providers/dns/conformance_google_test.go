//go:build google

package dns_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// heavyEntrants are the providers that only a build tag brings in.
func heavyEntrants() map[string]entrant {
	return map[string]entrant{"googleclouddns": googleEntrant()}
}

func googleEntrant() entrant {
	said := func(status int, reason, message string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json; charset=UTF-8", Body: fmt.Sprintf(
			`{"error":{"code":%d,"message":"%s","errors":[{"message":"%s","domain":"global","reason":"%s"}]}}`, status, message, message, reason)}
	}
	throttled := said(429, "rateLimitExceeded", "Quota exceeded for quota metric")
	throttled.RetryAfter = "37"
	with := func(change func(*vendor.Google, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newGoogle(t)
			change(srv, b.creds)
			return b
		}
	}
	return entrant{
		start: googleBench,
		refusals: []refusal{
			{"401", said(401, "authError", "Request had invalid authentication credentials."), "not accepted", false},
			{"403", said(403, "forbidden", "Permission 'dns.changes.create' denied on resource"), "lack the right dns.changes.create", false},
			{"404", said(404, "notFound", "No zone of that name"), "no such project or zone", false},
			{"409", said(409, "conflict", "conflicting change"), "conflicting change", false},
			{"429", throttled, "37 s", false},
			{"500", said(500, "backendError", "internal"), "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"502 in HTML", vendor.Fault{Status: 502, Type: "text/html", Body: htmlPage}, "out of order", false},
			{"an API that was never enabled", said(403, "accessNotConfigured", "Cloud DNS API has not been used in project 1 before"), "enable dns.googleapis.com", false},
		},
		lacks: map[string]string{
			"a secret that the answer repeats": "the private key is never sent; what Google gets is a token that its library makes of it",
		},
		misfits: []misfit{
			{"a key that was deleted", with(func(s *vendor.Google, _ map[string]string) { s.Revoke() }), domain, "", "does not accept this key"},
			{"another project", with(func(_ *vendor.Google, c map[string]string) { c["project"] = "other-project" }), domain, "", "lack the right dns.managedZones.list"},
			{"no right to list zones", with(func(s *vendor.Google, _ map[string]string) { s.Deny("dns.managedZones.list") }), domain, "", "lack the right dns.managedZones.list"},
			{"no right to read the zone", with(func(s *vendor.Google, _ map[string]string) { s.Deny("dns.resourceRecordSets.list") }), domain, "", "lack the right dns.resourceRecordSets.list"},
			{"no right to write", with(func(s *vendor.Google, _ map[string]string) { s.Deny("dns.resourceRecordSets.update") }), domain, "", "lack the right to dns.resourceRecordSets.update"},
			{"a zone in another project", googleBench, "other.test", "", "another project"},
			{"a private zone alone", with(func(s *vendor.Google, _ map[string]string) { s.AddZone("inner", "inner.test", "private") }), "inner.test", "", "only a private zone"},
			{"two public zones of one name", with(func(s *vendor.Google, _ map[string]string) { s.AddZone("second", domain, "public") }), domain, "", "second"},
			{"DNS answers from a child zone", googleBench, domain, "_mta-sts.corp.test", "child zone"},
			{"a zone that is not delegated", googleBench, domain, "test", "not delegated"},
		},
	}
}

func googleBench(t *testing.T) bench {
	b, _ := newGoogle(t)
	return b
}

func newGoogle(t *testing.T) (bench, *vendor.Google) {
	srv := vendor.NewGoogle(domain)
	t.Cleanup(srv.Close)
	file, private := leadToGoogle(t, srv)
	b := bench{
		provider:  "googleclouddns",
		secretKey: "private_key", // not a field: belay reads it from the file
		creds:     map[string]string{"key_file": file, "private_key": strings.Split(private, "\n")[1]},
		writes:    srv.Writes,
		writing: func(r *http.Request) bool {
			return r.Method != http.MethodGet && strings.HasSuffix(r.URL.Path, "/changes")
		},
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		s := vendor.GoogleSet{Name: name, Type: typ, TTL: stoodTTL}
		for _, v := range values {
			switch typ {
			case "TXT":
				v = quoted(v, `\"`)
			case "CNAME":
				v += "."
			}
			s.Rrdatas = append(s.Rrdatas, v)
		}
		srv.Put(s)
	}
	b.watch(srv)
	return b, srv
}

// leadToGoogle leads Google's library to a server on loopback, and returns a key file
// for it and the private key in that. The library knows only the default transport, so
// that is replaced while the test runs.
func leadToGoogle(t testing.TB, srv *vendor.Google) (file, private string) {
	before := http.DefaultTransport
	leads := srv.Transport()
	http.DefaultTransport = leads
	t.Cleanup(func() { http.DefaultTransport = before; leads.CloseIdleConnections() })
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	file = filepath.Join(t.TempDir(), "key.json")
	private, err := srv.WriteKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, private
}

// heavyLargeZones are benches of the same providers whose zone has a great many records.
func heavyLargeZones() map[string]func(testing.TB) (string, map[string]string, dns.Options) {
	return map[string]func(testing.TB) (string, map[string]string, dns.Options){
		"googleclouddns": func(t testing.TB) (string, map[string]string, dns.Options) {
			sets := make([]vendor.GoogleSet, crowded)
			for i := range sets {
				sets[i] = vendor.GoogleSet{Name: fmt.Sprintf("host%d.%s.", i+1, domain), Type: "A", TTL: 300, Rrdatas: list("192.0.2.1")}
			}
			srv := vendor.NewGoogle(domain, sets...)
			t.Cleanup(srv.Close)
			file, _ := leadToGoogle(t, srv)
			return "googleclouddns", map[string]string{"key_file": file}, dns.Options{}
		},
	}
}

// TestGoogleQuotes: what begins or ends in quotes and backslashes stands whole, and
// goes whole.
func TestGoogleQuotes(t *testing.T) {
	for _, text := range []string{`says "x"`, `"x" y`, `a \`, `a "`, `"`, `\"`, `nospace"`, ` `, long() + ` "end"`} {
		b := googleBench(t)
		e := edit("_smtp._tls", "TXT", nil, list(text))
		a := b.open(t, dns.Options{})
		if r, err := a.Apply(ctx(t), e); r.Outcome != rollout.Applied {
			t.Errorf("%q: %s (%v); there stands %q", text, r.Outcome, err, b.holds(e.Name, e.Type))
			continue
		}
		gone := edit("_smtp._tls", "TXT", list(text), nil)
		if r, err := a.Apply(ctx(t), gone); r.Outcome != rollout.Applied || len(b.holds(e.Name, e.Type)) != 0 {
			t.Errorf("%q is not deleted: %s (%v)", text, r.Outcome, err)
		}
	}
}

func TestGoogleRoutingPolicyIsNotWrittenOver(t *testing.T) {
	b, srv := newGoogle(t)
	srv.Put(vendor.GoogleSet{Name: "mta-sts." + domain, Type: "A", TTL: 60, RoutingPolicy: map[string]any{"geo": map[string]any{}}})
	e := edit("mta-sts", "A", nil, list("192.0.2.20"))
	a := b.open(t, dns.Options{})
	if h, err := a.Read(ctx(t), e); err != nil || !strings.Contains(h.Err, "routing policy") {
		t.Errorf("read says %q, %v", h.Err, err)
	}
	if r, err := a.Apply(ctx(t), e); r.Outcome != rollout.Refused || b.writes(e.Name) != 0 {
		t.Errorf("outcome %s after %d writes, %v", r.Outcome, b.writes(e.Name), err)
	}
}

func TestGoogleKeyFilesThatAreNone(t *testing.T) {
	for _, tc := range []struct {
		shows, text, project, says string
	}{
		{"no JSON", "-----BEGIN PRIVATE KEY-----", "p", "is no key of Google's"},
		{"JSON of something else", `{"private_key":"hunter2"}`, "p", "is no key of Google's"},
		{"no project", `{"type":"authorized_user"}`, "", "GCP_PROJECT"},
		{"too large", strings.Repeat("x", 70<<10), "p", "larger than"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key.json")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := dns.Open("googleclouddns", map[string]string{"key_file": file, "project": tc.project}, dns.Options{Domain: domain})
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v does not say %q", err, tc.says)
			}
		})
	}
}
