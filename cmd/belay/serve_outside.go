package main

import (
	"context"
	"fmt"
	"strings"

	"belay/providers/host/certs"
	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/steps/probe"
)

// What keeps certificates asks of the world: CAA, its own challenge record, and what
// the policy host shows.

// caa climbs from host to the CAA record set that rules it (RFC 8659 section 3). Names
// that may not exist yet are asked of the authoritative servers alone.
func (o outside) caa(ctx context.Context, host string) (certs.CAA, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	v := probe.Open(ctx, o.world, nil)
	defer v.Close()
	zone, err := v.Zone(mailDomain(host))
	if err != nil {
		return certs.CAA{}, err
	}
	for at := host; at != ""; _, at, _ = strings.Cut(at, ".") {
		inside := at == zone.Apex || strings.HasSuffix(at, "."+zone.Apex)
		if !inside { // above the zone every name exists
			r := v.Resolve(at, "CAA")
			switch {
			case r.Err != nil:
				return certs.CAA{}, fmt.Errorf("ask for CAA at %s: %w", at, r.Err)
			case len(r.Values) > 0:
				return certs.CAA{At: at, Records: r.Values}, nil
			}
			continue
		}
		a := v.First(zone, at, "CAA")
		if !a.Answered() {
			return certs.CAA{}, fmt.Errorf("ask for CAA at %s: no name server of %s answers", at, zone.Apex)
		}
		if values := a.Union(); len(values) > 0 {
			return certs.CAA{At: at, Records: values}, nil
		}
		if a.Alias == "" {
			continue
		}
		// A CAA record set is that of the alias's target; its parents do not count.
		r := v.Resolve(a.Alias, "CAA")
		switch {
		case r.Err != nil:
			return certs.CAA{}, fmt.Errorf("ask for CAA at %s, which %s is an alias of: %w", a.Alias, at, r.Err)
		case len(r.Values) > 0:
			return certs.CAA{At: a.Alias, Records: r.Values}, nil
		}
	}
	return certs.CAA{}, nil
}

// challengeSeen is what every address of every name server answers for a TXT record
// that is not there yet for resolvers.
func (o outside) challengeSeen(ctx context.Context, name string) ([]rollout.Sighting, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	v := probe.Open(ctx, o.world, nil)
	defer v.Close()
	zone, err := v.Zone(mailDomain(name))
	if err != nil {
		return nil, err
	}
	return v.Authoritative(zone, name, "TXT").Sightings, nil
}

// shown is the certificate that each address of a policy host shows to senders.
func (o outside) shown(ctx context.Context, host string) ([]certs.Shown, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*askFor)
	defer cancel()
	v := probe.Open(ctx, o.world, nil)
	defer v.Close()
	domain := strings.TrimPrefix(host, mtasts.PolicyHost(""))
	zone, err := v.Zone(domain)
	if err != nil {
		return nil, err
	}
	addresses, _, _ := v.SettleAddresses(zone, host)
	if len(addresses) == 0 {
		return nil, fmt.Errorf("%s has no address in DNS", host)
	}
	out := make([]certs.Shown, len(addresses))
	for i, ip := range addresses {
		f := v.FetchAnew(domain, ip)
		out[i] = certs.Shown{Address: ip.String(), Err: f.Err}
		if f.Certificate != nil {
			out[i].Fingerprint = f.Certificate.Fingerprint
		}
	}
	return out, nil
}
