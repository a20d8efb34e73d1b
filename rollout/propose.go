package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
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
	if err := e.look(ctx, &r, w, emit); err != nil {
		return Proposal{}, err
	}
	return e.decide(ctx, r, w)
}

// decide says what is to be done next with a rollout that was just looked at: go
// on with an accepted plan, face drift, correct what an earlier phase lacks, or
// carry out the phase's own plan.
func (e *Engine) decide(ctx context.Context, r Rollout, w Writer) (Proposal, error) {
	now := e.now()
	p := Proposal{Rollout: r, Evidence: *r.Evidence}
	if busy, ok := r.Unfinished(); ok && !e.stale(ctx, busy, w) {
		p.Plan, p.Resumes = busy.Plan, true
		p.Gate = e.gateFor(r, p.Plan, now)
		return p, nil
	}
	if drift := r.Drifted(*r.Evidence); len(drift) > 0 {
		return e.drifted(p, drift, now)
	}
	plan, err := e.planNext(r, now)
	if err != nil {
		return Proposal{}, err
	}
	p.Plan = plan
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
	d.Adopt, _, _, d.AdoptRefused = p.Rollout.adoptNow(p.Evidence, now)
	p.Drift = d
	p.Gate = e.gateOut(p.Rollout, now)
	return p, nil
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
// shown: an edit not yet begun finds neither its before nor its after.
func (e *Engine) stale(ctx context.Context, busy AcceptedPlan, w Writer) bool {
	for _, edit := range busy.Plan.Edits {
		state := busy.Edits[edit.ID]
		if state.Settled() || (!state.Received.IsZero() && state.Receipt.Outcome != Failed && state.Receipt.Outcome != Refused) {
			continue
		}
		held, err := w.Read(ctx, edit)
		if err == nil && held.Err == "" && !held.Value.Equal(edit.Before) && !held.Value.Equal(edit.After) {
			return true
		}
	}
	return false
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
		}
		return p, err
	})
}

// ProposeRestore shows how the last verified state would be put back.
func (e *Engine) ProposeRestore(ctx context.Context, domain string, emit Sink) (Proposal, error) {
	return e.proposeAct(ctx, domain, emit, func(r Rollout, now time.Time) (Plan, error) {
		if len(r.Drifted(*r.Evidence)) == 0 {
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
	// A look that was cut short still tells enough for the emergency exit.
	if err := e.look(ctx, &r, w, emit); err != nil && r.Evidence == nil {
		return Proposal{}, err
	}
	p, err := plan(r, e.now())
	if err != nil {
		return Proposal{}, err
	}
	g := Gate{Reasons: r.against(p, *r.Evidence)}
	return Proposal{Rollout: r, Evidence: *r.Evidence, Plan: p, Gate: g.Settle()}, p.Validate()
}

// sameEdits reports whether p and q would write the same over the same, whatever
// ids were made for them.
func sameEdits(p, q Plan) bool {
	return slices.EqualFunc(p.Edits, q.Edits, func(a, b Edit) bool {
		return a.Kind == b.Kind && a.Account == b.Account && a.Name == b.Name && a.Type == b.Type && a.Before.Equal(b.Before) && sameAfter(a, b)
	})
}

// sameAfter compares what two edits leave behind; two announcements differ in
// nothing but the id that was made for them.
func sameAfter(a, b Edit) bool {
	if a.Announces() && b.Announces() {
		return len(a.After.Records) == len(b.After.Records)
	}
	return a.After.Equal(b.After)
}
