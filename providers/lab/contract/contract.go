// Package contract holds libdns providers to libdns's contract: what v1.1.1 of that
// package writes in its comments, as tests. The providers that belay brings itself
// run it, each against its vendor's loopback server; what counts is what the server
// holds afterwards, not what the provider returns.
package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab/vendor"

	"github.com/libdns/libdns"
)

// Zone is the zone that every server has.
const Zone = "corp.test."

// Provider is what is held to the contract.
type Provider interface {
	libdns.RecordGetter
	libdns.RecordAppender
	libdns.RecordSetter
	libdns.RecordDeleter
	libdns.ZoneLister
	// RecordsAt returns the records of one name.
	RecordsAt(ctx context.Context, zone, name string) ([]libdns.Record, error)
}

// Bench is one provider with a server behind it that has the zone and nothing at
// any name but the apex.
type Bench struct {
	Provider Provider
	// Server is the vendor's. Its hooks are the suite's.
	Server interface{ SetHooks(vendor.Hooks) }
	// Put adds a record behind the provider's back.
	Put func(libdns.RR)
	// Refusal reads an error as a refusal by the API: its status, and how long
	// it asks to wait.
	Refusal func(error) (status int, wait time.Duration, ok bool)
}

// Run holds the provider to everything that the contract says. New makes a bench
// with a zone of its own.
func Run(t *testing.T, bench func(*testing.T) Bench) {
	t.Run("changes", func(t *testing.T) { changes(t, bench) })
	t.Run("what cannot be is refused whole", func(t *testing.T) { refuses(t, bench) })
	t.Run("records are of their own types", func(t *testing.T) { types(t, bench) })
	t.Run("one name is read", func(t *testing.T) { oneName(t, bench) })
	t.Run("zones are listed", func(t *testing.T) { zones(t, bench) })
	t.Run("many at once lose nothing", func(t *testing.T) { together(t, bench) })
	t.Run("a context that has ended ends the call", func(t *testing.T) { cancelled(t, bench) })
	t.Run("trouble", func(t *testing.T) { trouble(t, bench) })
}

// held is what a server told of its zone: "name ttl type data" for each record.
type held struct {
	mu   sync.Mutex
	sets map[string][]string
}

func watch(b Bench, more vendor.Hooks) *held {
	h := &held{sets: map[string][]string{}}
	more.OnChange = func(name, typ string, ttl uint32, values []string) {
		var lines []string
		for _, v := range values {
			if typ == "CNAME" {
				v += "."
			}
			lines = append(lines, line(libdns.RR{Name: libdns.RelativeName(name, Zone), TTL: time.Duration(ttl) * time.Second, Type: typ, Data: v}))
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.sets[name+" "+typ] = lines
	}
	b.Server.SetHooks(more)
	return h
}

func (h *held) lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, l := range h.sets {
		out = append(out, l...)
	}
	slices.Sort(out)
	return out
}

func line(rr libdns.RR) string {
	return fmt.Sprintf("%s %d %s %s", rr.Name, int(rr.TTL/time.Second), rr.Type, rr.Data)
}

func lines(recs []libdns.Record) []string {
	var out []string
	for _, r := range recs {
		out = append(out, line(r.RR()))
	}
	slices.Sort(out)
	return out
}

// rr reads "name ttl type data".
func rr(s string) libdns.RR {
	f := strings.SplitN(s, " ", 4)
	seconds, err := time.ParseDuration(f[1] + "s")
	if len(f) != 4 || err != nil {
		panic("no record: " + s)
	}
	return libdns.RR{Name: f[0], TTL: seconds, Type: f[2], Data: f[3]}
}

// typed are records as a caller would give them, each of its own type.
func typed(t *testing.T, texts []string) []libdns.Record {
	t.Helper()
	var out []libdns.Record
	for _, s := range texts {
		r, err := rr(s).Parse()
		if err != nil {
			r = rr(s)
		}
		out = append(out, r)
	}
	return out
}

func sorted(s []string) []string {
	out := slices.Clone(s)
	slices.Sort(out)
	return out
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
