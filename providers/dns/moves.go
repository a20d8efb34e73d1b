package dns

import (
	"context"
	"fmt"
	"slices"

	"belay/rollout/finding"
)

// stored is one record as a provider keeps it that knows no RRsets.
type stored struct {
	id    string
	value string
	ttl   uint32
}

// moves are the steps from the records that stand to those wanted, where a
// provider changes one record at a time. They are made in this order: rewrite in
// place, create, delete. So a set that holds something and shall hold something is
// at no moment empty, and one value that makes room for one is never beside it.
type moves struct {
	rewrite []rewriting
	create  []string
	remove  []stored
}

// rewriting gives the record from another value, or another TTL, or both.
type rewriting struct {
	from stored
	to   string
}

// movesTo compares what stands with want, whose TTL is already one that the
// provider takes. A record that is wanted keeps its place; its TTL follows, for the
// records of a set have one TTL (RFC 2181 section 5.2). A value that stands twice
// is wanted once.
func movesTo(stands []stored, want RRset) moves {
	var m moves
	var free []stored
	kept := map[string]bool{}
	for _, s := range stands {
		switch {
		case kept[s.value] || !slices.Contains(want.Values, s.value):
			free = append(free, s)
			continue
		case s.ttl != want.TTL:
			m.rewrite = append(m.rewrite, rewriting{from: s, to: s.value})
		}
		kept[s.value] = true
	}
	for _, v := range want.Values {
		switch {
		case kept[v]:
		case len(free) > 0:
			m.rewrite = append(m.rewrite, rewriting{from: free[0], to: v})
			free = free[1:]
		default:
			m.create = append(m.create, v)
		}
		kept[v] = true
	}
	m.remove = free
	return m
}

// A recorder changes one record at a time, by the provider's id of it.
type recorder interface {
	create(ctx context.Context, z Zone, want RRset, value string) error
	rewrite(ctx context.Context, z Zone, want RRset, id, value string) error
	remove(ctx context.Context, z Zone, id string) error
}

// carryOut makes the moves and stops at the first that fails.
func (m moves) carryOut(ctx context.Context, r recorder, z Zone, want RRset) error {
	for _, c := range m.rewrite {
		if err := r.rewrite(ctx, z, want, c.from.id, c.to); err != nil {
			return fmt.Errorf("change the record %s: %w", finding.Quote(c.from.value, 100), err)
		}
	}
	for _, v := range m.create {
		if err := r.create(ctx, z, want, v); err != nil {
			return fmt.Errorf("write the record %s: %w", finding.Quote(v, 100), err)
		}
	}
	for _, s := range m.remove {
		if err := r.remove(ctx, z, s.id); err != nil {
			return fmt.Errorf("delete the record %s: %w", finding.Quote(s.value, 100), err)
		}
	}
	return nil
}
