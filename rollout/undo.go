package rollout

import (
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Undo plans the way back from the newest plan that changed anything. An address
// or _smtp._tls edit is undone by its inverse; a body or id never is: undo
// publishes the earlier policy anew, under a new id. It refuses what a sender
// that holds a policy could not bear: taking away the host's address, turning the
// mode to enforce, raising max_age. A body that was copied to another place under
// the same id is left there.
func (r Rollout) Undo(seen Evidence, now time.Time) (Plan, error) {
	last, ok := r.lastWalked()
	if !ok {
		return Plan{}, fmt.Errorf("undo for %s: belay has changed nothing: %w", r.Domain, ErrRefused)
	}
	b := r.newPlan(ForUndo, now)
	if err := b.inverses(seen, last, now); err != nil {
		return Plan{}, err
	}
	if len(b.plan.Edits) > 0 {
		b.plan.Notes = append(b.plan.Notes, "the settings still ask for what this undoes, so belay next would make it again; belay set changes them")
	}
	if last.publishes() {
		want, err := r.earlier(last)
		if err != nil {
			return Plan{}, err
		}
		b.plan.Rung = want.MaxAge
		if err := b.publish(seen, want, false); err != nil {
			return Plan{}, err
		}
	}
	if e, ok := last.inDoubt(); ok && b.plan.Empty() {
		return Plan{}, fmt.Errorf("undo for %s: it is not known whether %s %s was written, and it may come yet; belay next looks again and settles it first: %w", r.Domain, e.Name, e.Type, ErrRefused)
	}
	return b.plan, nil
}

// inDoubt is an edit of p of which nobody knows whether it was carried out.
func (p AcceptedPlan) inDoubt() (Edit, bool) {
	for _, e := range p.Plan.Edits {
		if p.Edits[e.ID].inDoubt() {
			return e, true
		}
	}
	return Edit{}, false
}

// publishes reports whether p began to tell senders of a policy.
func (p AcceptedPlan) publishes() bool {
	return slices.ContainsFunc(p.Plan.Edits, func(e Edit) bool { return e.Announces() || e.TellsItself() }) && slices.ContainsFunc(p.Plan.Edits, func(e Edit) bool {
		return (e.Kind == Policy || e.Announces()) && !p.Edits[e.ID].Intended.IsZero()
	})
}

// inverses adds the inverses of p's address and _smtp._tls edits, the last first,
// each after those of the edits that needed it. What was refused belay did not write.
func (b *builder) inverses(seen Evidence, p AcceptedPlan, now time.Time) error {
	inverse := map[string]string{} // edit id to its inverse's
	for _, e := range slices.Backward(p.Plan.Edits) {
		state := p.Edits[e.ID]
		if state.Intended.IsZero() || state.Receipt.Outcome == Refused || e.Kind != Record || e.Name == mtasts.RecordName(b.r.Domain) {
			continue
		}
		var needs []string
		for _, other := range p.Plan.Edits {
			if slices.Contains(other.Needs, e.ID) && inverse[other.ID] != "" {
				needs = append(needs, inverse[other.ID])
			}
		}
		id, err := b.inverse(seen, e, needs)
		if err != nil {
			return err
		}
		inverse[e.ID] = id
	}
	moves := slices.ContainsFunc(b.plan.Edits, Edit.MovesHost)
	at, kept := b.plan.hostAfter(&seen)
	if hold := b.r.Ledger.HeldUntil(now); moves && len(at) == 0 && !kept && hold.After(now) {
		return fmt.Errorf("undo %s: it would take the host's address away, and senders may hold a policy until %s and fetch it from this host: %w",
			mtasts.PolicyHost(b.r.Domain), stamp(hold), ErrRefused)
	}
	return nil
}

// lastWalked is the newest plan of which at least one edit was begun.
func (r Rollout) lastWalked() (AcceptedPlan, bool) {
	for _, p := range slices.Backward(r.Plans) {
		for _, state := range p.Edits {
			if !state.Intended.IsZero() && !state.unwritten() {
				return p, true
			}
		}
	}
	return AcceptedPlan{}, false
}

// inverse adds the inverse of an address or _smtp._tls edit, where what it wrote
// still stands, and returns its id or "".
func (b *builder) inverse(seen Evidence, e Edit, needs []string) (string, error) {
	held, ok := seen.HeldAt(e.Name, e.Type)
	switch {
	case !ok:
		return "", notRead(seen, e.Name, e.Type)
	case held.Value.Equal(e.Before):
		return "", nil
	case !held.Value.Equal(e.After):
		return "", fmt.Errorf("undo %s %s: belay wrote %s, and %s stands there now; somebody else changed it since: %w",
			e.Name, e.Type, e.After, finding.Quote(held.Value.String(), 200), ErrRefused)
	}
	why := "put back what stood here"
	if !e.Before.Exists {
		why = "take away what was added here"
	}
	ttl := ttlOf(held)
	if !held.Value.Exists && e.BeforeTTL > 0 {
		ttl = e.BeforeTTL
	}
	return b.add(Edit{
		Kind: Record, Account: e.Account, Zone: held.Zone, Name: e.Name, Type: e.Type,
		Before: held.Value, After: e.Before, TTL: ttl, BeforeTTL: beforeTTL(held, seen), Needs: needs, Why: why,
	}), nil
}

// earlier is the policy to go back to: the one announced now where last did not
// come to its id, else the one announced before it.
func (r Rollout) earlier(last AcceptedPlan) (mtasts.Policy, error) {
	var told []LedgerEntry
	for _, e := range r.Ledger {
		if !e.Announced.IsZero() {
			told = append(told, e)
		}
	}
	present, ok := r.Serving()
	if live, _, announced := r.Live(); !ok && announced {
		present = live
	}
	if last.announced() && len(told) > 0 {
		present, told = told[len(told)-1], told[:len(told)-1]
	}
	if len(told) == 0 {
		return mtasts.Policy{}, fmt.Errorf("undo for %s: no earlier policy was announced; a first publication is not undone, since senders may hold it: %w", r.Domain, ErrRefused)
	}
	now, before := present.Policy(), told[len(told)-1].Policy()
	switch {
	case before.Mode == mtasts.Enforce && now.Mode != mtasts.Enforce:
		return mtasts.Policy{}, fmt.Errorf("undo for %s: it would turn the mode to enforce; that way leads through the gates: %w", r.Domain, ErrRefused)
	case before.MaxAge > now.MaxAge:
		return mtasts.Policy{}, fmt.Errorf("undo for %s: it would raise max_age from %d to %d; that way leads through the gates: %w", r.Domain, now.MaxAge, before.MaxAge, ErrRefused)
	}
	return before, nil
}

// announced reports whether the id of p was verified at every server.
func (p AcceptedPlan) announced() bool {
	return slices.ContainsFunc(p.Plan.Edits, func(e Edit) bool { return (e.Announces() || e.TellsItself()) && !p.Edits[e.ID].Verified.IsZero() })
}
