package rollout

import (
	"fmt"
	"slices"
	"time"

	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// Undo plans the way back from the newest plan that changed anything. An address
// or _smtp._tls edit is undone by its inverse; a body or id never is: undo
// publishes the earlier policy anew, under a new id. It refuses what a sender
// that holds a policy could not bear: taking away the host's address, turning the
// mode to enforce, raising max_age.
func (r Rollout) Undo(seen Evidence, now time.Time) (Plan, error) {
	last, ok := r.lastWalked()
	if !ok {
		return Plan{}, fmt.Errorf("undo for %s: belay has changed nothing: %w", r.Domain, ErrRefused)
	}
	b := r.newPlan(ForUndo, now)
	forward := false
	for _, e := range slices.Backward(last.Plan.Edits) {
		if last.Edits[e.ID].Intended.IsZero() {
			continue
		}
		if e.Kind == Policy || e.Name == mtasts.RecordName(r.Domain) {
			forward = true
			continue
		}
		if err := b.inverse(seen, e, now); err != nil {
			return Plan{}, err
		}
	}
	if forward {
		want, err := r.earlier()
		if err != nil {
			return Plan{}, err
		}
		b.plan.Rung = want.MaxAge
		if err := b.publish(seen, want, false); err != nil {
			return Plan{}, err
		}
	}
	return b.plan, nil
}

// lastWalked is the newest plan of which at least one edit was begun.
func (r Rollout) lastWalked() (AcceptedPlan, bool) {
	for _, p := range slices.Backward(r.Plans) {
		for _, state := range p.Edits {
			if !state.Intended.IsZero() && state.Receipt.Outcome != Refused && state.Receipt.Outcome != Failed {
				return p, true
			}
		}
	}
	return AcceptedPlan{}, false
}

// inverse adds the inverse of an address or _smtp._tls edit, where what it wrote
// still stands.
func (b *builder) inverse(seen Evidence, e Edit, now time.Time) error {
	held, ok := seen.HeldAt(e.Name, e.Type)
	if !ok {
		return notRead(seen, e.Name, e.Type)
	}
	switch {
	case held.Value.Equal(e.Before):
		return nil
	case !held.Value.Equal(e.After):
		return fmt.Errorf("undo %s %s: belay wrote %s, and %s stands there now; somebody else changed it since: %w",
			e.Name, e.Type, e.After, held.Value, ErrRefused)
	case e.MovesHost() && !e.Before.Exists && b.r.Ledger.HeldUntil(now).After(now):
		return fmt.Errorf("undo %s %s: senders may hold a policy until %s and fetch it from this host: %w",
			e.Name, e.Type, b.r.Ledger.HeldUntil(now).Format(time.RFC3339), ErrRefused)
	}
	why := "put back what stood here"
	if e.Name == tlsrpt.RecordName(b.r.Domain) && !e.Before.Exists {
		why = "take away the report record that was added"
	}
	b.add(Edit{
		Kind: Record, Account: e.Account, Zone: held.Zone, Name: e.Name, Type: e.Type,
		Before: held.Value, After: e.Before, TTL: ttlOf(held), BeforeTTL: held.TTL, Why: why,
	})
	return nil
}

// earlier is the policy that was announced before the one announced now.
func (r Rollout) earlier() (mtasts.Policy, error) {
	var told []LedgerEntry
	for _, e := range r.Ledger {
		if !e.Announced.IsZero() {
			told = append(told, e)
		}
	}
	if len(told) < 2 {
		return mtasts.Policy{}, fmt.Errorf("undo for %s: no earlier policy was announced; a first publication is not undone, since senders may hold it: %w", r.Domain, ErrRefused)
	}
	now, before := told[len(told)-1].Policy(), told[len(told)-2].Policy()
	switch {
	case before.Mode == mtasts.Enforce && now.Mode != mtasts.Enforce:
		return mtasts.Policy{}, fmt.Errorf("undo for %s: it would turn the mode to enforce; that way leads through the gates: %w", r.Domain, ErrRefused)
	case before.MaxAge > now.MaxAge:
		return mtasts.Policy{}, fmt.Errorf("undo for %s: it would raise max_age from %d to %d; that way leads through the gates: %w", r.Domain, now.MaxAge, before.MaxAge, ErrRefused)
	}
	return before, nil
}
