package lab

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// A tsigKey is the key that may change and transfer the mail domains' zones.
type tsigKey struct{ name, secret string }

func newTSIGKey(domain string) tsigKey {
	// The lab is on loopback for minutes: its secret need not be one.
	return tsigKey{"belay." + domain + ".", "bGFiLWtleS1mb3ItbG9vcGJhY2stb25seS0zMmJ5dGU="}
}

// TSIG is the key that the primary name server takes updates and transfers with:
// its name without final dot, its algorithm, and the secret in base64.
func (l *Lab) TSIG() (name, algorithm, secret string) {
	return strings.TrimSuffix(l.key.name, "."), strings.TrimSuffix(dns.HmacSHA256, "."), l.key.secret
}

// NameServer is the loopback host:port of a name server of the mail domains, for
// clients that dial for themselves: 0 is the primary, 1 the secondary. It speaks
// UDP and TCP.
func (l *Lab) NameServer(i int) string { return l.dns[1+i].address }

// ResolverAddress is the loopback host:port of the recursive resolver, for clients
// that dial for themselves.
func (l *Lab) ResolverAddress() string { return l.dns[3].address }

// RefuseTransfers makes the primary refuse AXFR, as many do to a key that may
// update, or allows it again.
func (l *Lab) RefuseTransfers(on bool) { l.refuseTransfers.Store(on) }

// LoseUpdates makes the primary drop dynamic updates, unapplied and unanswered, as
// if they never arrived. It is looked at when OnUpdate's "before" has returned.
func (l *Lab) LoseUpdates(on bool) { l.loseUpdates.Store(on) }

// freezeSecondary holds the second name server at what it serves now.
func (l *Lab) freezeSecondary(on bool) {
	for _, z := range l.zones.all {
		z.freeze(on, l.options.SecondaryLag)
	}
}

// Serial is the serial of a mail domain's zone at the primary; 0 where there is no
// such zone.
func (l *Lab) Serial(domain string) uint32 {
	z := l.zoneFor(domain)
	if z == nil || z.apex != dns.CanonicalName(domain) {
		return 0
	}
	return z.current().soa().Serial
}

// SetRRset makes values the whole RRset of name and type, as if the operator had
// edited the zone by hand; none removes it. TXT values are plain text, host names
// need no final dot, TTL is in seconds. It fails where a value does not fit the
// type or no zone of the lab holds name.
func (l *Lab) SetRRset(name, typ string, ttl uint32, values ...string) error {
	z := l.zoneFor(name)
	if typ == "DS" { // it stands in the zone above
		z = l.zoneFor(parentOf(dns.CanonicalName(name)))
	}
	if z == nil {
		return fmt.Errorf("set %s %s in the lab: no zone here holds it", name, typ)
	}
	code, ok := dns.StringToType[typ]
	if !ok {
		return fmt.Errorf("set %s %s in the lab: there is no such type", name, typ)
	}
	owner := dns.CanonicalName(name)
	var rrs []dns.RR
	for _, value := range values {
		rr, err := makeRR(owner, code, ttl, value)
		if err != nil {
			return fmt.Errorf("set %s %s in the lab to %q: %w", name, typ, value, err)
		}
		rrs = append(rrs, rr)
	}
	z.change(func(n nameset) { n.put(owner, code, rrs) })
	return nil
}

func makeRR(owner string, typ uint16, ttl uint32, value string) (dns.RR, error) {
	h := dns.RR_Header{Name: owner, Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
	if typ != dns.TypeTXT {
		return dns.NewRR(fmt.Sprintf("$ORIGIN .\n%s %d IN %s %s", owner, ttl, dns.TypeToString[typ], value))
	}
	const chunk = 255 // bytes in a character-string
	txt := &dns.TXT{Hdr: h}
	for rest := value; ; {
		n := min(chunk, len(rest))
		txt.Txt = append(txt.Txt, escapeTXT(rest[:n]))
		if rest = rest[n:]; rest == "" {
			return txt, nil
		}
	}
}

// escapeTXT writes text as the DNS library keeps it in a TXT record.
func escapeTXT(text string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) }

// plainTXT undoes what escapeTXT and the wire reader do: a backslash before a
// character, or before three decimal digits that stand for a byte.
func plainTXT(escaped string) string {
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '\\' || i+1 == len(escaped) {
			b.WriteByte(escaped[i])
			continue
		}
		if code, err := strconv.ParseUint(escaped[i+1:min(i+4, len(escaped))], 10, 8); err == nil && i+4 <= len(escaped) {
			b.WriteByte(byte(code))
			i += 3
			continue
		}
		i++
		b.WriteByte(escaped[i])
	}
	return b.String()
}

// Records are the values of an RRset at the primary, sorted, in canonical form: TXT
// joined and plain, host names in lower case without the final dot.
func (l *Lab) Records(name, typ string) []string {
	z := l.zoneFor(name)
	if z == nil {
		return nil
	}
	var out []string
	for _, rr := range z.current().names.get(dns.CanonicalName(name), dns.StringToType[typ]) {
		out = append(out, valueOf(rr))
	}
	slices.Sort(out)
	return out
}

func valueOf(rr dns.RR) string {
	bare := func(name string) string { return strings.TrimSuffix(dns.CanonicalName(name), ".") }
	switch rr := rr.(type) {
	case *dns.TXT:
		return plainTXT(strings.Join(rr.Txt, ""))
	case *dns.CNAME:
		return bare(rr.Target)
	case *dns.NS:
		return bare(rr.Ns)
	case *dns.MX:
		return fmt.Sprintf("%d %s", rr.Preference, bare(rr.Mx))
	case *dns.A:
		ip, _ := netip.AddrFromSlice(rr.A.To4())
		return ip.String()
	case *dns.AAAA:
		ip, _ := netip.AddrFromSlice(rr.AAAA)
		return ip.String()
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

// zoneFor is the closest zone that holds name.
func (l *Lab) zoneFor(name string) *zone {
	if z := l.zones.closest(name, false); z != nil {
		return z
	}
	return l.top.closest(name, false)
}

// updateLog counts dynamic updates and tells of them.
type updateLog struct {
	mu     sync.Mutex
	writes map[string]int
	hook   func(stage string, names []string)
}

// Writes is how many dynamic updates the primary has accepted for each owner name.
func (l *Lab) Writes() map[string]int {
	l.updates.mu.Lock()
	defer l.updates.mu.Unlock()
	return maps.Clone(l.updates.writes)
}

// OnUpdate makes f be called for every dynamic update that would be accepted: with
// stage "before", and when f returns the update is applied; then with stage
// "after", and when f returns the client gets its answer; or, in place of "after",
// with stage "lost" where LoseUpdates had it dropped. f may wait; it must return
// before the lab can be closed. nil stops it.
func (l *Lab) OnUpdate(f func(stage string, names []string)) {
	l.updates.mu.Lock()
	defer l.updates.mu.Unlock()
	l.updates.hook = f
}

func (l *Lab) tellUpdate(stage string, names []string) {
	l.updates.mu.Lock()
	hook := l.updates.hook
	l.updates.mu.Unlock()
	if hook != nil && len(names) > 0 {
		hook(stage, names)
	}
}

func (l *Lab) countWrites(names []string) {
	l.updates.mu.Lock()
	defer l.updates.mu.Unlock()
	if l.updates.writes == nil {
		l.updates.writes = map[string]int{}
	}
	for _, name := range names {
		l.updates.writes[name]++
	}
}
