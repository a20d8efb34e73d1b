// Package remote is what policy hosts at a vendor have in common: one way to put a
// body in another's place without running over what nobody saw, and to have the engine
// wait where the vendor asks for it. The way to the vendor's API is package rest.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"belay/providers/rest"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// A Place is where one value stands at a vendor.
type Place interface {
	// String names the place for people.
	String() string
	// Read is what stands there.
	Read(ctx context.Context) (rollout.Value, error)
	// Write makes v stand there; seen is what Read just gave. Where it finds
	// something else it writes nothing: rollout.ErrStale.
	Write(ctx context.Context, seen, v rollout.Value) error
}

// Hold says what p holds, as host.Host's Read does.
func Hold(ctx context.Context, p Place, e rollout.Edit) (rollout.Held, error) {
	h := rollout.Held{Account: e.Account, Name: e.Name, Type: e.Type}
	v, err := p.Read(ctx)
	if err != nil {
		err = fmt.Errorf("read %s: %w", p, err)
		h.Err = finding.Clean(err.Error(), 600)
		return h, err
	}
	h.Value = v
	return h, nil
}

// Put carries an edit out, as host.Host's Apply does: it reads, refuses where that
// is not what the plan saw, writes, and reads again. What the second reading shows
// decides; what the call returned is the explanation, and says whether what is not there
// may come yet: then nobody knows what became of it. made reports whether a value
// is what the edit leaves there.
func Put(ctx context.Context, p Place, e rollout.Edit, made func(rollout.Value) bool) (rollout.Receipt, error) {
	watch := world.Start()
	r := rollout.Receipt{EditID: e.ID}
	var err error
	r.Outcome, r.Saw, err = put(ctx, p, e, made)
	r.Took = watch.Elapsed()
	if err != nil {
		err = Later(fmt.Errorf("write %s: %w", p, err))
		r.Detail = finding.Clean(err.Error(), 600)
	}
	return r, err
}

func put(ctx context.Context, p Place, e rollout.Edit, made func(rollout.Value) bool) (rollout.Outcome, rollout.Value, error) {
	seen, err := p.Read(ctx)
	switch {
	case err != nil:
		return rollout.Failed, rollout.Absent(), err
	case made(seen):
		return rollout.Found, seen, nil
	case !seen.Equal(e.Before):
		return rollout.Refused, seen, fmt.Errorf("it holds neither what the plan saw nor what it wants, but %s: %w",
			finding.Quote(seen.String(), 200), rollout.ErrStale)
	case !e.After.Exists:
		return rollout.Failed, seen, errors.New("belay takes nothing away there; do so in the vendor's own pages")
	}
	wrote := p.Write(ctx, seen, e.After)
	seen, err = p.Read(ctx)
	switch {
	case err != nil:
		return rollout.Unknown, rollout.Absent(), rest.Unsure(errors.Join(wrote, fmt.Errorf("read back what was written: %w", err)))
	case made(seen):
		return rollout.Applied, seen, nil
	case seen.Equal(e.Before) && (errors.Is(wrote, rollout.ErrStale) || rest.TurnedAway(wrote)):
		return rollout.Failed, seen, wrote
	case errors.Is(wrote, rollout.ErrStale): // the place would not write over it
		return rollout.Refused, seen, wrote
	case wrote != nil && seen.Equal(e.Before):
		return rollout.Unknown, seen, rest.Unsure(wrote)
	case wrote != nil:
		return rollout.Unknown, seen, wrote
	}
	return rollout.Unknown, seen, fmt.Errorf("it holds %s after the write, not what was written", finding.Quote(seen.String(), 200))
}

// CheckPolicy refuses what no policy host may be asked to do.
func CheckPolicy(e rollout.Edit) error {
	switch {
	case e.Kind != rollout.Policy:
		return fmt.Errorf("a policy host cannot make the edit of %s %s: it is no policy", e.Name, e.Type)
	case len(e.After.Body) > mtasts.MaxBody:
		return fmt.Errorf("the policy for %s is %d bytes long; senders may drop one longer than %d", e.Name, len(e.After.Body), mtasts.MaxBody)
	}
	return nil
}

// someMinutes is the pause where a vendor that has too many requests names none.
const someMinutes = 5 * time.Minute

// Later is err, or where the vendor only asked to be asked later, the
// *rollout.LaterError that lets the engine wait.
func Later(err error) error {
	no, ok := errors.AsType[*rest.Refusal](err)
	if !ok || no.Status != http.StatusTooManyRequests {
		return err
	}
	wait := no.Pause
	if wait < 0 {
		wait = someMinutes
	}
	return &rollout.LaterError{After: wait, Text: finding.Clean(err.Error(), 400)}
}
