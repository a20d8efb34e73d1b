package dns

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// byWildcard reports whether raw, the answer for name, is made by a wildcard of the
// zone: a name beside it that nobody made has the same. A record of the name's own
// may hold what the wildcard does; then the names below tell them apart, for a name
// that exists ends the wildcard's reach (RFC 4592 section 2.2.1).
func (s *signed) byWildcard(ctx context.Context, zone, name string, typ uint16, raw []dns.RR) bool {
	_, parent, _ := strings.Cut(name, ".")
	if !under(parent, zone) {
		return false
	}
	held := func(name string) ([]dns.RR, bool) {
		r, err := s.ask(ctx, name, typ)
		if err != nil {
			return nil, false
		}
		return ownedBy(r.Answer, name, typ), true
	}
	unmade := fmt.Sprintf("belay-%08x.", rand.Uint32())
	beside := unmade + parent
	if made, ok := held(beside); !ok || !sameData(made, raw) {
		return false
	}
	below, ok := held(unmade + name)
	further, asked := held(unmade + beside)
	return ok && asked && sameData(below, further)
}

func sameData(a, b []dns.RR) bool {
	if len(a) != len(b) {
		return false
	}
	values := func(rrs []dns.RR) (out []string) {
		for _, rr := range rrs {
			out = append(out, rdata(rr))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(values(a), values(b))
}
