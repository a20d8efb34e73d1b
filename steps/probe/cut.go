package probe

import (
	"fmt"

	"github.com/miekg/dns"
)

// ZoneBelow finds the zone that holds name, which lies in z or below a cut in it,
// such as one at _tls. The servers of z are asked for the SOA record at name and
// their referrals followed. No resolver is asked about name: it would remember
// that a name which is about to be made does not exist (RFC 2308).
func (v *View) ZoneBelow(z Zone, name string) (Zone, error) {
	for range maxAliases {
		below, err := v.cutAt(z, name)
		if err != nil {
			return Zone{}, fmt.Errorf("find the zone of %s below %s: %w", name, z.Apex, err)
		}
		if below.Apex == z.Apex {
			return z, nil
		}
		z = below
	}
	return Zone{}, fmt.Errorf("find the zone of %s: more than %d delegations one below the other", name, maxAliases)
}

// cutAt is the first zone below z on the way to name, or z where there is none, by
// the first server that answers.
func (v *View) cutAt(z Zone, name string) (Zone, error) {
	err := fmt.Errorf("no name server of %s has an address", z.Apex)
	for _, s := range z.Servers {
		for _, ip := range s.Addresses {
			said := v.said(s.Name, ip, name, dns.TypeSOA, z.Apex)
			switch {
			case said.referral != "":
				return v.delegated(said), nil
			case !said.answered:
				err = fmt.Errorf("%s: %s", At(s.Name, ip), said.why)
			case said.apex == "" || said.apex == z.Apex || !within(said.apex, z.Apex):
				return z, nil
			default:
				// The same servers keep the zone below too, and need no referral.
				below := Zone{Apex: said.apex, Servers: z.Servers}
				if names := v.First(below, said.apex, "NS").Union(); len(names) > 0 {
					below.Servers = v.serversNamed(names, nil)
				}
				return below, nil
			}
		}
	}
	return Zone{}, err
}
