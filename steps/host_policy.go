package steps

import (
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// HostPolicy is phase 3: the policy body in testing mode, verified from outside
// on every address, and only then the _mta-sts record that announces it.
type HostPolicy struct{}

// Phase is rollout.HostPolicy.
func (HostPolicy) Phase() rollout.Phase { return rollout.HostPolicy }

// Plan is body, verify, id, verify; empty when senders are told of the policy.
func (HostPolicy) Plan(r rollout.Rollout, seen rollout.Evidence, now time.Time) (rollout.Plan, error) {
	want := r.Testing(seen)
	if live, _, ok := r.Live(); ok && live.Mode != mtasts.None {
		want = live.Policy()
	}
	return r.Publish(seen, want, rollout.ForPhase, now)
}

// Gate is open when body and id are live.
func (s HostPolicy) Gate(r rollout.Rollout, now time.Time) rollout.Gate {
	var g rollout.Gate
	if looked(&g, r, now) {
		pending(&g, s, r, now)
	}
	return g.Settle()
}
