package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Propose looks at domain and says what would be done next. It changes nothing
// but the kept evidence, and takes no lock.
func (e *Engine) Propose(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	r, err := e.Load(ctx, domain)
	if err != nil {
		return Proposal{}, err
	}
	w, err := e.Accounts.Open(ctx, domain, r.Settings)
	if err != nil {
		return Proposal{}, err
	}
	stored := r.Evidence
	if err := e.look(ctx, &r, w, emit); err != nil {
		return Proposal{}, err
	}
	p, err := e.decide(ctx, r, w)
	p.Since = SinceLook(stored, *r.Evidence)
	return p, err
}

// decide says what is to be done next with a rollout that was just looked at: go
// on with an accepted plan, face drift, correct what an earlier phase lacks, or
// carry out the phase's own plan.
func (e *Engine) decide(ctx context.Context, r Rollout, w Writer) (Proposal, error) {
	now := e.now()
	p := Proposal{Rollout: r, Evidence: *r.Evidence}
	busy, unfinished := r.Unfinished()
	if unfinished && !busy.Outdated && !e.stale(ctx, busy, *r.Evidence, w) {
		p.Plan, p.Resumes = busy.Plan, true
		p.Gate = e.gateFor(r, p.Plan, now)
		return p, nil
	}
	if drift := r.differs(*r.Evidence); len(drift) > 0 && busy.Plan.Purpose != ForStepBack {
		return e.drifted(p, drift, now)
	}
	plan, err := e.planAnew(r, busy, now)
	if err != nil {
		return Proposal{}, err
	}
	if unfinished && plan.Empty() { // nothing is left to be done of it, and it hides nothing more
		return e.decide(ctx, r.givenUp(), w)
	}
	p.Plan = plan.noting(*r.Evidence)
	p.Gate = e.gateFor(r, plan, now)
	return p, nil
}

// gateFor is the gate that plan stands behind: the one that led in where the plan
// enforces or raises, else the one out of the phase, with what speaks against the
// plan itself.
func (e *Engine) gateFor(r Rollout, plan Plan, now time.Time) Gate {
	g := e.gateOut(r, now)
	if r.raises(plan) {
		g = e.gateInto(r, plan, now)
	}
	g.Reasons = append(g.Reasons, r.against(plan, *r.Evidence)...)
	return g.Settle()
}

// drifted offers restore and adopt.
func (e *Engine) drifted(p Proposal, drift []finding.Finding, now time.Time) (Proposal, error) {
	d := &Drift{Findings: drift}
	var err error
	if d.Restore, d.RestoreRefused, err = p.Rollout.Restore(p.Evidence, now); err != nil {
		d.RestoreRefused = err.Error()
	}
	d.Found, d.Adopt, d.AdoptRefused = p.Rollout.adoptNow(p.Evidence, now)
	p.Drift = d
	p.Gate = e.gateOut(p.Rollout, now)
	return p, nil
}

// planAnew is the next plan where busy, if it is one, cannot be resumed: a step
// back that cannot go on as it was shown is made again, before anything else.
func (e *Engine) planAnew(r Rollout, busy AcceptedPlan, now time.Time) (Plan, error) {
	if busy.Plan.Purpose == ForStepBack {
		if p, err := r.StepBack(*r.Evidence, now); err != nil || !p.Empty() {
			return p, err
		}
	}
	return e.planNext(r, now)
}

// planNext is the next plan: a correction of an earlier phase before the phase's
// own. It is empty where nothing is to be done.
func (e *Engine) planNext(r Rollout, now time.Time) (Plan, error) {
	if PublishDNS.Before(r.Phase) {
		if step, ok := e.step(PublishDNS); ok {
			p, err := step.Plan(r, *r.Evidence, now)
			if err != nil {
				return Plan{}, err
			}
			if !p.Empty() {
				p.Purpose, p.Phase = ForCorrection, r.Phase
				return p, p.Validate()
			}
		}
	}
	if p, err := r.Correct(*r.Evidence, now); err != nil || !p.Empty() {
		return p, err
	}
	step, ok := e.step(r.Phase)
	if !ok {
		return Plan{}, nil
	}
	p, err := step.Plan(r, *r.Evidence, now)
	if err != nil {
		return Plan{}, err
	}
	return p, p.Validate()
}

// stale reports whether an accepted plan can no longer be carried out as it was
// shown: an edit finds neither its before nor its after, its writer refused it last,
// for what its place alone need not show, or one that was verified and is still
// needed does not stand any more, nor does a body that an id is to announce. An edit
// that the operator makes is his while it is waited for.
func (e *Engine) stale(ctx context.Context, busy AcceptedPlan, seen Evidence, w Writer) bool {
	body, read := seen.HeldAt(mtasts.PolicyURL(busy.Plan.Domain), "policy")
	for _, edit := range busy.Plan.Edits {
		state := busy.Edits[edit.ID]
		if edit.Body != "" && !state.Settled() && read && !body.Value.SamePolicy(Body(edit.Body)) {
			return true
		}
		needed := busy.needed(edit.ID)
		if state.Settled() && !needed || !state.Settled() && state.Receipt.Outcome == Waiting {
			continue
		}
		held, err := w.Read(ctx, edit)
		read := err == nil && held.Err == ""
		switch {
		case read && edit.madeIn(held.Value):
		case state.refused():
			return true
		case read && (needed || !held.Value.Equal(edit.Before)):
			return true
		}
	}
	return false
}

// needed reports whether the edit was verified and an unsettled one needs it.
func (p AcceptedPlan) needed(id string) bool {
	return !p.Edits[id].Verified.IsZero() && slices.ContainsFunc(p.Plan.Edits, func(e Edit) bool {
		return !p.Edits[e.ID].Settled() && slices.Contains(e.Needs, id)
	})
}

// ProposeStepBack shows the way back to testing. The gate is open always: a step
// back waits for nothing.
func (e *Engine) ProposeStepBack(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	return e.proposeAct(ctx, domain, emit, func(r Rollout, now time.Time) (Plan, error) {
		p, err := r.StepBack(*r.Evidence, now)
		if err == nil && p.Empty() {
			err = fmt.Errorf("step back %s: no sender is told to enforce, so there is nothing to step back from: %w", domain, ErrRefused)
		}
		return p, err
	})
}

// ProposeUndo shows how the newest plan would be undone.
func (e *Engine) ProposeUndo(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	return e.proposeAct(ctx, domain, emit, func(r Rollout, now time.Time) (Plan, error) {
		p, err := r.Undo(*r.Evidence, now)
		if err == nil && p.Empty() {
			err = fmt.Errorf("undo for %s: what the last plan wrote is undone already: %w", domain, ErrRefused)
			if r.laidOut() {
				err = fmt.Errorf("undo for %[1]s: the policy that the last plan made ready is not served, so there is nothing to undo; belay step-back %[1]s gives it up: %[2]w", domain, ErrRefused)
			}
		}
		return p, err
	})
}

// ProposeRestore shows how the last verified state would be put back.
func (e *Engine) ProposeRestore(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	return e.proposeAct(ctx, domain, emit, func(r Rollout, now time.Time) (Plan, error) {
		if len(r.faced(*r.Evidence)) == 0 {
			return Plan{}, fmt.Errorf("restore %s: what stands is what was verified last; there is nothing to restore: %w", domain, ErrRefused)
		}
		p, refused, err := r.Restore(*r.Evidence, now)
		if err == nil && refused != "" {
			err = fmt.Errorf("restore %s: %s: %w", domain, refused, ErrRefused)
		}
		return p, err
	})
}

func (e *Engine) proposeAct(ctx context.Context, domain string, emit Sink, plan func(Rollout, time.Time) (Plan, error)) (Proposal, error) {
	r, err := e.Load(ctx, domain)
	if err != nil {
		return Proposal{}, err
	}
	w, err := e.Accounts.Open(ctx, domain, r.Settings)
	if err != nil {
		return Proposal{}, err
	}
	looked := e.look(ctx, &r, w, emit)
	if looked != nil && r.Evidence == nil {
		return Proposal{}, looked
	}
	p, err := plan(r, e.now())
	switch {
	case err != nil:
		return Proposal{}, errors.Join(err, looked)
	case looked != nil && p.Purpose != ForStepBack:
		return Proposal{}, looked // a cut look tells enough for the emergency exit alone
	}
	g := Gate{Reasons: r.against(p, *r.Evidence)}
	return Proposal{Rollout: r, Evidence: *r.Evidence, Plan: p.noting(*r.Evidence), Gate: g.Settle()}, p.Validate()
}
