package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
	"belay/rollout/world"
	"belay/steps/probe"
)

// askFor is how long one small question to the world may take, in real time.
const askFor = 15 * time.Second

// outside answers small questions about the world: which zone a name lies in, who
// serves it, what TXT records stand at a name.
type outside struct{ world world.World }

// ZoneOf is the apex of the zone that holds name. A resolver is asked about the
// mail domain alone: one that is asked about a name which belay is about to make
// would go on denying it (RFC 2308).
func (o outside) ZoneOf(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	v := probe.Open(ctx, o.world, nil)
	defer v.Close()
	zone, err := v.Zone(mailDomain(name))
	if err != nil {
		return "", err
	}
	zone, err = v.ZoneBelow(zone, name)
	return zone.Apex, err
}

// mailDomain is the mail domain of which name is one of the names that belay writes.
func mailDomain(name string) string {
	for _, nameOf := range []func(string) string{mtasts.RecordName, tlsrpt.RecordName, mtasts.PolicyHost, rollout.ChallengeName} {
		if domain, ok := strings.CutPrefix(name, nameOf("")); ok {
			return domain
		}
	}
	return name
}

// Delegated is the zone at apex as the world sees it.
func (o outside) Delegated(ctx context.Context, apex string) (rollout.Zone, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	v := probe.Open(ctx, o.world, nil)
	defer v.Close()
	zone, err := v.Zone(apex)
	if err != nil {
		return rollout.Zone{}, err
	}
	return v.Describe(zone), nil
}

// detect finds a domain's zone, its name servers and its MX names.
func (o outside) detect(ctx context.Context, domain string) (rollout.Detection, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	v := probe.Open(ctx, o.world, nil)
	defer v.Close()
	var found rollout.Detection
	zone, err := v.Zone(domain)
	if err != nil {
		return found, err
	}
	if zone.Missing {
		return found, fmt.Errorf("%s does not exist in DNS; check the spelling, or register it first: %w", domain, rollout.ErrRefused)
	}
	found.Zone = zone.Apex
	for _, s := range zone.Servers {
		found.NameServers = append(found.NameServers, s.Name)
	}
	mx := v.Resolve(domain, "MX")
	for _, value := range mx.Values {
		if _, host, ok := strings.Cut(value, " "); ok {
			found.MX = append(found.MX, host)
		}
	}
	return found, mx.Err
}

// txt are the TXT records of name; a name without any is no error.
func (o outside) txt(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	v := probe.Open(ctx, o.world, nil)
	defer v.Close()
	found := v.Resolve(name, "TXT")
	return found.Values, found.Err
}
