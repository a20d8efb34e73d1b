package probe

import (
	"fmt"
	"net/netip"
	"slices"

	"belay/rollout"

	"github.com/miekg/dns"
)

// referralIn is the zone between name and apex that the message points to, and
// its name servers.
func referralIn(m *dns.Msg, name, apex string) (below string, ns []string) {
	if len(m.Answer) > 0 {
		return "", nil
	}
	for _, rr := range m.Ns {
		owner := canonical(rr.Header().Name)
		if _, ok := rr.(*dns.NS); ok && owner != apex && within(owner, apex) && within(name, owner) {
			below = owner
			break
		}
	}
	ns, _ = valuesAt(m.Ns, below, dns.TypeNS)
	return below, ns
}

// delegated is the zone that a referral points to.
func (v *View) delegated(s said) Zone {
	found := v.zones.do("delegated "+s.referral, func() zoneFound {
		return zoneFound{zone: Zone{Apex: s.referral, Servers: v.serversNamed(s.ns, s.glue)}}
	})
	return found.zone
}

// pointedTo is the zone below whose servers are to be asked in place of those heard:
// that of the first referral, unless one that is none of its servers answers with
// authority. Then some servers have the zone cut and some have not, as while a new
// version of the zone is on its way.
func (v *View) pointedTo(heard []said) *Zone {
	first := slices.IndexFunc(heard, func(s said) bool { return s.referral != "" })
	if first < 0 {
		return nil
	}
	below := v.delegated(heard[first])
	if slices.ContainsFunc(heard, func(s said) bool { return s.answered && !below.servedAt(s.ip) }) {
		return nil
	}
	return &below
}

// servedAt reports whether ip is an address of one of the zone's servers.
func (z Zone) servedAt(ip netip.Addr) bool {
	return slices.ContainsFunc(z.Servers, func(s Server) bool { return slices.Contains(s.Addresses, ip) })
}

// addReferred adds to a what comes to those who ask the server of s, which points
// below: what the servers there say. Where they say nothing, that is its own answer.
func (v *View) addReferred(a *Authority, s said) {
	zone := v.delegated(s)
	below := v.Authoritative(zone, a.Name, a.Type)
	why := fmt.Sprintf("%s points to it for %s", At(s.host, s.ip), s.referral)
	for _, g := range below.Sightings {
		if slices.ContainsFunc(a.Sightings, func(had rollout.Sighting) bool { return had.IP == g.IP }) {
			continue
		}
		if g.Answered {
			g.Err = why
		}
		a.Sightings = append(a.Sightings, g)
	}
	if !below.Answered() && !slices.ContainsFunc(below.Sightings, func(g rollout.Sighting) bool { return g.NoRoute }) {
		a.Sightings = append(a.Sightings, rollout.Sighting{Where: s.host, IP: s.ip, Answered: true, Took: s.took,
			Err: fmt.Sprintf("it points to servers of %s that give no answer", s.referral)})
	}
	if below.Alias != "" {
		a.Alias = below.Alias
	}
	a.Missing = a.Missing && (below.Missing || !below.Answered())
}
