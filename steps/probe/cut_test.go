package probe

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// TestZoneBelowFindsCuts: a name's zone is found wherever the cut lies, and no
// resolver hears of the name: the box has none.
func TestZoneBelowFindsCuts(t *testing.T) {
	// denies answers that the name does not exist in the zone at apex.
	denies := func(apex string) func(dns.ResponseWriter, *dns.Msg) {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg)
			m.SetRcode(q, dns.RcodeNameError)
			m.Authoritative = true
			soa, err := dns.NewRR(apex + " 60 SOA ns.box.test. h.box.test. 7 3600 600 86400 300")
			if err != nil {
				t.Error(err)
			}
			m.Ns = []dns.RR{soa}
			w.WriteMsg(m)
		}
	}
	refers := func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		ns, _ := dns.NewRR("_tls.box.test. 60 NS ns.elsewhere.test.")
		glue, _ := dns.NewRR("ns.elsewhere.test. 60 A 192.0.2.3")
		m.Ns, m.Extra = []dns.RR{ns}, []dns.RR{glue}
		w.WriteMsg(m)
	}
	for _, tc := range []struct {
		shows, name  string
		above, below func(dns.ResponseWriter, *dns.Msg)
		apex, server string
	}{
		{"no cut", "_mta-sts.box.test", denies("box.test."), nil, "box.test", "ns.box.test"},
		{"a cut above the name, at other servers", "_smtp._tls.box.test", refers, denies("_tls.box.test."), "_tls.box.test", "ns.elsewhere.test"},
		{"a cut at the name, at the same servers", "_mta-sts.box.test", denies("_mta-sts.box.test."), nil, "_mta-sts.box.test", "ns.box.test"},
		{"the SOA record of a zone that is not around the name", "_mta-sts.box.test", denies("other.test."), nil, "box.test", "ns.box.test"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := newBox(t)
			b.dns(serverAt, tc.above)
			if tc.below != nil {
				b.dns("192.0.2.3:53", tc.below)
			}
			top := Zone{Apex: "box.test", Servers: []Server{{Name: "ns.box.test", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}}}}
			z, err := b.open(t.Context()).ZoneBelow(top, tc.name)
			if err != nil || z.Apex != tc.apex || len(z.Servers) != 1 || z.Servers[0].Name != tc.server {
				t.Errorf("zone %+v, %v; want %s at %s", z, err, tc.apex, tc.server)
			}
		})
	}
}

func TestZoneBelowSaysWhoDidNotAnswer(t *testing.T) {
	b := newBox(t)
	b.dns(serverAt, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetRcode(q, dns.RcodeRefused)
		w.WriteMsg(m)
	})
	top := Zone{Apex: "box.test", Servers: []Server{{Name: "ns.box.test", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}}}}
	if z, err := b.open(t.Context()).ZoneBelow(top, "_mta-sts.box.test"); err == nil {
		t.Errorf("zone %+v", z)
	}
}
