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
	"belay/providers/lab/vendor"
	"belay/rollout"
)

const domain = "corp.test"

// stoodTTL is that of what a bench puts, in seconds; every zone takes it, and no edit
// asks for it.
const stoodTTL = 7200

// A bench is one provider with a server of its own behind it.
type bench struct {
	provider string
	creds    map[string]string
	// secretKey is the field whose value must never be shown.
	secretKey string
	baseURL   string
	// put makes values the RRset behind the provider's back; none removes it.
	put func(t *testing.T, name, typ string, values ...string)
	// holds are the values the server has, sorted.
	holds func(name, typ string) []string
	// ttl is that of the last record which the server told of a set, in seconds; nil
	// where it has one a set.
	ttl func(name, typ string) uint32
	// writes is how often anything was written at name through the API.
	writes func(name string) int
	// meanwhile makes f happen once, right before the next write is judged.
	meanwhile func(f func())
	// interfere answers in the API's place; nil where there is no HTTP.
	interfere func(func(*http.Request) *vendor.Fault)
	// writing tells a request that changes something from one that reads; nil
	// means that all do but GET.
	writing func(*http.Request) bool
	// beside puts other zones into the account, for providers that list them; nil
	// where there is no HTTP.
	beside func(zones ...string)
	// leastTTL is the shortest TTL that the zone takes, in seconds.
	leastTTL uint32
	// cannot is what belay says of values that the provider does not hold, "" where
	// it holds them; nil where it holds all. The suite then asks that nothing changes
	// and that it is said.
	cannot func(typ string, values []string) string
	// nearestTTL is the TTL that the zone takes in place of one that it does not
	// have; nil where it has them all.
	nearestTTL func(uint32) uint32
}

// onWrite answers every request that would change something; where f returns nil
// it is let through.
func (b bench) onWrite(f func() *vendor.Fault) {
	b.interfere(func(r *http.Request) *vendor.Fault {
		if !b.changes(r) {
			return nil
		}
		return f()
	})
}

func (b bench) changes(r *http.Request) bool {
	if b.writing == nil {
		return r.Method != http.MethodGet
	}
	return b.writing(r)
}

func (b bench) secret() string { return b.creds[b.secretKey] }

// watch lets the bench see and disturb what a vendor's server does. It replaces
// the server's hooks.
func (b *bench) watch(srv interface {
	SetHooks(vendor.Hooks)
	SetOthers(zones ...string)
}) {
	told := tellValues()
	b.beside = srv.SetOthers
	b.holds, b.ttl = told.values, told.ttl
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
}

// takes is the TTL that the zone has where this one is asked for, in seconds.
func (b bench) takes(ttl uint32) uint32 {
	ttl = max(ttl, b.leastTTL)
	if b.nearestTTL != nil {
		return b.nearestTTL(ttl)
	}
	return ttl
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
	ttls map[string]uint32
}

func tellValues() *told { return &told{sets: map[string][]string{}, ttls: map[string]uint32{}} }

func (s *told) change(name, typ string, ttl uint32, values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	values = slices.Clone(values)
	slices.Sort(values)
	s.sets[name+" "+typ], s.ttls[name+" "+typ] = values, ttl
}

func (s *told) ttl(name, typ string) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ttls[name+" "+typ]
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
