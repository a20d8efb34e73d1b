package rollout

import (
	"context"
	"fmt"
)

// SeeWaiting looks once at the edits that the operator is to make by hand now, and
// says what they still wait for: who answers something else, and what was
// mistyped. It takes no lock and writes nothing; a walk settles what is seen. The
// gate is open where every one of them is live, and where none is waited for.
func (e *Engine) SeeWaiting(ctx context.Context, domain string, emit Sink) (Gate, error) {
	r, err := e.Load(ctx, domain)
	if err != nil {
		return Gate{}, err
	}
	busy, ok := r.Unfinished()
	if !ok {
		return Gate{Open: true}, nil
	}
	looking, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	watching := &walk{engine: e, r: &r, emit: emit, plan: busy.Plan}
	var held Gate
	for _, edit := range watching.ready(busy) {
		if !edit.ByHand() || busy.Edits[edit.ID].Receipt.Outcome != Waiting {
			continue
		}
		emit.Emit(Event{Kind: Verifying, Subject: edit.Name, Edit: &edit})
		live, sightings, err := watching.see(looking, edit)
		if err != nil {
			return Gate{}, fmt.Errorf("look whether %s %s is made: %w", edit.Name, edit.Type, err)
		}
		if !live {
			held.Reasons = append(held.Reasons, mistaken(notLive(edit, sightings), edit, watching.found).Reasons...)
		}
	}
	return held.Settle(), nil
}
