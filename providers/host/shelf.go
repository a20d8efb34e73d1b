package host

import (
	"context"
	"errors"
	"fmt"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/world"
)

// Where the body stands below a web root (RFC 8461 section 3.3).
const (
	wellKnown  = ".well-known"
	policyFile = "mta-sts.txt"
)

// A shelf is a file that one policy body stands in.
type shelf interface {
	// path names the file for people.
	path() string
	// read is what stands there; no file is Absent.
	read() (rollout.Value, error)
	// write makes v stand there, whole, or leaves what stood.
	write(v rollout.Value) error
}

// stands says what a shelf holds, as Host.Read does.
func stands(ctx context.Context, s shelf, e rollout.Edit) (rollout.Held, error) {
	if err := errors.Join(ctx.Err(), checkPolicy(e)); err != nil {
		return holding(e, rollout.Absent(), err)
	}
	v, err := s.read()
	return holding(e, v, err)
}

// put carries an edit out, as Host.Apply does.
func put(ctx context.Context, s shelf, e rollout.Edit) (rollout.Receipt, error) {
	watch := world.Start()
	r := rollout.Receipt{EditID: e.ID, Outcome: rollout.Failed}
	err := errors.Join(ctx.Err(), checkPolicy(e))
	if err == nil {
		r.Outcome, r.Saw, err = replace(s, e)
	}
	if err != nil {
		r.Detail = finding.Clean(err.Error(), 400)
	}
	r.Took = watch.Elapsed()
	return r, err
}

func replace(s shelf, e rollout.Edit) (rollout.Outcome, rollout.Value, error) {
	seen, err := s.read()
	if err != nil {
		return rollout.Failed, rollout.Absent(), err
	}
	switch {
	case seen.Equal(e.After):
		return rollout.Found, seen, nil
	case seen.Equal(e.Before):
	case seen.SamePolicy(e.After):
		return rollout.Found, seen, nil // the same policy in other bytes
	default:
		return rollout.Refused, seen, fmt.Errorf("%s holds neither what the plan saw nor what it wants, but %s: %w",
			s.path(), finding.Quote(seen.String(), 200), rollout.ErrStale)
	}
	wrote := s.write(e.After)
	seen, err = s.read()
	switch {
	case err != nil && wrote != nil:
		return rollout.Unknown, rollout.Absent(), errors.Join(wrote, fmt.Errorf("read back what was written: %w", err))
	case err != nil:
		return rollout.Unknown, rollout.Absent(), fmt.Errorf("read back what was written: %w", err)
	case seen.Equal(e.After):
		return rollout.Applied, seen, nil
	case wrote != nil && seen.Equal(e.Before):
		return rollout.Failed, seen, wrote
	case wrote != nil:
		return rollout.Unknown, seen, wrote
	}
	return rollout.Unknown, seen, fmt.Errorf("read back %s: it holds %s, not what was written",
		s.path(), finding.Quote(seen.String(), 200))
}
