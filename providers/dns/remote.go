package dns

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"belay/providers/rest"
	"belay/rollout"
	"belay/rollout/finding"
)

// remote is an account at a provider with an API.
type remote struct {
	source  Source
	o       Options
	secrets []string
	seat    seat

	mu      sync.Mutex
	zones   map[string]Zone // by name; a zone once found stays where it is
	waiting map[string]*reading
	reached map[string]bool // zones, by name and id, that DNS was seen to answer from
}

// Read says what stands at the edit's place.
func (a *remote) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	h := rollout.Held{Account: e.Account, Zone: e.Zone, Name: e.Name, Type: e.Type}
	z, err := a.zone(ctx, e)
	if err != nil {
		return h, a.said("read", e, err)
	}
	h.Zone = z.Name
	sets, err := a.shared(ctx, z, e.Name)
	if err != nil {
		return h, a.said("read", e, err)
	}
	set := pick(sets, e.Name, e.Type)
	h.Value, h.TTL, h.Note, h.LeastTTL = set.Value(), set.TTL, set.Note, z.LeastTTL
	if set.Special != "" {
		h.Err = fmt.Sprintf("%s %s is %s", e.Name, e.Type, set.Special)
	}
	return h, nil
}

// zone is where the edit's name lies at the provider. It must be the zone that DNS
// answers from; a record written into another one would answer nobody. Where the
// plan names the same zone that is settled; else the finder decides, for a name
// may lie in a zone of its own below the domain's.
func (a *remote) zone(ctx context.Context, e rollout.Edit) (Zone, error) {
	z, err := a.zoneOf(ctx, e.Name)
	if err != nil {
		return Zone{}, err
	}
	outside := plainName(e.Zone)
	if outside != z.Name && a.o.Finder != nil {
		if outside, err = a.o.Finder.ZoneOf(ctx, e.Name); err != nil {
			return Zone{}, fmt.Errorf("find the zone of %s: %w", e.Name, err)
		}
		outside = plainName(outside)
	}
	if outside != "" && outside != z.Name {
		return Zone{}, disagreement(a.source.Label(), e.Name, outside, z.Name)
	}
	return z, a.reaches(ctx, z)
}

// disagreement tells the two ways apart in which a provider's zone is not the
// one that DNS delegates to.
func disagreement(label, name, outside, held string) error {
	if under(held, outside) {
		return fmt.Errorf("%s has a zone %s, but DNS answers for %s from zone %s: the zone at %s is not delegated (yet), so nothing written there would be seen", label, held, name, outside, label)
	}
	return fmt.Errorf("%s has the zone %s, but DNS answers for %s from its child zone %s, which is kept elsewhere: use the account that keeps %s", label, held, name, outside, outside)
}

func (a *remote) zoneOf(ctx context.Context, name string) (Zone, error) {
	a.mu.Lock()
	z, ok := a.zones[name]
	a.mu.Unlock()
	if ok {
		return z, nil
	}
	z, err := guarded(ctx, a.seat, a.o.Patience, func(ctx context.Context) (Zone, error) {
		return a.source.Zone(ctx, name)
	})
	if err != nil {
		return Zone{}, err
	}
	if !under(name, z.Name) {
		return Zone{}, fmt.Errorf("%s gave zone %s for %s, which is not in it", a.source.Label(), finding.Quote(z.Name, 100), name)
	}
	a.mu.Lock()
	a.zones[name] = z
	a.mu.Unlock()
	return z, nil
}

func (a *remote) at(ctx context.Context, z Zone, name string) ([]RRset, error) {
	sets, err := guarded(ctx, a.seat, a.o.Patience, func(ctx context.Context) ([]RRset, error) {
		return a.source.At(ctx, z, name)
	})
	if isOdd(err) {
		return a.fromServers(ctx, z, name, err)
	}
	return sets, err
}

// said wraps err as a sentence about e, cleaned and without secrets.
func (a *remote) said(did string, e rollout.Edit, err error) error {
	return a.clean(fmt.Errorf("%s %s %s at %s: %w", did, e.Name, e.Type, a.source.Label(), err))
}

// clean makes an error fit to be shown: no control characters, no secrets, not
// endless. What it wraps can still be told by errors.Is and errors.As.
func (a *remote) clean(err error) error {
	text := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		text = strings.ReplaceAll(text, context.DeadlineExceeded.Error(), "it took too long")
	}
	return &shownError{text: finding.Clean(rest.Hide(text, a.secrets...), 600), err: err}
}

// shownError is an error whose text is fit to be shown.
type shownError struct {
	text string
	err  error
}

func (e *shownError) Error() string { return e.text }
func (e *shownError) Unwrap() error { return e.err }
