package rollout

import (
	"slices"
	"strings"
	"time"

	"belay/rollout/mtasts"
)

// Testing is the policy to publish first: the operator's MX patterns or the MX
// names found, for a day.
func (r Rollout) Testing(seen Evidence) mtasts.Policy {
	patterns := r.Settings.MX
	if len(patterns) == 0 {
		patterns = seen.MXNames()
	}
	return mtasts.Policy{Version: mtasts.Version, Mode: mtasts.Testing, MaxAge: TestingMaxAge, MX: slices.Clone(patterns)}
}

// Correct plans the next correction of the live policy, or an empty plan: first
// the MX list where settings and policy differ, then, in testing, max_age down to
// a day; then a new id where one is due. The mode stays.
func (r Rollout) Correct(seen Evidence, now time.Time) (Plan, error) {
	live, _, ok := r.Live()
	if !ok || live.Mode == mtasts.None {
		return Plan{}, nil
	}
	want := live.Policy()
	switch {
	case len(r.Settings.MX) > 0 && !samePatterns(r.Settings.MX, want.MX):
		want.MX = slices.Clone(r.Settings.MX)
	case want.Mode == mtasts.Testing && want.MaxAge > TestingMaxAge:
		want.MaxAge = TestingMaxAge
	case !r.Reannounce.IsZero() && !now.Before(r.Reannounce), r.toldTwice():
		return r.announceAnew(seen, ForReannounce, now)
	default:
		return Plan{}, nil
	}
	return r.Publish(seen, want, ForCorrection, now)
}

// toldTwice reports whether the live policy's id was announced with another one
// before, as after somebody changed the body alone and that was adopted: a sender
// that holds the id would not fetch it.
func (r Rollout) toldTwice() bool {
	live, id, ok := r.Live()
	return ok && slices.ContainsFunc(r.Ledger, func(e LedgerEntry) bool {
		return slices.Contains(e.IDs, id) && !e.Policy().Equal(live.Policy())
	})
}

// StepBack plans the emergency exit: the policy in testing, at most a day, under
// a new id. It is empty where no sender can fetch or be told of enforce. Where the
// settings name another policy host than the one that DNS points at, as an
// operator sets them whose host is gone, the plan moves there on the way: the
// policy first, then the name, then the id. Where enforce was only made ready, the
// policy that senders know is announced anew.
func (r Rollout) StepBack(seen Evidence, now time.Time) (Plan, error) {
	want, ok := r.enforced(seen)
	if !ok {
		return Plan{}, nil
	}
	want.Mode, want.MaxAge = mtasts.Testing, min(want.MaxAge, TestingMaxAge)
	b := r.newPlan(ForStepBack, now)
	b.plan.Rung = want.MaxAge
	if err := b.publishWhereSet(seen, want); err != nil {
		return Plan{}, err
	}
	if b.plan.Empty() && r.laidOut() {
		return r.withdraw(seen, now)
	}
	return b.plan, nil
}

// enforced is the policy in mode enforce that senders can fetch or were told of:
// the one served now, else the one announced, else somebody else's that the look
// saw.
func (r Rollout) enforced(seen Evidence) (mtasts.Policy, bool) {
	if serving, ok := r.Serving(); ok && serving.Mode == mtasts.Enforce && !serving.Assumed {
		return serving.Policy(), true
	}
	if live, _, ok := r.Live(); ok && live.Mode == mtasts.Enforce {
		return live.Policy(), true
	}
	return seen.Policy.Policy, seen.Policy.Valid && seen.Policy.Policy.Mode == mtasts.Enforce
}

// Uncovered are the MX hosts that no pattern of p matches: senders that enforce
// would refuse them.
func Uncovered(p mtasts.Policy, hosts []string) []string {
	var out []string
	for _, h := range hosts {
		if _, ok := p.Matches(h); !ok {
			out = append(out, h)
		}
	}
	return out
}

func samePatterns(a, b []string) bool {
	return slices.Equal(folded(a), folded(b))
}

func folded(patterns []string) []string {
	out := make([]string, 0, len(patterns))
	for _, p := range patterns {
		out = append(out, strings.ToLower(strings.TrimSuffix(p, ".")))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
