package probe

import (
	"net/netip"
	"testing"

	"belay/rollout"

	"github.com/miekg/dns"
)

// A server that points to a zone below is no reason to pass over those of the zone
// that answer with authority: where an old version of the zone is left at it, each
// side is seen. Where all who answer so serve the zone below, they alone are asked.
func TestReferralOfOneServer(t *testing.T) {
	const name, reports, old = "_smtp._tls.box.test", "v=TLSRPTv1; rua=mailto:a@b.test;", "v=TLSRPTv1; rua=mailto:old@b.test;"
	refer := func(to string) func(dns.ResponseWriter, *dns.Msg) {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg)
			m.SetReply(q)
			ns, _ := dns.NewRR("_tls.box.test. 60 NS ns.below.test.")
			glue, _ := dns.NewRR("ns.below.test. 60 A " + to)
			m.Ns, m.Extra = []dns.RR{ns}, []dns.RR{glue}
			w.WriteMsg(m)
		}
	}
	txt := func(value string) func(dns.ResponseWriter, *dns.Msg) {
		return zoneText(t, name+`. 60 TXT "`+value+`"`)
	}
	refuse := func(w dns.ResponseWriter, q *dns.Msg) { w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeRefused)) }
	for _, row := range []struct {
		shows string
		below string // where the second server points
		there func(dns.ResponseWriter, *dns.Msg)
		apex  string
		live  bool
	}{
		{"an old delegation to servers with an old record", "192.0.2.4", txt(old), "box.test", false},
		{"an old delegation to servers with the same record", "192.0.2.4", txt(reports), "box.test", true},
		{"an old delegation to servers that refuse", "192.0.2.5", refuse, "box.test", false},
		{"a delegation to the server that answers", "192.0.2.2", nil, "_tls.box.test", true},
	} {
		t.Run(row.shows, func(t *testing.T) {
			b := newBox(t)
			b.dns(serverAt, txt(reports))
			b.dns("192.0.2.3:53", refer(row.below))
			if row.there != nil {
				b.dns(row.below+":53", row.there)
			}
			z := Zone{Apex: "box.test", Servers: []Server{
				{Name: "ns1", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}}, {Name: "ns2", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.3")}},
			}}
			a := b.open(t.Context()).Authoritative(z, name, "TXT")
			edit := rollout.Edit{Kind: rollout.Record, Name: name, Type: "TXT", After: rollout.Records(reports)}
			if a.Zone != row.apex || !a.Answered() || rollout.Live(edit, a.Sightings) != row.live {
				t.Errorf("in %s, live %v: %+v", a.Zone, rollout.Live(edit, a.Sightings), a.Sightings)
			}
			if first := a.Sightings[0]; first.IP.String() != "192.0.2.2" || !first.Answered || !first.Value.Equal(edit.After) {
				t.Errorf("the server that answers with authority was passed over: %+v", a.Sightings)
			}
		})
	}
}
