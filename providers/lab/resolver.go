package lab

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A resolver is the lab's recursive resolver. It walks from the root over sockets,
// and remembers answers, negative ones too (RFC 2308), for as long as their TTL by
// the lab's clock.
type resolver struct {
	lab   *Lab
	roots []netip.Addr

	mu    sync.Mutex
	cache map[dns.Question]*remembered
	cuts  map[string]*cut
}

// remembered is one cached answer.
type remembered struct {
	rcode      int
	answer, ns []dns.RR
	at         time.Time
	ttl        uint32
}

// cut is what the resolver knows of a zone's servers.
type cut struct {
	addresses []netip.Addr
	names     []string // servers without a known address
	until     time.Time
}

// Bounds of one resolution.
const (
	resolveFor   = 3 * time.Second // the whole of it, in real time
	maxReferrals = 12
	maxAliases   = 8
)

func newResolver(lab *Lab, roots ...netip.Addr) *resolver {
	return &resolver{lab: lab, roots: roots, cache: map[dns.Question]*remembered{}, cuts: map[string]*cut{}}
}

func (r *resolver) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(query)
	m.RecursionAvailable = true
	if query.Opcode != dns.OpcodeQuery || query.Question[0].Qclass != dns.ClassINET {
		m.Rcode = dns.RcodeRefused
		reply(w, query, m)
		return
	}
	ctx, cancel := context.WithTimeout(r.lab.running, resolveFor)
	defer cancel()
	q := query.Question[0]
	name := dns.CanonicalName(q.Name)
	r.lab.asked.note(name, q.Qtype)
	if !query.CheckingDisabled && r.lab.bogus(name) {
		m.Rcode = dns.RcodeServerFailure
		reply(w, query, m)
		return
	}
	m.AuthenticatedData = r.lab.signed(name)
	for range maxAliases {
		got, err := r.ask(ctx, dns.Question{Name: name, Qtype: q.Qtype, Qclass: q.Qclass}, 0)
		if err != nil {
			m.Rcode, m.Answer, m.Ns = dns.RcodeServerFailure, nil, nil
			break
		}
		answer, ns := got.now(r.lab.clock.Now())
		m.Rcode, m.Ns = got.rcode, ns
		m.Answer = append(m.Answer, answer...)
		target, alias := aliasOf(answer, name, q.Qtype)
		if !alias {
			break
		}
		name = target
	}
	reply(w, query, m)
}

// aliasOf follows the CNAMEs in answer from name; alias is true where they lead to
// a name of which answer has no records of the type.
func aliasOf(answer []dns.RR, name string, qtype uint16) (target string, alias bool) {
	target = name
	for _, rr := range answer {
		if rr.Header().Rrtype == qtype {
			return "", false
		}
		if c, ok := rr.(*dns.CNAME); ok && dns.CanonicalName(c.Hdr.Name) == target {
			target = dns.CanonicalName(c.Target)
		}
	}
	return target, target != name
}

// now is the answer with its TTLs as they stand at t.
func (m *remembered) now(t time.Time) (answer, ns []dns.RR) {
	age := uint32(max(0, t.Sub(m.at)/time.Second))
	aged := func(rrs []dns.RR) []dns.RR {
		out := make([]dns.RR, len(rrs))
		for i, rr := range rrs {
			out[i] = dns.Copy(rr)
			out[i].Header().Ttl -= min(age, rr.Header().Ttl)
		}
		return out
	}
	return aged(m.answer), aged(m.ns)
}

// ask answers q from memory or by walking the tree. depth counts name servers
// whose own address had to be asked for.
func (r *resolver) ask(ctx context.Context, q dns.Question, depth int) (*remembered, error) {
	now := r.lab.clock.Now()
	r.mu.Lock()
	known := r.cache[q]
	r.mu.Unlock()
	if known != nil && !now.Before(known.at) && now.Before(known.at.Add(time.Duration(known.ttl)*time.Second)) {
		return known, nil
	}
	m, err := r.walk(ctx, q, depth)
	if err != nil {
		return nil, fmt.Errorf("resolve %s %s: %w", q.Name, dns.TypeToString[q.Qtype], err)
	}
	got := &remembered{rcode: m.Rcode, answer: m.Answer, at: now, ttl: lifetime(m)}
	if len(m.Answer) == 0 || m.Rcode == dns.RcodeNameError {
		got.ns = m.Ns
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cache[q] = got
	return got, nil
}

// lifetime is how long, in seconds, an answer may be kept: the least TTL in it, or
// for a negative one what its SOA record says.
func lifetime(m *dns.Msg) uint32 {
	rrs := m.Answer
	if len(rrs) == 0 {
		rrs = m.Ns
	}
	if len(rrs) == 0 {
		return 0
	}
	ttl := rrs[0].Header().Ttl
	for _, rr := range rrs {
		ttl = min(ttl, rr.Header().Ttl)
	}
	return ttl
}

// walk goes from the closest known zone cut down to the servers that answer q.
func (r *resolver) walk(ctx context.Context, q dns.Question, depth int) (*dns.Msg, error) {
	at := r.closest(q)
	for range maxReferrals {
		m, err := r.askAny(ctx, at, q, depth)
		if err != nil {
			return nil, err
		}
		if m.Authoritative || len(m.Answer) > 0 {
			return m, nil
		}
		below, zone := r.referral(m)
		if below == nil {
			return nil, fmt.Errorf("a server answered %s and no referral", dns.RcodeToString[m.Rcode])
		}
		r.mu.Lock()
		r.cuts[zone] = below
		r.mu.Unlock()
		at = below
	}
	return nil, fmt.Errorf("more than %d referrals", maxReferrals)
}

// closest is the nearest zone cut known above q's name; the parent's for a DS
// record.
func (r *resolver) closest(q dns.Question) *cut {
	now := r.lab.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	name := q.Name
	if q.Qtype == dns.TypeDS {
		name = parentOf(name)
	}
	for ; name != "."; name = parentOf(name) {
		if c := r.cuts[name]; c != nil && now.Before(c.until) {
			return c
		}
	}
	return &cut{addresses: r.roots}
}

// referral reads the servers of a zone below from a referral; nil where m is none.
func (r *resolver) referral(m *dns.Msg) (below *cut, zone string) {
	for _, rr := range m.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		if below == nil {
			zone = dns.CanonicalName(ns.Hdr.Name)
			below = &cut{until: r.lab.clock.Now().Add(time.Duration(ns.Hdr.Ttl) * time.Second)}
		}
		glue := addressesIn(m.Extra, ns.Ns)
		if len(glue) == 0 {
			below.names = append(below.names, dns.CanonicalName(ns.Ns))
		}
		below.addresses = append(below.addresses, glue...)
	}
	return below, zone
}

// addressesIn are the addresses that rrs give for host.
func addressesIn(rrs []dns.RR, host string) []netip.Addr {
	var out []netip.Addr
	for _, rr := range rrs {
		if !strings.EqualFold(rr.Header().Name, host) {
			continue
		}
		var ip netip.Addr
		var ok bool
		switch rr := rr.(type) {
		case *dns.A:
			ip, ok = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			ip, ok = netip.AddrFromSlice(rr.AAAA)
		}
		if ok {
			out = append(out, ip)
		}
	}
	return out
}

// askAny asks the servers of a zone in turn until one answers. Names without a
// known address are looked up last.
func (r *resolver) askAny(ctx context.Context, at *cut, q dns.Question, depth int) (*dns.Msg, error) {
	err := fmt.Errorf("no server is known")
	for _, ip := range at.addresses {
		var m *dns.Msg
		if m, err = r.lab.exchange(ctx, ip, q, false); err == nil {
			return m, nil
		}
	}
	const deepest = 2
	if depth >= deepest {
		return nil, err
	}
	for _, name := range at.names {
		got, lookup := r.ask(ctx, dns.Question{Name: name, Qtype: dns.TypeA, Qclass: dns.ClassINET}, depth+1)
		if lookup != nil {
			err = lookup
			continue
		}
		for _, ip := range addressesIn(got.answer, name) {
			var m *dns.Msg
			if m, err = r.lab.exchange(ctx, ip, q, false); err == nil {
				return m, nil
			}
		}
	}
	return nil, err
}
