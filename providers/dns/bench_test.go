package dns_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/providers/lab"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

const domain = "corp.test"

// A bench is one provider with a server of its own behind it.
type bench struct {
	provider string
	creds    map[string]string
	baseURL  string
	// put makes values the RRset behind the provider's back; none removes it.
	put func(t *testing.T, name, typ string, values ...string)
	// holds are the values the server has, sorted.
	holds func(name, typ string) []string
	// writes is how often anything was written at name through the API.
	writes func(name string) int
	// meanwhile makes f happen once, right before the next write is judged.
	meanwhile func(f func())
	// interfere answers in the API's place; nil where there is no HTTP.
	interfere func(func(*http.Request) *vendor.Fault)
}

// open opens an account on the bench.
func (b bench) open(t *testing.T, o dns.Options) dns.Account {
	t.Helper()
	o.Domain, o.BaseURL = domain, b.baseURL
	a, err := dns.Open(b.provider, b.creds, o)
	if err != nil {
		t.Fatalf("open %s: %v", b.provider, err)
	}
	return a
}

// benches are the providers that must pass the suite.
func benches() map[string]func(*testing.T) bench {
	return map[string]func(*testing.T) bench{
		"cloudflare":           cloudflareBench,
		"route53":              route53Bench,
		"rfc2136":              func(t *testing.T) bench { return rfc2136Bench(t, false) },
		"rfc2136 without AXFR": func(t *testing.T) bench { return rfc2136Bench(t, true) },
	}
}

func onEach(t *testing.T, f func(t *testing.T, b bench)) {
	for name, start := range benches() {
		t.Run(name, func(t *testing.T) { f(t, start(t)) })
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
		provider: "cloudflare",
		creds:    map[string]string{"api_token": srv.Token},
		baseURL:  srv.URL(),
		writes:   srv.Writes,
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		srv.Drop(name, typ)
		for _, v := range values {
			if typ == "TXT" {
				v = quoted(v, `\"`)
			}
			srv.Put(vendor.CloudflareRecord{Name: name, Type: typ, Content: v, TTL: 600})
		}
	}
	told := tellValues()
	b.holds = told.values
	hooks := vendor.Hooks{OnChange: told.change}
	b.meanwhile = func(f func()) {
		hooks.Before = once(f)
		srv.SetHooks(hooks)
	}
	b.interfere = func(f func(*http.Request) *vendor.Fault) {
		hooks.Interfere = f
		srv.SetHooks(hooks)
	}
	srv.SetHooks(hooks)
	return b, srv
}

func route53Bench(t *testing.T) bench {
	b, _ := newRoute53(t)
	return b
}

func newRoute53(t *testing.T) (bench, *vendor.Route53) {
	srv := vendor.NewRoute53(domain)
	t.Cleanup(srv.Close)
	// The SDK reads its address and the machine's own credentials from these.
	t.Setenv("AWS_ENDPOINT_URL_ROUTE_53", srv.URL())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	b := bench{
		provider: "route53",
		creds:    map[string]string{"access_key_id": srv.AccessKeyID, "secret_access_key": "very-secret-access-key"},
		writes:   srv.Writes,
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		s := vendor.Route53Set{Name: name, Type: typ, TTL: 600}
		for _, v := range values {
			if typ == "TXT" {
				v = quoted(v, `\"`)
			}
			s.Values = append(s.Values, v)
		}
		srv.Put(s)
	}
	told := tellValues()
	b.holds = told.values
	hooks := vendor.Hooks{OnChange: told.change}
	b.meanwhile = func(f func()) {
		hooks.Before = once(f)
		srv.SetHooks(hooks)
	}
	b.interfere = func(f func(*http.Request) *vendor.Fault) {
		hooks.Interfere = f
		srv.SetHooks(hooks)
	}
	srv.SetHooks(hooks)
	return b, srv
}

func rfc2136Bench(t *testing.T, refuse bool) bench {
	l, err := lab.New(lab.Options{Domain: domain, Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("start the lab: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	l.RefuseTransfers(refuse)
	name, alg, secret := l.TSIG()
	b := bench{
		provider: "rfc2136",
		creds:    map[string]string{"server": l.NameServer(0), "key_name": name, "key_alg": alg, "key": secret},
		writes:   func(name string) int { return l.Writes()[name] },
		holds:    l.Records,
	}
	b.put = func(t *testing.T, name, typ string, values ...string) {
		if err := l.SetRRset(name, typ, 600, values...); err != nil {
			t.Fatal(err)
		}
	}
	for _, typ := range []string{"A", "AAAA", "CNAME"} {
		b.put(t, "mta-sts."+domain, typ)
	}
	for _, name := range []string{"_mta-sts.", "_smtp._tls."} {
		b.put(t, name+domain, "TXT")
	}
	b.meanwhile = func(f func()) {
		hook := once(f)
		l.OnUpdate(func(stage string, _ []string) {
			if stage == "before" {
				hook("", "")
			}
		})
	}
	return b
}

// quoted is a TXT value in one pair of quotes, or several of 255 bytes.
func quoted(v, escape string) string {
	var parts []string
	for {
		n := min(len(v), 255)
		parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, escape).Replace(v[:n])+`"`)
		if v = v[n:]; v == "" {
			return strings.Join(parts, " ")
		}
	}
}

// told keeps what a vendor's server told of its zone, as a name server would.
type told struct {
	mu   sync.Mutex
	sets map[string][]string
}

func tellValues() *told { return &told{sets: map[string][]string{}} }

func (s *told) change(name, typ string, _ uint32, values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	values = slices.Clone(values)
	slices.Sort(values)
	s.sets[name+" "+typ] = values
}

func (s *told) values(name, typ string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sets[name+" "+typ]
}

func once(f func()) func(string, string) {
	var only sync.Once
	return func(string, string) { only.Do(f) }
}

// edit is a change of one RRset; nil values are nothing.
func edit(name, typ string, before, after []string) rollout.Edit {
	return rollout.Edit{
		ID: "e1", Kind: rollout.Record, Account: "test", Zone: domain,
		Name: name + "." + domain, Type: typ, TTL: 300,
		Before: rollout.Records(before...), After: rollout.Records(after...),
	}
}

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return c
}
