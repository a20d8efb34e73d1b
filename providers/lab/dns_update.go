package lab

import (
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// allowed is the update policy of every zone: the names and types that belay may
// write, as an operator would grant them to its key, and no other. owner is
// relative to the zone's apex.
func allowed(owner string, typ uint16) bool {
	switch owner {
	case "_mta-sts", "_smtp._tls":
		return typ == dns.TypeTXT || typ == dns.TypeCNAME
	case "mta-sts":
		return typ == dns.TypeA || typ == dns.TypeAAAA || typ == dns.TypeCNAME
	case "_acme-challenge.mta-sts":
		return typ == dns.TypeTXT
	}
	return false
}

// lost stands for the response code of an update that is not answered.
const lost = -1

// update carries out a dynamic update (RFC 2136 section 3) and returns its
// response code. It is applied whole or not at all.
func (s *nameServer) update(w dns.ResponseWriter, r *dns.Msg) int {
	if r.Question[0].Qtype != dns.TypeSOA {
		return dns.RcodeFormatError
	}
	z := s.zones.at[dns.CanonicalName(r.Question[0].Name)]
	if z == nil {
		return dns.RcodeNotAuth
	}
	if !s.primary || r.IsTsig() == nil {
		return dns.RcodeRefused
	}
	for _, rr := range r.Ns {
		if rcode := prescan(z.apex, rr); rcode != dns.RcodeSuccess {
			return rcode
		}
	}
	names := namesOf(r.Ns)
	if rcode := checkPrerequisites(z.current().names, z.apex, r.Answer); rcode != dns.RcodeSuccess {
		return rcode
	}
	s.lab.tellUpdate("before", names)
	if s.lab.loseUpdates.Load() {
		s.lab.tellUpdate("lost", names)
		return lost
	}
	rcode := dns.RcodeSuccess
	z.change(func(n nameset) {
		// Somebody else may have written while the hook looked on.
		if rcode = checkPrerequisites(n, z.apex, r.Answer); rcode != dns.RcodeSuccess {
			return
		}
		for _, rr := range r.Ns {
			apply(n, rr)
		}
	})
	if rcode == dns.RcodeSuccess {
		s.lab.countWrites(names)
		s.lab.tellUpdate("after", names)
	}
	return rcode
}

// prescan refuses what is malformed, out of zone or not granted (RFC 2136 section
// 3.4.1, 3.3).
func prescan(apex string, rr dns.RR) int {
	h := rr.Header()
	name := dns.CanonicalName(h.Name)
	if !dns.IsSubDomain(apex, name) {
		return dns.RcodeNotZone
	}
	switch h.Class {
	case dns.ClassINET:
		if h.Rrtype == dns.TypeANY || h.Rrtype == dns.TypeAXFR {
			return dns.RcodeFormatError
		}
	case dns.ClassANY, dns.ClassNONE:
		if h.Ttl != 0 {
			return dns.RcodeFormatError
		}
	default:
		return dns.RcodeFormatError
	}
	owner := strings.TrimSuffix(name, "."+apex)
	if h.Class == dns.ClassANY && h.Rrtype == dns.TypeANY {
		// Deleting a whole name is granted where every type that may stand there is.
		if !allowed(owner, dns.TypeTXT) && !allowed(owner, dns.TypeA) {
			return dns.RcodeRefused
		}
		return dns.RcodeSuccess
	}
	if !allowed(owner, h.Rrtype) {
		return dns.RcodeRefused
	}
	return dns.RcodeSuccess
}

// checkPrerequisites compares what the update expects with what stands (RFC 2136
// section 3.2).
func checkPrerequisites(n nameset, apex string, expected []dns.RR) int {
	type key struct {
		name string
		typ  uint16
	}
	sets := map[key][]dns.RR{}
	for _, rr := range expected {
		h := rr.Header()
		name := dns.CanonicalName(h.Name)
		if h.Ttl != 0 {
			return dns.RcodeFormatError
		}
		if !dns.IsSubDomain(apex, name) {
			return dns.RcodeNotZone
		}
		switch {
		case h.Class == dns.ClassANY && h.Rrtype == dns.TypeANY:
			if len(n[name]) == 0 {
				return dns.RcodeNameError
			}
		case h.Class == dns.ClassANY:
			if len(n.get(name, h.Rrtype)) == 0 {
				return dns.RcodeNXRrset
			}
		case h.Class == dns.ClassNONE && h.Rrtype == dns.TypeANY:
			if len(n[name]) > 0 {
				return dns.RcodeYXDomain
			}
		case h.Class == dns.ClassNONE:
			if len(n.get(name, h.Rrtype)) > 0 {
				return dns.RcodeYXRrset
			}
		case h.Class == dns.ClassINET:
			sets[key{name, h.Rrtype}] = append(sets[key{name, h.Rrtype}], rr)
		default:
			return dns.RcodeFormatError
		}
	}
	for k, want := range sets {
		if !sameSet(n.get(k.name, k.typ), want) {
			return dns.RcodeNXRrset
		}
	}
	return dns.RcodeSuccess
}

// sameSet compares two RRsets without their TTL.
func sameSet(a, b []dns.RR) bool {
	within := func(inner, outer []dns.RR) bool {
		return !slices.ContainsFunc(inner, func(x dns.RR) bool {
			return !slices.ContainsFunc(outer, func(y dns.RR) bool { return dns.IsDuplicate(x, y) })
		})
	}
	return within(a, b) && within(b, a)
}

// apply carries out one record of the update section (RFC 2136 section 3.4.2). As
// the RFC says, a CNAME beside other data, and other data beside a CNAME, is passed
// over in silence.
func apply(n nameset, rr dns.RR) {
	h := rr.Header()
	name := dns.CanonicalName(h.Name)
	_, alias := n[name][dns.TypeCNAME]
	switch {
	case h.Class == dns.ClassANY && h.Rrtype == dns.TypeANY:
		delete(n, name)
	case h.Class == dns.ClassANY:
		n.put(name, h.Rrtype, nil)
	case h.Class == dns.ClassNONE:
		gone := dns.Copy(rr)
		gone.Header().Class = dns.ClassINET
		left := slices.DeleteFunc(slices.Clone(n.get(name, h.Rrtype)), func(x dns.RR) bool { return dns.IsDuplicate(x, gone) })
		n.put(name, h.Rrtype, left)
	case h.Rrtype == dns.TypeCNAME && (alias || len(n[name]) == 0):
		n.put(name, dns.TypeCNAME, []dns.RR{rr})
	case h.Rrtype != dns.TypeCNAME && !alias:
		n.add(rr)
	}
}

// namesOf are the owner names of rrs, each once, without the final dot.
func namesOf(rrs []dns.RR) []string {
	set := map[string]bool{}
	for _, rr := range rrs {
		set[strings.TrimSuffix(dns.CanonicalName(rr.Header().Name), ".")] = true
	}
	return slices.Sorted(maps.Keys(set))
}
