package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"belay/providers/rest"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/world"
)

// defaultTTL is written where an edit names none, in seconds: short enough that
// a way back is quick.
const defaultTTL = 300

// Apply checks, writes, reads back and compares.
func (a *remote) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	watch := world.Start()
	r, err := a.apply(ctx, e)
	r.EditID, r.Took = e.ID, watch.Elapsed()
	if err != nil {
		err = a.said(verb(e), e, err)
		r.Detail = err.Error()
	}
	return r, err
}

func verb(e rollout.Edit) string {
	switch {
	case !e.Before.Exists:
		return "create"
	case !e.After.Exists:
		return "delete"
	}
	return "change"
}

func (a *remote) apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	if err := writable(a.o.Domain, e); err != nil {
		return rollout.Receipt{Outcome: rollout.Refused}, err
	}
	z, err := a.zone(ctx, e)
	if err != nil {
		return rollout.Receipt{Outcome: rollout.Failed}, err
	}
	sets, err := a.at(ctx, z, e.Name)
	if err != nil {
		return rollout.Receipt{Outcome: rollout.Failed}, fmt.Errorf("nothing was written, because it could not be read first: %w", err)
	}
	have := pick(sets, e.Name, e.Type)
	saw := have.Value()
	if have.Special != "" {
		return rollout.Receipt{Outcome: rollout.Refused, Saw: saw}, fmt.Errorf("%w: %s %s is %s", rollout.ErrStale, e.Name, e.Type, have.Special)
	}
	if saw.Equal(e.After) {
		if err := a.published(ctx, z); err != nil {
			return rollout.Receipt{Outcome: rollout.Unknown, Saw: saw}, err
		}
		return rollout.Receipt{Outcome: rollout.Found, Saw: saw, Detail: have.Note}, nil
	}
	if err := drift(e, saw); err != nil {
		return rollout.Receipt{Outcome: rollout.Refused, Saw: saw}, err
	}
	if e.After.Exists {
		if other := inTheWay(sets, e.Type); other != "" {
			return rollout.Receipt{Outcome: rollout.Refused, Saw: saw}, fmt.Errorf("%w: %s stands at the same name, and DNS allows nothing beside a CNAME; remove it first, as a change of its own", rollout.ErrStale, other)
		}
	}
	return a.write(ctx, z, have, e)
}

// writable refuses what belay may not write, and edits that are no record.
func writable(domain string, e rollout.Edit) error {
	if e.Kind != rollout.Record {
		return fmt.Errorf("%w: a DNS account writes records, not a %s", rollout.ErrRefused, e.Kind)
	}
	if err := rollout.Writable(domain, e); err != nil {
		return fmt.Errorf("%w: %w", rollout.ErrRefused, err)
	}
	return nil
}

// drift is the error where a place no longer holds what the plan saw there.
func drift(e rollout.Edit, saw rollout.Value) error {
	if saw.Equal(e.Before) {
		return nil
	}
	return fmt.Errorf("%w: there stands now %s, where the plan saw %s", rollout.ErrStale, inWords(saw), inWords(e.Before))
}

func inWords(v rollout.Value) string {
	if !v.Exists {
		return "nothing"
	}
	return finding.Quote(v.String(), 200)
}

// write sends the change and believes only what it reads afterwards.
func (a *remote) write(ctx context.Context, z Zone, have RRset, e rollout.Edit) (rollout.Receipt, error) {
	want := RRset{Name: e.Name, Type: e.Type, TTL: e.TTL, Values: e.After.Records}
	if want.TTL == 0 {
		want.TTL = defaultTTL
	}
	want.TTL = max(want.TTL, z.LeastTTL)
	_, called := guarded(ctx, a.seat, a.o.Patience, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, a.source.Replace(ctx, z, have, want)
	})
	if errors.Is(called, errUnended) {
		return rollout.Receipt{Outcome: rollout.Unknown}, rest.Unsure(called)
	}
	sets, err := a.at(ctx, z, e.Name)
	if err != nil {
		return rollout.Receipt{Outcome: rollout.Unknown}, rest.Unsure(fmt.Errorf("it could not be read back: %w", errors.Join(called, err)))
	}
	set := pick(sets, e.Name, e.Type)
	if set.outside && called == nil {
		set = a.awaited(ctx, set, e)
	}
	saw := set.Value()
	r := rollout.Receipt{Saw: saw, Detail: set.Note}
	switch {
	case saw.Equal(e.After) && errors.Is(called, errUnpublished):
		r.Outcome = rollout.Unknown
		return r, called
	case saw.Equal(e.After):
		r.Outcome = rollout.Applied
		said := []string{set.Note, otherTTL(z, e, set)}
		if called != nil {
			said = append(said, "it stands as wanted, though the call failed: "+a.clean(called).Error())
		}
		said = slices.DeleteFunc(said, func(s string) bool { return s == "" })
		r.Detail = finding.Clean(strings.Join(said, "; "), 900)
		return r, nil
	case errors.Is(called, rollout.ErrStale):
		r.Outcome = rollout.Refused
		return r, fmt.Errorf("%w; there stands now %s", called, inWords(saw))
	case set.outside:
		r.Outcome = rollout.Unknown
		if called == nil {
			called = errors.New("the change was accepted")
		}
		return r, fmt.Errorf("%w, and the name servers still show %s; %s", called, inWords(saw), set.Note)
	case saw.Equal(e.Before):
		r.Outcome, err = fate(sets, e, called)
		return r, err
	}
	r.Outcome = rollout.Unknown
	if called == nil {
		called = errors.New("the change was accepted")
	}
	return r, fmt.Errorf("%w; there stands now %s, which is neither what was nor what was wanted", called, inWords(saw))
}

// otherTTL says that a record came to stand with another TTL than the edit names,
// and so than was agreed to: "" where it has that one, where none was named, and
// where the name servers showed the set without one.
func otherTTL(z Zone, e rollout.Edit, set RRset) string {
	switch {
	case !e.After.Exists, e.TTL == 0, set.TTL == e.TTL, set.outside && set.TTL == 0:
		return ""
	}
	said := fmt.Sprintf("its TTL is %d s, and not the %d s that were agreed to", set.TTL, e.TTL)
	if set.TTL == z.LeastTTL && e.TTL < z.LeastTTL {
		said += ": this is the shortest that the zone takes"
	}
	return said
}
