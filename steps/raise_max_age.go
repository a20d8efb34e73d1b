package steps

import (
	"fmt"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// RaiseMaxAge is phase 6: max_age is raised one rung at a time, each behind a
// gate of its own, up to the operator's target.
type RaiseMaxAge struct{}

// Phase is rollout.RaiseMaxAge.
func (RaiseMaxAge) Phase() rollout.Phase { return rollout.RaiseMaxAge }

// Plan publishes the rung that the rollout is on its way to; a rung above a target
// that was lowered meanwhile is dropped.
func (RaiseMaxAge) Plan(r rollout.Rollout, seen rollout.Evidence, now time.Time) (rollout.Plan, error) {
	live, _, ok := r.Live()
	if !ok || live.Mode != mtasts.Enforce {
		return rollout.Plan{}, fmt.Errorf("raise max_age of %s: the live policy does not enforce", r.Domain)
	}
	want := live.Policy()
	want.MaxAge = max(want.MaxAge, min(r.Aim, r.Settings.MaxAge))
	return r.Publish(seen, want, rollout.ForPhase, now)
}

// Gate leads into the next rung; behind the last one it is open when the target's
// body and id are live.
func (s RaiseMaxAge) Gate(r rollout.Rollout, now time.Time) rollout.Gate {
	var g rollout.Gate
	if looked(&g, r, now) {
		pending(&g, s, r, now)
	}
	if len(g.Reasons) > 0 {
		return g.Settle()
	}
	if rung, ok := r.Settings.NextRung(r.Rung()); ok {
		return r.RungGate(now, rung)
	}
	return g.Settle()
}
