package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/world"

	"github.com/miekg/dns"
)

// Authority is what the authoritative servers say of one question.
type Authority struct {
	Name, Type string
	// Zone is the apex whose servers were asked: a zone below the one given,
	// where the name is delegated.
	Zone string
	// Sightings are one an address asked, in the servers' order. The value is
	// what stands at the name itself: an alias is not followed.
	Sightings []rollout.Sighting
	// Alias is where a CNAME at the name leads; empty where the type asked is
	// CNAME.
	Alias string
	// Missing is true where every server that answered says that the name does
	// not exist.
	Missing bool
}

// Answered reports whether any server gave an answer.
func (a Authority) Answered() bool {
	return slices.ContainsFunc(a.Sightings, func(s rollout.Sighting) bool { return s.Answered })
}

// Union is every value that any server gave, in order.
func (a Authority) Union() []string {
	var out []string
	for _, s := range a.Sightings {
		out = append(out, s.Value.Records...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TTL is the longest that any server gave, in seconds: how long resolvers may
// answer what stands there now.
func (a Authority) TTL() uint32 {
	var ttl uint32
	for _, s := range a.Sightings {
		ttl = max(ttl, s.TTL)
	}
	return ttl
}

// said is what one address of a name server says of one question.
type said struct {
	host     string
	ip       netip.Addr
	answered bool
	noRoute  bool
	why      string // why it is no answer
	values   []string
	ttl      uint32
	alias    string
	missing  bool
	serial   uint32
	negative uint32
	apex     string // of the SOA record that came with the answer
	// referral is the zone below, to whose servers ns it points.
	referral string
	ns       []string
	glue     []dns.RR
	took     time.Duration
}

// said asks one address of a name server about name, in the zone at apex.
func (v *View) said(host string, ip netip.Addr, name string, qtype uint16, apex string) said {
	r := v.ask(host, question{server: netip.AddrPortFrom(ip, 53), name: name, qtype: qtype})
	if r.err != nil {
		return said{host: host, ip: ip, noRoute: world.NoRoute(r.err), why: r.err.Error(), took: r.took}
	}
	s := interpret(r.msg, name, qtype, apex)
	s.host, s.ip, s.took = host, ip, r.took
	return s
}

// interpret reads what a server of the zone at apex says of name. Only what it
// says with authority is an answer: a server that refuses, or that passes on what
// it heard elsewhere, does not serve the zone.
func interpret(m *dns.Msg, name string, qtype uint16, apex string) said {
	if err := rcodeError(m); err != nil {
		return said{why: err.Error()}
	}
	if below, ns := referralIn(m, name, apex); below != "" && !m.Authoritative {
		return said{referral: below, ns: ns, glue: m.Extra}
	}
	if !m.Authoritative {
		return said{why: "it does not answer with authority for " + apex}
	}
	s := said{answered: true, missing: m.Rcode == dns.RcodeNameError, negative: negativeTTL(m.Ns)}
	s.apex, _ = apexIn(m, name)
	s.values, s.ttl = valuesAt(m.Answer, name, qtype)
	if qtype != dns.TypeCNAME {
		s.alias = aliasAt(m.Answer, name)
	}
	for _, rr := range m.Answer {
		if soa, ok := rr.(*dns.SOA); ok && qtype == dns.TypeSOA {
			s.serial, s.negative = soa.Serial, min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	if len(s.values) == 0 {
		s.ttl = s.negative
	}
	if s.alias != "" {
		_, s.ttl = valuesAt(m.Answer, name, dns.TypeCNAME)
		s.missing = false // it is the target that may be missing
	}
	return s
}

// Authoritative asks every address of every server of z about name, all at once.
// Where the servers point to a zone below, that zone's servers are asked instead;
// where some answer with authority all the same, beside them.
// typ is a record type such as "TXT".
func (v *View) Authoritative(z Zone, name, typ string) Authority {
	for range maxAliases {
		a, below := v.askAll(z, name, typ)
		if below == nil {
			return a
		}
		z = *below
	}
	return Authority{Name: name, Type: typ, Zone: z.Apex}
}

// askAll asks the servers of one zone; below is the zone that they point to.
func (v *View) askAll(z Zone, name, typ string) (a Authority, below *Zone) {
	var heard []said
	for _, s := range z.Servers {
		for _, ip := range s.Addresses {
			heard = append(heard, said{host: s.Name, ip: ip})
		}
	}
	var all sync.WaitGroup
	for i, at := range heard {
		all.Go(func() { heard[i] = v.said(at.host, at.ip, name, dns.StringToType[typ], z.Apex) })
	}
	all.Wait()
	if below := v.pointedTo(heard); below != nil {
		return a, below
	}

	a = Authority{Name: name, Type: typ, Zone: z.Apex, Missing: true}
	for _, s := range heard {
		if s.referral != "" {
			continue
		}
		a.Sightings = append(a.Sightings, rollout.Sighting{
			Where: s.host, IP: s.ip, Answered: s.answered, NoRoute: s.noRoute,
			Value: rollout.Records(s.values...), TTL: s.ttl, Err: s.why, Took: s.took,
		})
		if s.alias != "" {
			a.Alias = s.alias
		}
		if s.answered && !s.missing {
			a.Missing = false
		}
	}
	for _, s := range heard {
		if s.referral != "" {
			v.addReferred(&a, s)
		}
	}
	a.Missing = a.Missing && a.Answered()
	return a, nil
}

// Settled is where a name leads in the end, asked of authoritative servers all
// the way.
type Settled struct {
	// At is the question at the name itself.
	At Authority
	// Last is the question at the end of the aliases; At itself where there are
	// none.
	Last Authority
	// Path are the names on the way, the first excluded.
	Path []string
	// Err says why the way could not be followed to its end.
	Err error
}

// Settle follows name, which stands in z, through its aliases. Every hop is asked
// of the servers of the zone it stands in, never of a resolver, so that what is
// not there yet is not remembered as missing.
func (v *View) Settle(z Zone, name, typ string) Settled {
	out := Settled{At: v.Authoritative(z, name, typ)}
	out.Last = out.At
	for out.Last.Alias != "" {
		next := out.Last.Alias
		if len(out.Path) == maxAliases || next == name || slices.Contains(out.Path, next) {
			out.Err = fmt.Errorf("%s leads through %d aliases without coming to an end", name, len(out.Path)+1)
			return out
		}
		out.Path = append(out.Path, next)
		zone := z
		if !within(next, z.Apex) {
			var err error
			if zone, err = v.Zone(next); err != nil {
				out.Err = fmt.Errorf("%s is an alias of %s: %w", name, next, err)
				return out
			}
		}
		out.Last = v.Authoritative(zone, next, typ)
	}
	return out
}

// SettleAddresses are the IPv4 and IPv6 addresses that name, which stands in z,
// leads to.
func (v *View) SettleAddresses(z Zone, name string) (addresses []netip.Addr, a, aaaa Settled) {
	var both sync.WaitGroup
	both.Go(func() { a = v.Settle(z, name, "A") })
	both.Go(func() { aaaa = v.Settle(z, name, "AAAA") })
	both.Wait()
	return parseAddresses(slices.Concat(a.Last.Union(), aaaa.Last.Union())), a, aaaa
}

// First asks the addresses of z's servers one after the other, and takes the first
// answer: enough where it does not matter whether all say the same.
func (v *View) First(z Zone, name, typ string) Authority {
	for _, s := range z.Servers {
		for _, ip := range s.Addresses {
			one := Zone{Apex: z.Apex, Servers: []Server{{Name: s.Name, Addresses: []netip.Addr{ip}}}}
			if a := v.Authoritative(one, name, typ); a.Answered() {
				return a
			}
		}
	}
	return Authority{Name: name, Type: typ, Zone: z.Apex}
}
