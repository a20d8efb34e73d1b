package steps

import (
	"time"

	"belay/rollout"
)

// ReviewReports is phase 4: the policy stands in testing, reporters write what
// they met, and belay's own looks are repeated. It plans nothing of its own;
// corrections come before every phase's plan.
type ReviewReports struct{}

// Phase is rollout.ReviewReports.
func (ReviewReports) Phase() rollout.Phase { return rollout.ReviewReports }

// Plan is empty.
func (ReviewReports) Plan(rollout.Rollout, rollout.Evidence, time.Time) (rollout.Plan, error) {
	return rollout.Plan{}, nil
}

// Gate is gate 4: own checks clean, and the domain clean for long enough by the
// word of known reporters, or for longer without them.
func (ReviewReports) Gate(r rollout.Rollout, now time.Time) rollout.Gate { return r.ReviewGate(now) }
