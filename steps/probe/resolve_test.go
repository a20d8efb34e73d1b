package probe

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// A resolver that fails is passed over for the next.
func TestResolveTakesTheNextResolver(t *testing.T) {
	b := newBox(t)
	b.dns("192.0.2.54:53", zoneText(t, delegation...))
	w := b.world()
	for name, serve := range map[string]func(dns.ResponseWriter, *dns.Msg){
		"the first refuses": func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg)
			m.SetRcode(q, dns.RcodeServerFailure)
			w.WriteMsg(m)
		},
		"the first is silent": func(dns.ResponseWriter, *dns.Msg) {},
	} {
		t.Run(name, func(t *testing.T) {
			b.dns(resolverAt, serve)
			w.Network.Resolvers = []netip.AddrPort{netip.MustParseAddrPort(resolverAt), netip.MustParseAddrPort("192.0.2.54:53")}
			v := Open(t.Context(), w, nil)
			defer v.Close()
			r := v.Resolve("ns.box.test", "A")
			if r.Err != nil || !slices.Equal(r.Values, []string{"192.0.2.2"}) {
				t.Errorf("resolved %+v", r)
			}
		})
	}
}

// A better resolver's answer is taken though a lesser one was quicker.
func TestResolvePrefersTheFirstResolver(t *testing.T) {
	b := newBox(t)
	lesser := make(chan struct{})
	first := zoneText(t, "x.box.test. 60 A 192.0.2.1")
	second := zoneText(t, "x.box.test. 60 A 192.0.2.2")
	b.dns(resolverAt, func(w dns.ResponseWriter, q *dns.Msg) { <-lesser; first(w, q) })
	b.dns("192.0.2.54:53", func(w dns.ResponseWriter, q *dns.Msg) { second(w, q); close(lesser) })
	w := b.world()
	w.Network.Resolvers = append(w.Network.Resolvers, netip.MustParseAddrPort("192.0.2.54:53"))
	v := Open(t.Context(), w, nil)
	defer v.Close()
	if r := v.Resolve("x.box.test", "A"); !slices.Equal(r.Values, []string{"192.0.2.1"}) {
		t.Errorf("resolved %+v", r)
	}
}

// A server that knows no EDNS is asked without.
func TestServerWithoutEDNS(t *testing.T) {
	b := newBox(t)
	serve := zoneText(t, delegation...)
	var plain atomic.Int32
	b.dns(resolverAt, func(w dns.ResponseWriter, q *dns.Msg) {
		if q.IsEdns0() != nil {
			m := new(dns.Msg)
			m.SetRcode(q, dns.RcodeFormatError)
			w.WriteMsg(m)
			return
		}
		plain.Add(1)
		serve(w, q)
	})
	if r := b.open(t.Context()).Resolve("ns.box.test", "A"); r.Err != nil || plain.Load() != 1 {
		t.Errorf("resolved %+v, asked %d times without EDNS", r, plain.Load())
	}
}

// An alias into another zone is followed to that zone's own servers.
func TestSettleAsksTheZoneOfTheTarget(t *testing.T) {
	b := newBox(t)
	b.dns(resolverAt, zoneText(t, append(delegation,
		"www.vendor.test. 60 CNAME ignored.vendor.test.",
		"vendor.test. 60 SOA ns.vendor.test. h.vendor.test. 1 1 1 1 1", "vendor.test. 60 NS ns.vendor.test.", "ns.vendor.test. 60 A 192.0.2.3")...))
	b.dns(serverAt, zoneText(t, "mta-sts.box.test. 60 CNAME www.vendor.test."))
	b.dns("192.0.2.3:53", zoneText(t, "www.vendor.test. 60 A 192.0.2.9"))
	v := b.open(t.Context())
	z, err := v.Zone("box.test")
	if err != nil {
		t.Fatal(err)
	}
	addresses, a, _ := v.SettleAddresses(z, "mta-sts.box.test")
	if len(addresses) != 1 || addresses[0] != netip.MustParseAddr("192.0.2.9") || a.Last.Zone != "vendor.test" || !slices.Equal(a.Path, []string{"www.vendor.test"}) {
		t.Errorf("%v by %+v", addresses, a)
	}
}

// A control that answers tells that the port is carried; one that does not resolve
// tells nothing.
func TestControl(t *testing.T) {
	b := newBox(t)
	b.dns(resolverAt, zoneText(t, "lit.box.test. 60 A 192.0.2.7", "dark.box.test. 60 A 192.0.2.8"))
	b.listen("192.0.2.7:25", script("220 lit\r\n"))
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, row := range []struct {
		name     string
		controls []string
		ip       netip.Addr
		want     Light
	}{
		{"a control answers", []string{"dark.box.test", "lit.box.test"}, v4, Lit},
		{"no control answers", []string{"dark.box.test"}, v4, Dark},
		{"none has an address in the family", []string{"lit.box.test"}, v6, Unlit},
		{"none resolves", []string{"none.box.test"}, v4, Unlit},
		{"there is none", nil, v4, Unlit},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := b.world()
			w.Network.Controls = row.controls
			v := Open(t.Context(), w, nil)
			defer v.Close()
			if got := v.Control(row.ip, 25); got != row.want {
				t.Errorf("light is %s, want %s", got, row.want)
			}
		})
	}
}
