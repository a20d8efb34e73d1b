package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// oddRecordError says that a provider's answer could not be read because of a
// record in it that its reader does not understand, and that has nothing to do
// with the one that was asked for. What stands there is then read elsewhere, so a
// Source that returns it must be able to replace a set by its values alone.
type oddRecordError struct{ err error }

func (e *oddRecordError) Error() string {
	return "the answer holds a record that cannot be read: " + e.err.Error()
}
func (e *oddRecordError) Unwrap() error { return e.err }

func isOdd(err error) bool {
	_, ok := errors.AsType[*oddRecordError](err)
	return ok
}

// oddRecord is err as an *oddRecordError where it is libdns that gave a whole zone
// up: one SRV record at a name of one label, or one SVCB record at a name without
// a scheme, is enough. libdns has no type for that, so it is told by its words.
func oddRecord(err error) error {
	if err == nil || isOdd(err) {
		return err
	}
	said := err.Error()
	for _, words := range []string{
		"does not contain enough fields; expected format", "expected format: '_port._proto.name'", "malformed SRV value", "malformed HTTPS value",
		"malformed CAA value", "malformed MX value", "invalid SvcParams", "invalid priority", "invalid weight", "invalid flags", "invalid IP address",
	} {
		if strings.Contains(said, words) {
			return &oddRecordError{err}
		}
	}
	return err
}

// secondhand says how a name was read whose provider's own answer cannot be.
func (a *remote) secondhand(why error) string {
	return finding.Clean(fmt.Sprintf("%s could not be read there (%s), so what stands was taken from the zone's name servers", a.source.Label(), a.clean(why).Error()), 400)
}

// fromServers reads a name at the authoritative servers, where the provider's own
// reading met an odd record: every type that belay may write there, absent ones
// too. It fails with why, and what else is wrong, where they cannot tell.
func (a *remote) fromServers(ctx context.Context, z Zone, name string, why error) ([]RRset, error) {
	if a.o.Seer == nil {
		return nil, why
	}
	types := typesAt(a.o.Domain, name)
	sets, errs := make([]RRset, len(types)), make([]error, len(types))
	var asking sync.WaitGroup
	for i, typ := range types {
		asking.Go(func() {
			sets[i], errs[i] = a.seen(ctx, rollout.Edit{Kind: rollout.Record, Zone: z.Name, Name: name, Type: typ})
		})
	}
	asking.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%w; and at the name servers: %w", why, err)
	}
	for i := range sets {
		sets[i].Note, sets[i].outside = a.secondhand(why), true
	}
	return sets, nil
}

// seen is a set as all name servers that answer have it.
func (a *remote) seen(ctx context.Context, e rollout.Edit) (RRset, error) {
	set := RRset{Name: e.Name, Type: e.Type}
	_, seen, err := a.o.Seer.See(ctx, e, nil)
	if err != nil {
		return set, fmt.Errorf("look at %s %s: %w", e.Name, e.Type, err)
	}
	value, agreed := rollout.Agreed(seen.Sightings)
	if !agreed {
		return set, fmt.Errorf("they do not agree on %s %s: %s", e.Name, e.Type, each(seen.Sightings))
	}
	if !value.Exists {
		return set, nil
	}
	set.Values = slices.Clone(value.Records)
	for _, s := range seen.Sightings {
		if s.Answered {
			set.TTL = max(set.TTL, s.TTL)
		}
	}
	return set, nil
}

// awaited reads a set again after a write that only the name servers can show,
// until they show what is wanted or patience ends: a provider takes a while to
// tell them. It returns the last reading that they agreed on.
func (a *remote) awaited(ctx context.Context, set RRset, e rollout.Edit) RRset {
	ctx, cancel := context.WithTimeout(ctx, a.o.Patience)
	defer cancel()
	for pause := 100 * time.Millisecond; !set.Value().Equal(e.After); pause = min(2*pause, 2*time.Second) {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return set
		case <-timer.C:
		}
		if again, err := a.seen(ctx, e); err == nil {
			again.Note, again.outside = set.Note, set.outside
			set = again
		}
	}
	return set
}
