package lab

import "github.com/miekg/dns"

// zones are what a name server serves, found by apex: a lab may have ten thousand.
type zones struct {
	all []*zone
	at  map[string]*zone
}

func (s *zones) add(z *zone) {
	if s.at == nil {
		s.at = map[string]*zone{}
	}
	s.all = append(s.all, z)
	s.at[z.apex] = z
}

// closest is the zone that holds name: the one with the most labels. above leaves
// the zone whose apex is name out, if there is another.
func (s *zones) closest(name string, above bool) *zone {
	var own *zone
	name = dns.CanonicalName(name)
	for rest := name; ; {
		if z := s.at[rest]; z != nil {
			if !above || rest != name {
				return z
			}
			own = z
		}
		if rest == "." {
			return own
		}
		next, end := dns.NextLabel(rest, 0)
		if end {
			rest = "."
		} else {
			rest = rest[next:]
		}
	}
}
