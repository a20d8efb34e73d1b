package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"belay/providers/dns"
	"belay/providers/host/certs"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// byDNS gives the challenge record of a policy host, where its domain is proved by
// DNS-01: through the rollout's own account, and only where the operator has consented.
// While the store cannot be read, what it said last counts; where it never was read, or
// no longer knows the domain, the host is proved in the other ways, if any is allowed. A
// renewal does not wait for the store.
func (p *program) byDNS(s *session, ways []string) func(context.Context, string, []string) (certs.Records, error) {
	last := consents{of: map[string]rollout.Settings{}}
	return func(ctx context.Context, host string, left []string) (certs.Records, error) {
		domain, ok := strings.CutPrefix(host, mtasts.PolicyHost(""))
		if !ok || len(ways) > 0 && !slices.Contains(ways, certs.DNS) {
			return nil, nil
		}
		others := len(ways) == 0 || slices.ContainsFunc(ways, func(way string) bool { return way != certs.DNS })
		loading, cancel := context.WithTimeout(ctx, askFor)
		defer cancel()
		r, err := s.rollout(loading, domain)
		settings, known := last.learn(domain, r.Settings, err)
		switch {
		case known && settings.ConsentsToDNS():
		case others:
			if err != nil && !errors.Is(err, rollout.ErrNoRollout) {
				p.log.Warn("whether a host may be proved by DNS could not be read; it is proved in another way", "host", host, "error", err.Error())
			}
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("see how %s is proved to the CA: %w", host, err)
		default:
			return nil, fmt.Errorf("%s is to be proved by DNS, and nobody has consented that belay writes %s by itself; belay set %s --challenge dns does, once and for all renewals: %w",
				host, rollout.ChallengeName(domain), domain, rollout.ErrRefused)
		}
		account, err := s.accounts.records(ctx, domain, settings.DNS)
		if err != nil {
			return nil, fmt.Errorf("open the DNS account of %s: %w", domain, err)
		}
		record, err := dns.NewChallenge(domain, account, outside{p.world}.challengeSeen, p.log, left...)
		if err != nil {
			return nil, err
		}
		return record, nil
	}
}

// consents are the settings of rollouts as they were last read.
type consents struct {
	mu sync.Mutex
	of map[string]rollout.Settings
}

// learn keeps the settings of domain that were read, or gives those that were read last
// where err says that they could not be. A domain that the store does not know has
// consented to nothing.
func (c *consents) learn(domain string, read rollout.Settings, err error) (settings rollout.Settings, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.of[domain] = read
	case errors.Is(err, rollout.ErrNoRollout):
		delete(c.of, domain)
	}
	settings, known = c.of[domain]
	return settings, known
}
