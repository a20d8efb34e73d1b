package rollout

import (
	"context"
	"fmt"

	"belay/rollout/finding"
)

// settleBegun is what the journal must say before a new plan supersedes an
// unfinished one: edits already begun are settled by reading, the others are
// abandoned, and their ids are never used. What cannot be read holds a new plan up
// unless it must be carried out, as a step back must.
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
		if !state.Intended.IsZero() && state.Receipt.Outcome != Applied && state.Receipt.Outcome != Found {
			held, err := w.Read(ctx, edit)
			receipt := Receipt{EditID: edit.ID, Saw: held.Value, Detail: "settled by reading when a new plan was accepted"}
			switch {
			case err != nil && !must:
				return nil, fmt.Errorf("settle edit %s of plan %s, which was begun: %w", edit.ID, hash, err)
			case err != nil:
				receipt.Outcome, receipt.Detail = Unknown, finding.Clean(err.Error(), 400)
			case held.Err != "":
				receipt.Outcome, receipt.Detail = Unknown, finding.Clean(held.Err, 400)
			case edit.madeIn(held.Value):
				receipt.Outcome = Found
			case held.Value.Equal(edit.Before):
				receipt.Outcome = Failed
			default:
				receipt.Outcome = Refused
			}
			out = append(out, Entry{Kind: Received, PlanHash: hash, Receipt: &receipt})
		}
		out = append(out, Entry{Kind: Abandoned, PlanHash: hash, EditID: edit.ID})
	}
	return out, nil
}
