package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"belay/rollout/finding"
)

// settleBegun is what the journal must say before a new plan supersedes an
// unfinished one: edits already begun are settled by reading, the others are
// abandoned, and their ids are never used. What cannot be read holds a new plan up
// unless it must be carried out, as a step back must, or the settings have left the
// account: it may be gone for good, and be left for that.
func (e *Engine) settleBegun(ctx context.Context, r *Rollout, w Writer, must bool) ([]Entry, error) {
	busy, ok := r.Unfinished()
	if !ok {
		return nil, nil
	}
	hash := busy.Plan.Hash()
	var out []Entry
	for _, edit := range busy.Plan.Edits {
		state := busy.Edits[edit.ID]
		if state.Settled() {
			continue
		}
		if !state.Intended.IsZero() && !state.Receipt.took() {
			held, err := w.Read(ctx, edit)
			if err != nil && !must && r.Settings.keep(edit) {
				return nil, fmt.Errorf("settle edit %s of plan %s, which was begun: %w", edit.ID, hash, err)
			}
			receipt := edit.settledBy(held, err)
			if receipt.Outcome != Unknown || !state.unwritten() { // else its writer knew better
				out = append(out, Entry{Kind: Received, PlanHash: hash, Receipt: &receipt})
			}
		}
		out = append(out, Entry{Kind: Abandoned, PlanHash: hash, EditID: edit.ID})
	}
	return out, nil
}

// settledBy is the receipt of an edit that was begun, by what reading its place showed.
func (e Edit) settledBy(held Held, err error) Receipt {
	receipt := Receipt{EditID: e.ID, Saw: held.Value, Detail: "settled by reading when its plan was given up"}
	switch {
	case err != nil:
		receipt.Outcome, receipt.Detail = Unknown, finding.Clean(err.Error(), 400)
	case held.Err != "":
		receipt.Outcome, receipt.Detail = Unknown, finding.Clean(held.Err, 400)
	case e.madeIn(held.Value):
		receipt.Outcome = Found
	case held.Value.Equal(e.Before):
		receipt.Outcome = Failed
	default:
		receipt.Outcome = Refused
	}
	return receipt
}

// keep reports whether s still names the account through which e is made.
func (s Settings) keep(e Edit) bool {
	if e.Kind == Record {
		return e.Account == s.DNS.String()
	}
	return e.Account == s.Host.String()
}

// giveUp settles an unfinished plan of which nothing is left to be done, looks again
// and decides anew. Kept on, it would hold every gate shut for ever.
func (e *Engine) giveUp(ctx context.Context, r *Rollout, w Writer, emit Sink) (Proposal, error) {
	entries, err := e.settleBegun(ctx, r, w, false)
	if err != nil {
		return Proposal{}, err
	}
	if err := e.append(ctx, r, entries...); err != nil {
		return Proposal{}, err
	}
	if err := e.look(ctx, r, w, emit); err != nil {
		return Proposal{}, err
	}
	return e.decide(ctx, *r, w)
}

// givenUp is r as it stands once what is left of its unfinished plan is given up.
func (r Rollout) givenUp() Rollout {
	r.Plans = slices.Clone(r.Plans)
	last := &r.Plans[len(r.Plans)-1]
	last.Edits = maps.Clone(last.Edits)
	for _, edit := range last.Plan.Edits {
		if state := last.Edits[edit.ID]; !state.Settled() {
			state.Abandoned = true
			last.Edits[edit.ID] = state
		}
	}
	return r
}
