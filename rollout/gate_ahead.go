package rollout

import (
	"slices"
	"time"
)

// ahead has g, the gate of r's phase, name the edits that are really to be made next.
// Where a plan of another kind was begun, or a correction of an earlier phase stands
// before the phase's own plan, as after an undo, the gate waits for its edits and not
// yet for the phase's.
func (e *Engine) ahead(r Rollout, g Gate, now time.Time) Gate {
	edits := e.otherEdits(r, now)
	if len(edits) == 0 {
		return g
	}
	out := g // what it made of the reports stands
	out.Reasons = nil
	for _, edit := range edits {
		out.Close(edit.NotLiveYet())
	}
	for _, reason := range g.Reasons {
		if reason.Code != ReasonEdits {
			out.Close(reason)
		}
	}
	return out.Settle()
}

// otherEdits are those to be made next where they are not the phase's own.
func (e *Engine) otherEdits(r Rollout, now time.Time) []Edit {
	busy, unfinished := r.Unfinished()
	switch {
	case r.Evidence == nil:
		return nil
	case unfinished && !busy.Outdated && busy.Plan.Purpose != ForPhase:
		return slices.DeleteFunc(slices.Clone(busy.Plan.Edits), func(edit Edit) bool { return busy.Edits[edit.ID].Settled() })
	case unfinished, len(r.Drifted(*r.Evidence)) > 0:
		return nil
	}
	plan, err := e.planNext(r, now)
	if err != nil || plan.Purpose != ForCorrection {
		return nil // where it cannot be made, the phase's own gate says why
	}
	return plan.Edits
}

// NotLiveYet is the reason why a gate is closed that waits for an edit of a plan which
// is not carried out.
func (e Edit) NotLiveYet() Reason {
	fix := "belay next carries the plan out"
	if e.ByHand() {
		fix = e.HandFix()
	}
	return Reason{Code: ReasonEdits, Subject: e.Name + " " + e.Type, Text: e.Why + ": not live yet", Fix: fix, Final: true}
}
