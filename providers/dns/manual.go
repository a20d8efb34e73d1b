package dns

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// manual is the account of an operator who changes records by hand. It reads
// what the authoritative servers answer, and its writing is a note of what to
// do, until that is seen.
type manual struct {
	domain string
	finder ZoneFinder
	seer   Seer
}

func openManual(o Options) (Account, error) {
	if o.Seer == nil {
		return nil, errors.New("open the manual DNS account: nothing was given to look with")
	}
	return &manual{domain: o.Domain, finder: o.Finder, seer: o.Seer}, nil
}

// Read says what the authoritative servers answer. Where they differ, Err says
// so and Value is nothing.
func (m *manual) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	h := rollout.Held{Account: e.Account, Zone: e.Zone, Name: e.Name, Type: e.Type}
	if h.Zone == "" && m.finder != nil {
		zone, err := m.finder.ZoneOf(ctx, e.Name)
		if err != nil {
			return h, fmt.Errorf("find the zone of %s: %w", e.Name, err)
		}
		h.Zone = zone
	}
	v, seen, err := m.seer.See(ctx, e, nil)
	if err != nil {
		return h, fmt.Errorf("look at %s %s: %w", e.Name, e.Type, err)
	}
	if len(seen.Sightings) > 0 {
		agreed, ok := rollout.Agreed(seen.Sightings)
		if !ok {
			h.Err = fmt.Sprintf("the name servers do not agree on %s %s: %s", e.Name, e.Type, each(seen.Sightings))
			return h, nil
		}
		v = agreed
	}
	h.Value = v
	for _, s := range seen.Sightings {
		if s.Answered && s.Value.Exists {
			h.TTL = max(h.TTL, s.TTL)
		}
	}
	return h, nil
}

// Apply says what to do, unless it has been done.
func (m *manual) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	watch := world.Start()
	r, err := m.apply(ctx, e)
	r.EditID, r.Took = e.ID, watch.Elapsed()
	if err != nil {
		r.Detail = finding.Clean(err.Error(), 600)
	}
	return r, err
}

func (m *manual) apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	if err := writable(m.domain, e); err != nil {
		return rollout.Receipt{Outcome: rollout.Refused}, err
	}
	v, seen, err := m.seer.See(ctx, e, nil)
	if err != nil {
		if ctx.Err() != nil {
			return rollout.Receipt{Outcome: rollout.Unknown}, fmt.Errorf("look at %s %s: %w", e.Name, e.Type, err)
		}
		return rollout.Receipt{Outcome: rollout.Waiting, Detail: Instructions(e)}, nil
	}
	if agreed, ok := rollout.Agreed(seen.Sightings); ok {
		v = agreed
	} else if len(seen.Sightings) > 0 {
		// On its way from server to server: before here, after there.
		for _, s := range seen.Sightings {
			if s.Answered && !s.Value.Equal(e.After) && !s.Value.Equal(e.Before) {
				return rollout.Receipt{Outcome: rollout.Refused, Saw: s.Value}, fmt.Errorf("%s %s: %w", e.Name, e.Type, drift(e, s.Value))
			}
		}
		return rollout.Receipt{Outcome: rollout.Waiting, Detail: Instructions(e)}, nil
	}
	if v.Equal(e.After) {
		return rollout.Receipt{Outcome: rollout.Found, Saw: v}, nil
	}
	if err := drift(e, v); err != nil {
		return rollout.Receipt{Outcome: rollout.Refused, Saw: v}, fmt.Errorf("%s %s: %w", e.Name, e.Type, err)
	}
	return rollout.Receipt{Outcome: rollout.Waiting, Saw: v, Detail: Instructions(e)}, nil
}

// Try finds the zone from outside; by hand there is nothing else to prove.
func (m *manual) Try(ctx context.Context, domain string) (rollout.Trial, error) {
	t := rollout.Trial{Lines: []string{"Records are changed by hand: belay shows each, and goes on when it sees it at every name server."}}
	if m.finder == nil {
		return t, nil
	}
	zone, err := m.finder.ZoneOf(ctx, mtasts.RecordName(domain))
	if err != nil {
		return t, fmt.Errorf("find the zone of %s: %w", domain, err)
	}
	t.Zone = zone
	return t, nil
}

// each lists what the servers answered, by server.
func each(sightings []rollout.Sighting) string {
	var out []string
	for _, s := range sightings {
		if s.Answered {
			out = append(out, fmt.Sprintf("%s has %s", finding.Clean(s.Where, 100), inWords(s.Value)))
		}
	}
	return strings.Join(out, ", ")
}

// Instructions says how to make e by hand: as a provider's form asks for it, and
// the same as zone-file lines.
func Instructions(e rollout.Edit) string {
	text := Panel.Write(e)
	if !e.After.Exists {
		return text
	}
	if e.TTL == 0 {
		e.TTL = defaultTTL
	}
	lines := ZoneLines(e.Name, e.Type, e.TTL, e.After)
	return text + "\nAs zone-file lines:\n  " + strings.Join(lines, "\n  ")
}
