package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
)

// HostServe is the kind of policy host that belay is itself: its own HTTPS server,
// which answers with what stands in the store.
const HostServe = "serve"

// Served is where the bodies stand that belay's own server answers with, one a
// policy domain. It stands beside Store, in the same place, so that a body and the
// intent to write it cannot part.
type Served interface {
	// Served is the body that stands for domain; Absent where none does.
	Served(ctx context.Context, domain string) (Value, error)
	// Serve puts after in place of before, byte for byte, in one durable commit, and
	// returns what stands then. Where something else stands it fails with an error
	// that wraps ErrStale; where the journal does not bear it (Rollout.MayServe),
	// with one that wraps ErrRefused. In both cases nothing is written and the value
	// is what stood. at is when the body is written.
	Serve(ctx context.Context, domain string, before, after Value, at time.Time) (Value, error)
	// Servers are the servers that run on this store on this machine, as they
	// described themselves, sorted; none where none runs.
	Servers(ctx context.Context) ([]string, error)
}

// ServedHost is what belay's own server is to know of one policy domain.
type ServedHost struct {
	Domain string
	// Wanted is whether the rollout's settings name the host serve. The policy host
	// is then known, and gets its certificate, before there is a body.
	Wanted bool
	// Body is what the server answers with; Absent before the first one and after the
	// last was taken away.
	Body Value
	// Since is when Body was written; zero where nothing ever was.
	Since time.Time
}

// Known reports whether the policy host is one that the server answers as.
func (h ServedHost) Known() bool { return h.Wanted || h.Body.Exists }

// ServedChanges is what changed of the served hosts since they were read before.
type ServedChanges struct {
	// Whole is set where Hosts are all there are, because nothing was read before or
	// the store is another one now.
	Whole bool
	Hosts []ServedHost
}

// MayServe refuses, with an error that wraps ErrRefused, what belay's own server
// must not be made to answer with: a body that no entry of the ledger holds open
// (an entry opens with the journaled intent), and to take a body away without such
// an intent.
func (r Rollout) MayServe(after Value) error {
	if !after.Exists {
		if r.intendsNothingServed() {
			return nil
		}
		return fmt.Errorf("take the policy of %s away: no intent of its journal says so: %w", r.Domain, ErrRefused)
	}
	open := func(e LedgerEntry) bool {
		return e.Hash == Hash(after.Body) && e.Body == after.Body && e.Until.IsZero() && !e.Assumed
	}
	if after.Records != nil || !slices.ContainsFunc(r.Ledger, open) {
		return fmt.Errorf("serve %s for %s: the ledger holds no such body open, and only what it holds is ever served: %w",
			finding.Quote(after.String(), 200), r.Domain, ErrRefused)
	}
	return nil
}

// intendsNothingServed reports whether an unsettled intent takes the body away.
func (r Rollout) intendsNothingServed() bool {
	busy, ok := r.Unfinished()
	return ok && slices.ContainsFunc(busy.Plan.Edits, func(e Edit) bool {
		state := busy.Edits[e.ID]
		return e.Kind == Policy && e.Account == HostServe && !e.After.Exists && !state.Intended.IsZero() && !state.Settled()
	})
}
