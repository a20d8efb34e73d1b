package rollout

import (
	"fmt"
	"time"

	"belay/rollout/mtasts"
)

// Fold is the rollout that a journal tells of. It is total over every prefix of
// a journal that an engine wrote; anything else is an error that names the
// entry, for a journal is never guessed at.
func Fold(domain string, journal []Entry) (Rollout, error) {
	r := Rollout{Domain: domain}
	for _, e := range journal {
		if err := r.take(e); err != nil {
			return Rollout{}, fmt.Errorf("journal of %s, entry %d (%s): %w", domain, e.Seq, e.Kind, err)
		}
		r.LastSeq, r.LastAt = e.Seq, e.At
	}
	return r, nil
}

func (r *Rollout) take(e Entry) error {
	if err := e.whole(); err != nil {
		return err
	}
	switch e.Kind {
	case Created:
		r.Settings, r.Created = *e.Settings, e.At
		r.enter(CheckMX, 0, e.At)
	case Set:
		r.outdate(*e.Settings)
		r.Settings = *e.Settings
		r.assume()
	case Adopted:
		r.adopt(e)
	case Accepted:
		r.accept(e)
	case Abandoned, Intended, Received, Seen:
		return r.edit(e)
	case Moved:
		r.enter(e.Phase, e.Aim, e.At)
	case Overrode:
		r.Overrides = append(r.Overrides, r.override(e))
	case Mended:
		r.Mends = append(r.Mends, Mend{At: e.At, Mended: e.MendedAt, Who: e.Who, Reason: e.Reason})
		if serving, ok := r.Serving(); !ok || !e.MendedAt.Before(serving.Live) {
			r.CachedUntil = time.Time{} // purged after the body changed
		}
	case Dismissed:
		r.Dismissals = append(r.Dismissals, Dismissal{At: e.At, Who: e.Who, Key: e.Key, Reason: e.Reason})
	case Trusted:
		r.Trusts = append(r.Trusts, Trust{At: e.At, Who: e.Who, Source: e.Key, Reason: e.Reason})
	case Cached:
		r.CachedUntil = later(r.CachedUntil, e.Wait)
	default:
		return fmt.Errorf("of a kind this belay does not know; use the belay that wrote it")
	}
	return nil
}

func (r *Rollout) enter(p Phase, aim uint32, at time.Time) {
	r.From, r.FromAim, r.FromSince = r.Phase, r.Aim, r.Since
	r.Phase, r.Aim, r.Since = p, aim, at
}

// assume puts the operator's word on what senders may hold from before belay
// into the ledger's assumed entries.
func (r *Rollout) assume() {
	if r.Settings.HeldBefore == nil {
		return
	}
	for i := range r.Ledger {
		if r.Ledger[i].Assumed {
			r.Ledger[i].MaxAge = *r.Settings.HeldBefore
		}
	}
}

func (r *Rollout) adopt(e Entry) {
	for _, found := range e.Ledger {
		if found.Until.IsZero() && !found.Live.IsZero() {
			r.Ledger.close(r.unreachable(e.At)) // it was seen on every address
		}
		r.Ledger = append(r.Ledger, found)
		r.UsedIDs = append(r.UsedIDs, found.IDs...)
	}
	r.Changed = e.At
	r.assume()
	if e.Phase != "" {
		r.enter(e.Phase, e.Aim, e.At)
	}
}

// close ends every entry still open.
func (l Ledger) close(at time.Time) {
	for i := range l {
		if l[i].Until.IsZero() {
			l[i].Until = at
		}
	}
}

func (r *Rollout) accept(e Entry) {
	r.Plans = append(r.Plans, AcceptedPlan{Plan: *e.Plan, hash: e.Plan.Hash(), host: r.Settings.Host.String(), At: e.At, Who: e.Who, Edits: map[string]EditState{}})
	for _, edit := range e.Plan.Edits {
		if edit.PolicyID != "" && !r.UsesID(edit.PolicyID) {
			r.UsedIDs = append(r.UsedIDs, edit.PolicyID)
		}
		// What the edit replaces was told of too, whoever wrote it.
		if record, _, _ := mtasts.ParseRRset(edit.Before.Records); edit.Announces() && record.ID != "" && !r.UsesID(record.ID) {
			r.UsedIDs = append(r.UsedIDs, record.ID)
		}
	}
}

// edit moves one edit of an accepted plan along.
func (r *Rollout) edit(e Entry) error {
	i := len(r.Plans) - 1 // the newest of those that are alike
	for i >= 0 && r.Plans[i].hash != e.PlanHash {
		i--
	}
	if i < 0 {
		return fmt.Errorf("it names plan %s, which was never accepted", e.PlanHash)
	}
	id := e.EditID
	if e.Receipt != nil {
		id = e.Receipt.EditID
	}
	edit, ok := r.Plans[i].Plan.Edit(id)
	if !ok {
		return fmt.Errorf("plan %s has no edit %s", e.PlanHash, id)
	}
	state := r.Plans[i].Edits[id]
	r.Changed = e.At
	switch e.Kind {
	case Abandoned:
		state.Abandoned = true
		r.settled(edit, state, e.At)
	case Intended:
		state.Intended = e.At
		serving, ok := r.Serving()
		if edit.Kind == Policy && edit.After.Exists && !(ok && serving.Hash == Hash(edit.After.Body)) {
			r.Ledger = append(r.Ledger, NewLedgerEntry(edit.After.Body, e.At))
		}
	case Received:
		state.Received, state.Receipt = e.At, *e.Receipt
	case Seen:
		state.Verified, state.Unseen = e.At, e.Unseen
		r.Plans[i].Edits[id] = state
		r.live(edit, r.Plans[i], e.At)
		if e.PolicyID != "" { // its vendor told senders of it
			r.Ledger.announce(e.PolicyID, e.At)
			r.UsedIDs = append(r.UsedIDs, e.PolicyID)
		}
	}
	r.Plans[i].Edits[id] = state
	return nil
}

// settled records what reading showed of an edit that a new plan superseded: a
// body that does not stand there can be fetched no more; an id that does stand
// there was told to senders; an address that does leads them there.
func (r *Rollout) settled(edit Edit, state EditState, at time.Time) {
	stands := state.Receipt.Outcome == Applied || state.Receipt.Outcome == Found
	switch {
	case state.Intended.IsZero() || state.Receipt.Outcome == "":
	case edit.Announces() && edit.After.Exists && stands:
		r.Ledger.announce(edit.PolicyID, at)
	case edit.MovesHost() && stands:
		r.leave(edit, at)
	case edit.Kind == Policy && (state.Receipt.Outcome == Failed || state.Receipt.Outcome == Refused):
		for i := len(r.Ledger) - 1; i >= 0; i-- {
			if e := &r.Ledger[i]; e.Hash == Hash(edit.After.Body) && e.Until.IsZero() && e.Live.IsZero() {
				e.Until = at
				return
			}
		}
	}
}

// live records that an edit of p was verified from outside. The bodies before its own
// are closed by what shows that no sender is led to them any more: a body that answers
// where the name leads, an id, for that follows such a body, or all edits of a plan
// that puts its body elsewhere first and moves the name there.
func (r *Rollout) live(edit Edit, p AcceptedPlan, at time.Time) {
	switch {
	case edit.Kind == Policy:
		if body := r.Ledger.serve(edit.After.Body, at); len(edit.At) == 0 {
			r.Ledger.closeBut(body, r.unreachable(at))
		}
	case edit.Announces() && edit.After.Exists:
		r.Ledger.closeBut(r.Ledger.announce(edit.PolicyID, at), r.unreachable(at))
		r.Reannounce = time.Time{}
		if wait := r.idWait(); p.Plan.Purpose == ForStepBack && wait.After(at) {
			r.Reannounce = wait
		}
	case edit.MovesHost():
		r.leave(edit, at)
		if body, moved := p.movedTo(); moved {
			r.Ledger.closeBut(r.Ledger.serve(body, at), r.unreachable(at))
		}
	}
}

// leave records that an edit which moves the policy host took an address away at
// at: resolvers may answer it until its TTL has run out.
func (r *Rollout) leave(edit Edit, at time.Time) {
	if edit.Before.Exists {
		r.HostMoved = later(r.HostMoved, at.Add(time.Duration(edit.BeforeTTL)*time.Second))
	}
}

// unreachable is when nobody is led any more to what another body took the place of
// at: until an old address of the policy host has run out too.
func (r *Rollout) unreachable(at time.Time) time.Time { return later(at, r.HostMoved) }

// movedTo is the body that p puts where its other edits move the policy host, once
// all of them are verified.
func (p AcceptedPlan) movedTo() (body string, moved bool) {
	for _, e := range p.Plan.Edits {
		puts := e.Kind == Policy && len(e.At) > 0
		if puts {
			body, moved = e.After.Body, true
		}
		if (puts || e.MovesHost()) && p.Edits[e.ID].Verified.IsZero() {
			return "", false
		}
	}
	return body, moved
}

// serve marks the newest entry of body live and returns its index, or -1.
func (l Ledger) serve(body string, at time.Time) int {
	hash := Hash(body)
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].Hash == hash && l[i].Until.IsZero() {
			if l[i].Live.IsZero() {
				l[i].Live = at
			}
			return i
		}
	}
	return -1
}

// closeBut ends every entry still open but that at i; none where i is -1.
func (l Ledger) closeBut(i int, at time.Time) {
	if i >= 0 {
		l[:i].close(at)
		l[i+1:].close(at)
	}
}

// announce records that the body now served is told of under id, and returns the
// index of its entry, or -1.
func (l Ledger) announce(id string, at time.Time) int {
	for i := len(l) - 1; i >= 0; i-- {
		if !l[i].Live.IsZero() && l[i].Until.IsZero() {
			l[i].IDs = append(l[i].IDs, id)
			if l[i].Announced.IsZero() {
				l[i].Announced = at
			}
			return i
		}
	}
	return -1
}

// idWait is the moment until which no new id is announced (promise 1): old
// addresses of the policy host and shared caches have run out by then.
func (r Rollout) idWait() time.Time { return later(r.HostMoved, r.CachedUntil) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
