package lab

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout/world"

	"github.com/miekg/dns"
)

// A nameset holds RRsets by owner name and type. Once a version of a zone holds
// it, it is never changed.
type nameset map[string]map[uint16][]dns.RR

// A version is a zone's content at one serial.
type version struct {
	apex  string
	names nameset
	made  world.Stopwatch // since when it stands
}

// A zone is one authoritative zone and its newest versions: a secondary that lags
// serves an older one.
type zone struct {
	apex string

	mu       sync.Mutex
	versions []*version // oldest first, never empty
	frozen   *version   // what a secondary that is cut off still serves
}

// newZone makes a zone of rrs, the first of which is its SOA record.
func newZone(apex string, rrs []dns.RR) *zone {
	names := nameset{}
	for _, rr := range rrs {
		names.add(rr)
	}
	return &zone{apex: apex, versions: []*version{{apex: apex, names: names, made: world.Start()}}}
}

// current is the newest version.
func (z *zone) current() *version {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.versions[len(z.versions)-1]
}

// lagging is what a secondary serves that hears of a version lag later.
func (z *zone) lagging(lag time.Duration) *version {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.frozen != nil {
		return z.frozen
	}
	for _, v := range slices.Backward(z.versions) {
		if v.made.Elapsed() >= lag {
			return v
		}
	}
	return z.versions[0]
}

// freeze holds a secondary at what it serves now, or lets it go on.
func (z *zone) freeze(on bool, lag time.Duration) {
	var held *version
	if on {
		held = z.lagging(lag)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.frozen = held
}

// keptVersions is how many versions a zone keeps for secondaries that lag.
const keptVersions = 32

// change makes a new version by edit, with the next serial. Where edit leaves the
// names as they were, there is no new version.
func (z *zone) change(edit func(nameset)) {
	z.mu.Lock()
	defer z.mu.Unlock()
	before := z.versions[len(z.versions)-1].names
	names := before.clone()
	edit(names)
	if names.equal(before) {
		return
	}
	soa := dns.Copy(names[z.apex][dns.TypeSOA][0]).(*dns.SOA)
	soa.Serial++
	names[z.apex][dns.TypeSOA] = []dns.RR{soa}
	z.versions = append(z.versions, &version{apex: z.apex, names: names, made: world.Start()})
	if len(z.versions) > keptVersions {
		z.versions = slices.Clone(z.versions[1:])
	}
}

// equal reports whether n and o hold the same records with the same TTLs.
func (n nameset) equal(o nameset) bool {
	return maps.EqualFunc(n, o, func(a, b map[uint16][]dns.RR) bool {
		return maps.EqualFunc(a, b, func(x, y []dns.RR) bool {
			return sameSet(x, y) && x[0].Header().Ttl == y[0].Header().Ttl
		})
	})
}

func (n nameset) clone() nameset {
	out := make(nameset, len(n))
	for name, types := range n {
		out[name] = maps.Clone(types)
	}
	return out
}

// get returns the RRset of name and type.
func (n nameset) get(name string, typ uint16) []dns.RR { return n[name][typ] }

// put makes rrs the RRset of name and type; none removes it.
func (n nameset) put(name string, typ uint16, rrs []dns.RR) {
	if len(rrs) > 0 {
		if n[name] == nil {
			n[name] = map[uint16][]dns.RR{}
		}
		n[name][typ] = rrs
		return
	}
	delete(n[name], typ)
	if len(n[name]) == 0 {
		delete(n, name)
	}
}

// add puts rr into its RRset. The whole RRset takes rr's TTL (RFC 2181 section
// 5.2).
func (n nameset) add(rr dns.RR) {
	h := rr.Header()
	name := dns.CanonicalName(h.Name)
	var set []dns.RR
	for _, old := range n.get(name, h.Rrtype) {
		if dns.IsDuplicate(old, rr) {
			continue
		}
		old = dns.Copy(old)
		old.Header().Ttl = h.Ttl
		set = append(set, old)
	}
	n.put(name, h.Rrtype, append(set, rr))
}

// exists reports whether name owns records or stands above a name that does.
func (n nameset) exists(name string) bool {
	if len(n[name]) > 0 {
		return true
	}
	for other := range n {
		if strings.HasSuffix(other, "."+name) {
			return true
		}
	}
	return false
}

func (v *version) soa() *dns.SOA { return v.names.get(v.apex, dns.TypeSOA)[0].(*dns.SOA) }

// negativeSOA is the SOA record as a negative answer carries it (RFC 2308
// section 3).
func (v *version) negativeSOA() dns.RR {
	soa := dns.Copy(v.soa()).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	return soa
}

// answer fills m with what the zone says of q (RFC 1034 section 4.3.2): records, a
// referral below a zone cut, or the SOA record where there is nothing.
func (v *version) answer(m *dns.Msg, q dns.Question) {
	m.Authoritative = true
	name := dns.CanonicalName(q.Name)
	for range 8 {
		if cut, ok := v.cut(name, q.Qtype); ok {
			v.refer(m, cut)
			return
		}
		types := v.at(name)
		if q.Qtype == dns.TypeANY {
			for _, rrs := range types {
				m.Answer = append(m.Answer, rrs...)
			}
		}
		if rrs := types[q.Qtype]; len(rrs) > 0 {
			m.Answer = append(m.Answer, rrs...)
		}
		if len(types[q.Qtype]) > 0 || q.Qtype == dns.TypeANY && len(types) > 0 {
			return
		}
		alias := types[dns.TypeCNAME]
		if len(alias) == 0 {
			break
		}
		m.Answer = append(m.Answer, alias...)
		name = dns.CanonicalName(alias[0].(*dns.CNAME).Target)
		if !dns.IsSubDomain(v.apex, name) {
			return
		}
	}
	if !v.names.exists(name) && v.at(name) == nil {
		m.Rcode = dns.RcodeNameError
	}
	m.Ns = append(m.Ns, v.negativeSOA())
}

// at is what stands at name, or what the wildcard of its closest encloser makes
// of it (RFC 4592 section 3.3.1); nil where neither does.
func (v *version) at(name string) map[uint16][]dns.RR {
	if v.names.exists(name) {
		return v.names[name]
	}
	above := parentOf(name)
	for above != v.apex && above != "." && !v.names.exists(above) {
		above = parentOf(above)
	}
	types := v.names["*."+above]
	if types == nil {
		return nil
	}
	made := map[uint16][]dns.RR{}
	for typ, rrs := range types {
		for _, rr := range rrs {
			rr = dns.Copy(rr)
			rr.Header().Name = name
			made[typ] = append(made[typ], rr)
		}
	}
	return made
}

// cut finds the zone cut at or above name, below the apex. A question for DS at
// the cut itself is the parent's to answer.
func (v *version) cut(name string, qtype uint16) (string, bool) {
	found, ok := "", false
	for at := name; at != v.apex; at = parentOf(at) {
		if len(v.names.get(at, dns.TypeNS)) > 0 && !(at == name && qtype == dns.TypeDS) {
			found, ok = at, true
		}
		if at == "." {
			break
		}
	}
	return found, ok
}

// refer points at the servers of a zone below, with the addresses known here.
func (v *version) refer(m *dns.Msg, cut string) {
	m.Authoritative = len(m.Answer) > 0
	m.Ns = append(m.Ns, v.names.get(cut, dns.TypeNS)...)
	for _, ns := range m.Ns {
		host := dns.CanonicalName(ns.(*dns.NS).Ns)
		m.Extra = append(m.Extra, v.names.get(host, dns.TypeA)...)
		m.Extra = append(m.Extra, v.names.get(host, dns.TypeAAAA)...)
	}
}

// all returns every record, as a zone transfer sends it: the SOA record first and
// last (RFC 5936 section 2.2).
func (v *version) all() []dns.RR {
	out := []dns.RR{v.soa()}
	for _, name := range slices.Sorted(maps.Keys(v.names)) {
		types := v.names[name]
		for _, typ := range slices.Sorted(maps.Keys(types)) {
			if typ != dns.TypeSOA {
				out = append(out, types[typ]...)
			}
		}
	}
	return append(out, v.soa())
}

// parentOf is name without its first label, and "." for a single label or the
// root.
func parentOf(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	if rest == "" {
		return "."
	}
	return rest
}
