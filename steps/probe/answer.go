package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// canonical returns the name as belay keeps it: lower case, no final dot.
func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// valuesAt are the records of one type that stand at name in a section, in the
// canonical form of rollout.Value, with their least TTL in seconds.
func valuesAt(section []dns.RR, name string, qtype uint16) (values []string, ttl uint32) {
	for _, rr := range section {
		if rr.Header().Rrtype != qtype || canonical(rr.Header().Name) != name {
			continue
		}
		text, ok := valueOf(rr)
		if !ok {
			continue
		}
		if len(values) == 0 || rr.Header().Ttl < ttl {
			ttl = rr.Header().Ttl
		}
		values = append(values, text)
	}
	slices.Sort(values)
	return slices.Compact(values), ttl
}

// valueOf prints one record in the canonical form; ok is false for types that
// belay has no use for.
func valueOf(rr dns.RR) (string, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		ip, ok := netip.AddrFromSlice(rr.A)
		return ip.Unmap().String(), ok
	case *dns.AAAA:
		ip, ok := netip.AddrFromSlice(rr.AAAA)
		return ip.String(), ok
	case *dns.CNAME:
		return canonical(rr.Target), true
	case *dns.NS:
		return canonical(rr.Ns), true
	case *dns.MX:
		host := canonical(rr.Mx)
		if host == "" {
			host = "." // the null MX (RFC 7505)
		}
		return strconv.Itoa(int(rr.Preference)) + " " + host, true
	case *dns.TXT:
		return joined(rr.Txt), true
	case *dns.SPF: // a TXT record by another type, which some forms offer (RFC 7208 3.1)
		return joined(rr.Txt), true
	case *dns.TLSA:
		return fmt.Sprintf("%d %d %d %s", rr.Usage, rr.Selector, rr.MatchingType, strings.ToLower(rr.Certificate)), true
	case *dns.CAA:
		return fmt.Sprintf("%d %s %s", rr.Flag, strings.ToLower(rr.Tag), unescape(rr.Value)), true
	case *dns.DS:
		return fmt.Sprintf("%d %d %d %s", rr.KeyTag, rr.Algorithm, rr.DigestType, strings.ToLower(rr.Digest)), true
	}
	return "", false
}

// joined is the text of a record's character-strings.
func joined(strs []string) string {
	var b strings.Builder
	for _, s := range strs {
		b.WriteString(unescape(s))
	}
	return b.String()
}

// unescape turns a character-string as package dns prints it (\" \\ \DDD) into
// the bytes that were on the wire.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				b = append(b, byte(n))
				i += 3
				continue
			}
		}
		i++
		b = append(b, s[i])
	}
	return string(b)
}

// aliasAt is where a CNAME at name leads, or empty.
func aliasAt(section []dns.RR, name string) string {
	targets, _ := valuesAt(section, name, dns.TypeCNAME)
	if len(targets) == 0 {
		return ""
	}
	return targets[0]
}

// negativeTTL is how long, in seconds, resolvers may remember a negative answer:
// the lesser of the SOA's TTL and its minimum (RFC 2308 5).
func negativeTTL(section []dns.RR) uint32 {
	for _, rr := range section {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	return 0
}

// rcodeError is why an answer with this code tells nothing about the name, nil
// where it does.
func rcodeError(m *dns.Msg) error {
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return nil
	}
	name := dns.RcodeToString[m.Rcode]
	if name == "" {
		name = "code " + strconv.Itoa(m.Rcode)
	}
	return fmt.Errorf("it answers %s", name)
}

// summary tells in a few words what a message says.
func summary(m *dns.Msg) string {
	if err := rcodeError(m); err != nil {
		return err.Error()
	}
	if m.Rcode == dns.RcodeNameError {
		return "no such name"
	}
	var said []string
	for _, rr := range m.Answer {
		if text, ok := valueOf(rr); ok {
			said = append(said, text)
		}
	}
	if len(said) == 0 && len(m.Answer) == 0 {
		return "nothing"
	}
	return strings.Join(said, " | ")
}

// within reports whether name is apex or lies below it. The root, "", is above
// everything.
func within(name, apex string) bool {
	return apex == "" || name == apex || strings.HasSuffix(name, "."+apex)
}

// parent is name without its left-most label; the root, "", is its own parent.
func parent(name string) string {
	_, up, _ := strings.Cut(name, ".")
	return up
}
