package lab

import (
	"fmt"

	"github.com/miekg/dns"
)

// Crowd adds n hosts with an address each to a mail domain's zone, in one version:
// host1.DOMAIN and so on, for tests of zones in which the few names that matter
// are hard to find. It fails where there is no such zone.
func (l *Lab) Crowd(domain string, n int) error {
	z := l.zoneFor(domain)
	if z == nil || z.apex != dns.CanonicalName(domain) {
		return fmt.Errorf("crowd the lab's zone %s: there is none", domain)
	}
	rrs := make([]dns.RR, n)
	for i := range rrs {
		rr, err := makeRR(dns.CanonicalName(fmt.Sprintf("host%d.%s", i+1, domain)), dns.TypeA, 3600, fmt.Sprintf("192.0.2.%d", i%250+1))
		if err != nil {
			return fmt.Errorf("crowd the lab's zone %s: %w", domain, err)
		}
		rrs[i] = rr
	}
	z.change(func(names nameset) {
		for _, rr := range rrs {
			names.add(rr)
		}
	})
	return nil
}
