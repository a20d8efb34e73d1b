package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"belay/rollout"

	"github.com/miekg/dns"
)

// Zone is a zone and the servers that are asked for what is in it.
type Zone struct {
	// Apex is the zone's name.
	Apex string
	// Missing is true where the resolvers say that the name which was looked for
	// does not exist.
	Missing bool
	// Servers are the zone's name servers, in order of their names.
	Servers []Server
}

// Server is one name server and its addresses. Addresses are empty where its
// name resolves to none; Err then says why, if anything does.
type Server struct {
	Name      string
	Addresses []netip.Addr
	Err       error
}

type zoneFound struct {
	zone Zone
	err  error
}

// Zone finds the zone that holds name, and its name servers, by asking the
// resolvers for the SOA record at name and above. A CNAME at name does not lead
// to its target's zone: the record itself stands in the zone around it.
//
// name must exist, or be one of which no harm comes when resolvers learn that it
// does not.
func (v *View) Zone(name string) (Zone, error) {
	found := v.zones.do(name, func() zoneFound {
		zone, err := v.findZone(name)
		if err != nil {
			err = fmt.Errorf("find the zone of %s: %w", name, err)
		}
		return zoneFound{zone, err}
	})
	return found.zone, found.err
}

func (v *View) findZone(name string) (Zone, error) {
	var here []string // the NS records at name, asked beside its SOA: name is often the apex
	var asking sync.WaitGroup
	asking.Go(func() { here = v.Resolve(name, "NS").Values })

	apex, missing, err := v.findApex(name)
	asking.Wait()
	if err != nil {
		return Zone{}, err
	}
	names := here
	if apex != name {
		ns := v.Resolve(apex, "NS")
		if ns.Err != nil {
			return Zone{}, ns.Err
		}
		names = ns.Values
	}
	if len(names) == 0 {
		return Zone{}, fmt.Errorf("zone %s has no NS record", apex)
	}
	return Zone{Apex: apex, Missing: missing, Servers: v.serversNamed(names, nil)}, nil
}

// findApex walks up from name until a resolver shows a SOA record at or above
// it, in the answer or beside a negative one.
func (v *View) findApex(name string) (apex string, missing bool, err error) {
	for at := name; at != ""; at = parent(at) {
		m, err := v.recursive(at, dns.TypeSOA)
		if err != nil {
			return "", false, err
		}
		if at == name {
			missing = m.Rcode == dns.RcodeNameError
		}
		if apex, ok := apexIn(m, at); ok {
			return apex, missing, nil
		}
	}
	return "", missing, fmt.Errorf("no SOA record at %s or above it", name)
}

// apexIn is the apex that an answer to a SOA question for name shows. What stands
// behind a CNAME says nothing about name's own zone.
func apexIn(m *dns.Msg, name string) (string, bool) {
	if aliasAt(m.Answer, name) != "" {
		return "", false
	}
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		if soa, ok := rr.(*dns.SOA); ok {
			if apex := canonical(soa.Hdr.Name); within(name, apex) && apex != "" {
				return apex, true
			}
		}
	}
	return "", false
}

// serversNamed resolves the names of name servers, all at once. glue are records
// that came with the names.
func (v *View) serversNamed(names []string, glue []dns.RR) []Server {
	out := make([]Server, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			out[i] = Server{Name: name}
			if known := addressesIn(glue, name); len(known) > 0 {
				out[i].Addresses = known
				return
			}
			out[i].Addresses, out[i].Err = v.ResolveAddresses(name)
		})
	}
	all.Wait()
	return out
}

func addressesIn(section []dns.RR, name string) []netip.Addr {
	v4, _ := valuesAt(section, name, dns.TypeA)
	v6, _ := valuesAt(section, name, dns.TypeAAAA)
	return parseAddresses(append(v4, v6...))
}

// ResolveAddresses are the IPv4 and IPv6 addresses of name as the resolvers have
// them, both asked at once. The error is set where neither question was answered.
func (v *View) ResolveAddresses(name string) ([]netip.Addr, error) {
	var a, aaaa Resolved
	var both sync.WaitGroup
	both.Go(func() { a = v.Resolve(name, "A") })
	both.Go(func() { aaaa = v.Resolve(name, "AAAA") })
	both.Wait()
	if a.Err != nil && aaaa.Err != nil {
		return nil, a.Err
	}
	return parseAddresses(append(a.Values, aaaa.Values...)), nil
}

// parseAddresses reads values that valueOf printed.
func parseAddresses(values []string) []netip.Addr {
	var out []netip.Addr
	for _, s := range values {
		if ip, err := netip.ParseAddr(s); err == nil && !slices.Contains(out, ip) {
			out = append(out, ip)
		}
	}
	return out
}

// Describe asks every server of the zone for its SOA record and says how each
// fared. signed is whether the parent has a DS record for the zone.
func (v *View) Describe(z Zone) rollout.Zone {
	out := rollout.Zone{Apex: z.Apex, Exists: !z.Missing, Servers: make([]rollout.NameServer, len(z.Servers))}
	var all sync.WaitGroup
	all.Go(func() { out.Signed = len(v.Resolve(z.Apex, "DS").Values) > 0 })
	var mu sync.Mutex
	for i, s := range z.Servers {
		out.Servers[i] = rollout.NameServer{Name: s.Name, Addresses: make([]rollout.NameServerAddress, len(s.Addresses))}
		for j, ip := range s.Addresses {
			all.Go(func() {
				said := v.said(s.Name, ip, z.Apex, dns.TypeSOA, z.Apex)
				out.Servers[i].Addresses[j] = rollout.NameServerAddress{
					IP: ip, Answered: said.answered, NoRoute: said.noRoute, Serial: said.serial, Err: said.why,
				}
				mu.Lock()
				defer mu.Unlock()
				out.NegativeTTL = max(out.NegativeTTL, said.negative)
			})
		}
	}
	all.Wait()
	return out
}
