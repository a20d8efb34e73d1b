package dns_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"

	"github.com/libdns/libdns"
	"github.com/libdns/porkbun"
)

// elsewhere sends every request to one loopback server; libdns/porkbun knows only
// the vendor's own address and takes no client.
type elsewhere struct {
	host string
	by   http.RoundTripper
}

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", e.host
	return e.by.RoundTrip(r)
}

// TestLibdnsFaultsPorkbun shows libdns's faults on the server, and beside each
// that belay does not have it.
func TestLibdnsFaultsPorkbun(t *testing.T) {
	const name = "_mta-sts." + domain
	start := func(t *testing.T, values ...string) (bench, *vendor.Porkbun, *porkbun.Provider) {
		b, srv := newPorkbun(t)
		usual := http.DefaultTransport
		http.DefaultTransport = elsewhere{strings.TrimPrefix(strings.TrimSuffix(srv.URL(), "/api/json/v3"), "http://"), usual}
		t.Cleanup(func() { http.DefaultTransport = usual })
		b.put(t, name, "TXT", values...)
		return b, srv, &porkbun.Provider{APIKey: srv.Key, APISecretKey: srv.Secret}
	}
	t.Run("to delete one value deletes them all", func(t *testing.T) {
		b, _, p := start(t, sts1, "foreign")
		_, err := p.DeleteRecords(ctx(t), domain+".", []libdns.Record{text(sts1, 900*time.Second)})
		if got := b.holds(name, "TXT"); err != nil || len(got) != 0 {
			t.Fatalf("libdns left %q, %v", got, err)
		}
		b.put(t, name, "TXT", sts1, "foreign")
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", list(sts1, "foreign"), list("foreign")))
		if got := b.holds(name, "TXT"); r.Outcome != rollout.Applied || !slices.Equal(got, list("foreign")) {
			t.Errorf("belay: %s (%v), left %q", r.Outcome, err, got)
		}
	})
	t.Run("to set one value on two makes it stand twice", func(t *testing.T) {
		b, _, p := start(t, sts1, "old")
		_, err := p.SetRecords(ctx(t), domain+".", []libdns.Record{text(sts2, 900*time.Second)})
		if got := b.holds(name, "TXT"); err != nil || !slices.Equal(got, list(sts2, sts2)) {
			t.Fatalf("libdns left %q, %v", got, err)
		}
		// belay clears up after it, too.
		for _, before := range [][]string{{sts2, sts2}, {sts1, "old"}} {
			b.put(t, name, "TXT", before...)
			r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", before, list("new")))
			if got := b.holds(name, "TXT"); r.Outcome != rollout.Applied || !slices.Equal(got, list("new")) {
				t.Errorf("belay on %q: %s (%v), left %q", before, r.Outcome, err, got)
			}
		}
	})
	t.Run("to set two values on one loses one of them", func(t *testing.T) {
		b, _, p := start(t, sts1)
		_, err := p.SetRecords(ctx(t), domain+".", []libdns.Record{text(sts2, 900*time.Second), text("foreign", 900*time.Second)})
		if got := b.holds(name, "TXT"); err != nil || len(got) != 1 {
			t.Fatalf("libdns left %q, %v", got, err)
		}
		b.put(t, name, "TXT", sts1)
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", list(sts1), list(sts2, "foreign")))
		if got := b.holds(name, "TXT"); r.Outcome != rollout.Applied || !slices.Equal(got, list("foreign", sts2)) {
			t.Errorf("belay: %s (%v), left %q", r.Outcome, err, got)
		}
	})
	t.Run("what it does not understand is not there", func(t *testing.T) {
		b, srv, p := start(t)
		srv.Put(vendor.PorkbunRecord{Name: "mta-sts." + domain, Type: "ALIAS", Content: "host.example", TTL: "600"})
		records, err := p.GetRecords(ctx(t), domain+".")
		if err != nil || len(records) != 0 {
			t.Fatalf("libdns read %v, %v", records, err)
		}
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("mta-sts", "A", nil, list("192.0.2.20")))
		if r.Outcome != rollout.Refused || !strings.Contains(r.Detail, "ALIAS record to host.example") || b.writes("mta-sts."+domain) != 0 {
			t.Errorf("belay: %s, %v", r.Outcome, err)
		}
	})
	t.Run("a context that has ended writes all the same", func(t *testing.T) {
		b, _, p := start(t)
		ended, cancel := context.WithCancel(ctx(t))
		cancel()
		_, err := p.AppendRecords(ended, domain+".", []libdns.Record{text(sts1, 900*time.Second)})
		if got := b.holds(name, "TXT"); err != nil || !slices.Equal(got, list(sts1)) {
			t.Fatalf("libdns left %q, %v", got, err)
		}
		b.put(t, name, "TXT")
		r, err := b.open(t, dns.Options{}).Apply(ended, edit("_mta-sts", "TXT", nil, list(sts1)))
		if got := b.holds(name, "TXT"); r.Outcome != rollout.Failed || err == nil || len(got) != 0 {
			t.Errorf("belay: %s (%v), left %q", r.Outcome, err, got)
		}
	})
}

// TestPorkbunRaisesATTLAndSaysSo: the floor is Porkbun's, and the receipt tells.
func TestPorkbunRaisesATTLAndSaysSo(t *testing.T) {
	r, err := porkbunBench(t).open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1)))
	if r.Outcome != rollout.Applied || err != nil || !strings.Contains(r.Detail, "600 s") {
		t.Errorf("%s, %q, %v", r.Outcome, r.Detail, err)
	}
}
