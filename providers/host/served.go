package host

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// Served is belay's own policy server: the body stands in the store, and every
// belay serve on that store answers with it the moment it is there. The store takes
// none that the journal does not bear.
type Served struct {
	Bodies rollout.Served
	Clock  world.Clock
}

// Read says what the store has for the edit's domain.
func (s Served) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	domain, err := policyDomain(ctx, e)
	if err != nil {
		return holding(e, rollout.Absent(), err)
	}
	v, err := s.Bodies.Served(ctx, domain)
	return holding(e, v, err)
}

// Apply puts the body into the store. The drift check, the journal's word and the
// write are one transaction there, so nothing comes in between.
func (s Served) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	watch := world.Start()
	r := rollout.Receipt{EditID: e.ID, Outcome: rollout.Failed}
	domain, err := policyDomain(ctx, e)
	if err == nil {
		r.Outcome, r.Saw, err = s.replace(ctx, domain, e)
	}
	if err != nil {
		r.Detail = finding.Clean(err.Error(), 400)
	}
	r.Took = watch.Elapsed()
	return r, err
}

func (s Served) replace(ctx context.Context, domain string, e rollout.Edit) (rollout.Outcome, rollout.Value, error) {
	seen, err := s.Bodies.Served(ctx, domain)
	switch {
	case err != nil:
		return rollout.Failed, rollout.Absent(), err
	case seen.Equal(e.After), !seen.Equal(e.Before) && seen.SamePolicy(e.After):
		return rollout.Found, seen, nil
	}
	seen, err = s.Bodies.Serve(ctx, domain, e.Before, e.After, s.Clock.Now())
	switch {
	case err == nil:
		return rollout.Applied, seen, nil
	case errors.Is(err, rollout.ErrStale):
		return rollout.Refused, seen, err
	case errors.Is(err, rollout.ErrRefused):
		return rollout.Failed, seen, err // what stands there is what the plan saw
	}
	if seen, again := s.Bodies.Served(ctx, domain); again == nil && seen.Equal(e.Before) {
		return rollout.Failed, seen, err
	}
	return rollout.Unknown, rollout.Absent(), err
}

// Try says which servers run on this store. None is no failure: it may be started
// until the policy is to be seen.
func (s Served) Try(ctx context.Context, domain string) (rollout.Trial, error) {
	running, err := s.Bodies.Servers(ctx)
	if err != nil {
		return rollout.Trial{}, fmt.Errorf("try belay's own server: %w", err)
	}
	var lines []string
	for _, r := range running {
		lines = append(lines, "belay serve runs on this store: "+r)
	}
	if len(running) == 0 {
		lines = append(lines, "no belay serve runs on this store on this machine; start it by belay serve before the policy is to answer (belay export --systemd prints a unit that keeps it running)")
	}
	host := mtasts.PolicyHost(domain)
	return rollout.Trial{Lines: append(lines,
		fmt.Sprintf("it answers as %s from when the rollout is started, once it has a certificate, and with each policy the moment it is published", host))}, nil
}

// policyDomain is the policy domain whose policy the edit is.
func policyDomain(ctx context.Context, e rollout.Edit) (string, error) {
	if err := errors.Join(ctx.Err(), checkPolicy(e)); err != nil {
		return "", err
	}
	u, err := url.Parse(e.Name)
	if err != nil {
		return "", fmt.Errorf("the policy's address %s: %w", finding.Quote(e.Name, 200), err)
	}
	domain, ok := strings.CutPrefix(u.Host, "mta-sts.")
	if !ok || e.Name != mtasts.PolicyURL(domain) {
		return "", fmt.Errorf("%s is the address of no policy", finding.Quote(e.Name, 200))
	}
	return domain, nil
}
