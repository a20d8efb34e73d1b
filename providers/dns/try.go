package dns

import (
	"context"
	"fmt"

	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// Try proves that the account reaches the zone of domain, by reading.
func (a *remote) Try(ctx context.Context, domain string) (rollout.Trial, error) {
	t, err := a.try(ctx, domain)
	if err != nil {
		err = a.clean(fmt.Errorf("try the account at %s for %s: %w", a.source.Label(), domain, err))
	}
	return t, err
}

func (a *remote) try(ctx context.Context, domain string) (rollout.Trial, error) {
	names := []string{mtasts.RecordName(domain), tlsrpt.RecordName(domain), mtasts.PolicyHost(domain)}
	var t rollout.Trial
	for _, name := range names {
		z, err := a.zone(ctx, rollout.Edit{Name: name})
		if err != nil {
			if seen := a.sees(ctx); seen != "" && t.Zone == "" {
				err = fmt.Errorf("%w. %s", err, seen)
			}
			return t, err
		}
		if t.Zone == "" {
			t.Zone = z.Name
			t.Lines = append(t.Lines, fmt.Sprintf("%s keeps the zone %s.", a.source.Label(), z.Name))
			t.Lines = append(t.Lines, z.Notes...)
			if seen := a.sees(ctx); seen != "" {
				t.Lines = append(t.Lines, seen)
			}
			t.Lines = append(t.Lines, a.besides(ctx, z)...)
			if z.LeastTTL > defaultTTL {
				t.Lines = append(t.Lines, fmt.Sprintf("It takes no TTL below %d s: a way back takes as long to reach every resolver.", z.LeastTTL))
			}
		} else if z.Name != t.Zone {
			t.Lines = append(t.Lines, fmt.Sprintf("%s lies in a zone of its own, %s.", name, z.Name))
		}
		sets, err := a.at(ctx, z, name)
		if err != nil {
			return t, fmt.Errorf("the zone %s was found, but %s cannot be read: %w", z.Name, name, err)
		}
		if err := a.compare(ctx, z, name, sets); err != nil {
			return t, err
		}
		t.Lines = append(t.Lines, shown(name, sets)...)
		t.Lines = append(t.Lines, fresh(t.Lines, notes(sets))...)
		proof, err := guarded(ctx, a.seat, a.o.Patience, func(ctx context.Context) ([]string, error) {
			return a.source.Prove(ctx, z, name)
		})
		if err != nil {
			return t, err
		}
		t.Lines = append(t.Lines, fresh(t.Lines, proof)...)
	}
	return t, nil
}

// shown says what stands at a name, one line a set.
func shown(name string, sets []RRset) []string {
	var out []string
	for _, s := range sets {
		switch {
		case s.Special != "":
			out = append(out, fmt.Sprintf("%s %s is %s", name, s.Type, s.Special))
		case len(s.Values) > 0:
			out = append(out, fmt.Sprintf("%s %s holds %s.", name, s.Type, inWords(s.Value())))
		}
	}
	if out == nil {
		return []string{name + " holds nothing yet."}
	}
	return out
}

// notes are what is to be known of how the sets were read, each once.
func notes(sets []RRset) []string {
	var out []string
	for _, s := range sets {
		if s.Note != "" {
			out = append(out, fresh(out, []string{s.Note + "."})...)
		}
	}
	return out
}

// fresh are the lines that do not stand in seen yet.
func fresh(seen, lines []string) []string {
	var out []string
	for _, l := range lines {
		known := false
		for _, s := range seen {
			known = known || s == l
		}
		if !known {
			out = append(out, l)
		}
	}
	return out
}
