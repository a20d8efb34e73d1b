package rollout

import (
	"fmt"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// A policy in mode enforce may have been made ready and not be served: a folder of
// static pages holds it and nobody published that yet, an operator was shown it, a
// write was cut short. Its plan waits and would go on the moment the policy is seen, so
// an operator who steps back then has something to step back from.

// Enforces reports whether senders are told to enforce, or would be the moment that a
// policy which was made ready is served: whether there is anything to step back from.
func (r Rollout) Enforces() bool { return r.Mode() == mtasts.Enforce || r.laidOut() }

// laidOut reports whether a policy in mode enforce was made ready that was never seen
// served, while senders are told of a milder one.
func (r Rollout) laidOut() bool {
	serving, ok := r.Serving()
	return ok && serving.Mode == mtasts.Enforce && serving.Live.IsZero() && !serving.Foreign && !serving.Assumed && r.Mode() == mtasts.Testing
}

// withdraw plans to give such a policy up. The one that senders know is announced under
// a new id, which calls back whoever did meet the other for a moment, and the plan that
// waits is superseded by this one.
func (r Rollout) withdraw(seen Evidence, now time.Time) (Plan, error) {
	p, err := r.announceAnew(seen, ForStepBack, now)
	if err != nil || p.Empty() {
		return p, err
	}
	live, _, _ := r.Live()
	switch h := r.Settings.Host; {
	case !(Edit{Account: h.String()}).ByHand():
	case h.Place != "":
		p.Notes = append(p.Notes, finding.Clean(fmt.Sprintf(
			"%[1]s still holds the policy in mode enforce, which nobody published: do not publish it as it is. Put the policy in mode %[2]s into %[1]s/.well-known/mta-sts.txt first; belay export %[3]s --policy prints it",
			h.Place, live.Mode, r.Domain), 1000))
	default:
		p.Notes = append(p.Notes, fmt.Sprintf(
			"do not put up the policy in mode enforce that you were shown: the one in mode %s stays where it is, and belay export %s --policy prints it", live.Mode, r.Domain))
	}
	return p, nil
}
