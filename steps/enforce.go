package steps

import (
	"fmt"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// Enforce is phase 5: the mode alone changes, at a max_age of a day, so that the
// way back is a day long at most.
type Enforce struct{}

// Phase is rollout.Enforce.
func (Enforce) Phase() rollout.Phase { return rollout.Enforce }

// Plan turns the live policy to enforce. It refuses a max_age above a day:
// corrections lower it first.
func (Enforce) Plan(r rollout.Rollout, seen rollout.Evidence, now time.Time) (rollout.Plan, error) {
	live, _, ok := r.Live()
	if !ok || live.Mode == mtasts.None {
		return rollout.Plan{}, fmt.Errorf("enforce %s: no policy in testing is live", r.Domain)
	}
	want := live.Policy()
	if live.Mode == mtasts.Testing {
		if want.MaxAge > rollout.TestingMaxAge {
			return rollout.Plan{}, fmt.Errorf("enforce %s: max_age is %d; it is lowered to %d before the mode changes", r.Domain, want.MaxAge, rollout.TestingMaxAge)
		}
		want.Mode = mtasts.Enforce
	}
	return r.Publish(seen, want, rollout.ForPhase, now)
}

// Gate is gate 5, which is also the gate into the first rung.
func (s Enforce) Gate(r rollout.Rollout, now time.Time) rollout.Gate {
	var g rollout.Gate
	if looked(&g, r, now) {
		pending(&g, s, r, now)
	}
	// The first rung's gate is this one too.
	clean := r.SoakGate(now, r.Settings.Soak.Enforce, "under enforce")
	if rung, ok := r.Settings.NextRung(r.Rung()); ok {
		clean = r.RungGate(now, rung)
	}
	clean.Reasons = append(g.Reasons, clean.Reasons...)
	return clean.Settle()
}
