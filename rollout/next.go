package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Next is one step of the way: look, carry out at most one plan, verify, then
// move at most one phase or rung. A closed gate is no error: Progress has it.
//
// It fails with ErrRefused where consent is missing or a shown plan is stale,
// and with *LockedError where another belay works on the domain; then nothing
// was done.
func (e *Engine) Next(ctx context.Context, domain string, c Consent, emit Sink) (Progress, error) {
	var out Progress
	var since *Since
	err := e.locked(ctx, domain, func(r *Rollout) error {
		w, err := e.Accounts.Open(ctx, domain, r.Settings)
		if err != nil {
			return err
		}
		before, stored := r.Phase, r.Evidence
		if err := e.look(ctx, r, w, emit); err != nil {
			return err
		}
		since = SinceLook(stored, *r.Evidence)
		p, err := e.decide(ctx, *r, w)
		if _, unfinished := r.Unfinished(); err == nil && unfinished && p.Drift == nil && p.Plan.Empty() {
			p, err = e.giveUp(ctx, r, w, emit)
		}
		if err != nil {
			return err
		}
		if p.Drift != nil {
			out = e.progress(*r, before, p.Gate, nil)
			return nil
		}
		var done []EditOutcome
		if c.Shown != nil && !c.Shown.Empty() && p.Plan.Empty() {
			return p.staleFor(*c.Shown) // who accepted a plan did not accept the next step
		}
		if !p.Plan.Empty() {
			if p.Plan, err = chosen(p, c); err != nil {
				return err
			}
			var held Gate
			if done, held, err = e.carry(ctx, r, p, w, emit); err != nil || !held.Open {
				out = e.progress(*r, before, held, done)
				return err
			}
			if err := e.look(ctx, r, w, emit); err != nil {
				out = e.progress(*r, before, e.gateOut(*r, e.now()), done)
				return err
			}
			if p.Plan.Purpose == ForStepBack || p.Plan.Purpose == ForUndo {
				// What led back does not lead on again in the same breath.
				out = e.progress(*r, before, e.gateOut(*r, e.now()), done)
				return nil
			}
		}
		out, err = e.move(ctx, r, before, done, emit)
		return err
	})
	out.Since = since
	return out, err
}

// CarryOut walks a plan made by ProposeStepBack, ProposeUndo or ProposeRestore,
// once the operator has accepted it. It refuses any other plan, and one whose id
// was used since it was made; each edit refuses by itself a place that changed. What
// speaks against an undo or a restore is judged by a look younger than FreshFor,
// however long ago it was shown; a step back waits for no look.
func (e *Engine) CarryOut(ctx context.Context, p Plan, c Consent, emit Sink) (Progress, error) {
	var out Progress
	if p.Purpose != ForStepBack && p.Purpose != ForUndo && p.Purpose != ForRestore {
		return out, fmt.Errorf("carry out plan %s: a plan %s is carried out by its gate, with belay next %s: %w", p.Hash(), p.Purpose, p.Domain, ErrRefused)
	}
	err := e.locked(ctx, p.Domain, func(r *Rollout) error {
		w, err := e.Accounts.Open(ctx, p.Domain, r.Settings)
		if err != nil {
			return err
		}
		if r.Evidence == nil {
			return fmt.Errorf("carry out plan %s: there was no look at %s yet: %w", p.Hash(), p.Domain, ErrStale)
		}
		before := r.Phase
		if _, stale := r.staleLook(e.now()); stale && p.Purpose != ForStepBack {
			if err := e.look(ctx, r, w, emit); err != nil {
				return fmt.Errorf("carry out plan %s: look at %s again, as the last look is no longer fresh: %w", p.Hash(), p.Domain, err)
			}
		}
		proposal := Proposal{Rollout: *r, Evidence: *r.Evidence, Plan: p, Gate: Gate{Open: true}}
		if proposal.Plan, err = chosen(proposal, c); err != nil {
			return err
		}
		done, held, err := e.carry(ctx, r, proposal, w, emit)
		if err != nil || !held.Open {
			out = e.progress(*r, before, held, done)
			return err
		}
		if err := e.look(ctx, r, w, emit); err != nil {
			out = e.progress(*r, before, e.gateOut(*r, e.now()), done)
			return err
		}
		out = e.progress(*r, before, e.gateOut(*r, e.now()), done)
		return nil
	})
	return out, err
}

// chosen is the plan to carry out: the one that was shown, if it is still what
// would be done, else the one just made; one that was accepted is resumed only by
// who was shown that one. A step back, an undo and a restore are
// plans that were asked for by name, and are shown by the asking.
func chosen(p Proposal, c Consent) (Plan, error) {
	if p.Resumes {
		if c.Shown != nil && !c.Shown.Empty() && c.Shown.Hash() != p.Plan.Hash() {
			return Plan{}, p.staleFor(*c.Shown)
		}
		return p.Plan, nil
	}
	if c.Shown != nil {
		if !sameEdits(*c.Shown, p.Plan) {
			return Plan{}, p.staleFor(*c.Shown)
		}
		p.Plan = *c.Shown
	} else if !c.Given {
		return Plan{}, fmt.Errorf("plan %s was not accepted; belay plan %s shows it: %w", p.Plan.Hash(), p.Plan.Domain, ErrRefused)
	}
	for _, e := range p.Plan.Edits {
		if e.Announces() && p.Rollout.UsesID(e.PolicyID) {
			return Plan{}, fmt.Errorf("plan %s is stale, and nothing was done: its id %s was used since; look at the new plan: %w: %w", p.Plan.Hash(), e.PolicyID, ErrStale, ErrRefused)
		}
	}
	if c.Shown != nil {
		return p.Plan, p.Plan.Validate()
	}
	if foreign := p.Plan.Foreign(); len(foreign) > 0 && (p.Plan.Purpose == ForPhase || p.Plan.Purpose == ForCorrection) {
		return Plan{}, fmt.Errorf("%s %s holds %s, which belay did not write; save the plan that shows it with belay plan %s --out FILE and carry it out with belay next %s --plan FILE: %w",
			foreign[0].Name, foreign[0].Type, foreign[0].Before, p.Plan.Domain, p.Plan.Domain, ErrRefused)
	}
	return p.Plan, nil
}

// carry accepts the proposal's plan unless it is resumed, and walks it. The gate
// is open when every edit is live; else it says what holds the walk up.
func (e *Engine) carry(ctx context.Context, r *Rollout, p Proposal, w Writer, emit Sink) ([]EditOutcome, Gate, error) {
	if r.raises(p.Plan) {
		if g := e.gateFor(*r, p.Plan, e.now()); !g.Open {
			return nil, g, nil
		}
	}
	if p.Resumes {
		if against := r.againstResuming(p.Plan, *r.Evidence); len(against) > 0 {
			return nil, Gate{Reasons: against}.Settle(), nil
		}
		return e.walk(ctx, r, w, emit)
	}
	if against := r.against(p.Plan, *r.Evidence); len(against) > 0 {
		return nil, Gate{Reasons: against}.Settle(), nil
	}
	if slices.ContainsFunc(p.Plan.Edits, Edit.MovesHost) {
		ahead := &walk{engine: e, r: r, w: w, emit: emit, plan: p.Plan}
		if held, err := ahead.movable(ctx); err != nil || !held.Open {
			return nil, held, err
		}
	}
	entries, err := e.settleBegun(ctx, r, w, p.Plan.Purpose == ForStepBack)
	if err != nil {
		return nil, Gate{}, err
	}
	entries = append(entries, r.foreignBodies(p.Plan, e.now())...)
	if err := e.append(ctx, r, append(entries, Entry{Kind: Accepted, Plan: &p.Plan})...); err != nil {
		return nil, Gate{}, err
	}
	return e.walk(ctx, r, w, emit)
}

// statusOK is the one HTTP status that carries a policy (RFC 8461 section 3.3).
const statusOK = 200

// foreignBodies is the journal entry that takes every body into the ledger which
// stands where the ledger does not have it as served, before a plan replaces or
// announces it: a sender may have fetched it. What every address serves has taken
// the place of all others; what one of them serves, or its place only holds, has
// not.
func (r Rollout) foreignBodies(p Plan, now time.Time) []Entry {
	if r.Evidence == nil || !slices.ContainsFunc(p.Edits, func(e Edit) bool { return e.Kind == Policy || e.Announces() }) {
		return nil
	}
	var found []LedgerEntry
	take := func(body string, everywhere bool) {
		same := func(e LedgerEntry) bool { return e.Until.IsZero() && Body(e.Body).SamePolicy(Body(body)) }
		if body == "" || slices.ContainsFunc(r.Ledger, same) || slices.ContainsFunc(found, same) {
			return
		}
		e := NewLedgerEntry(body, now)
		e.Foreign = !r.Ledger.Served(body)
		if everywhere {
			e.Live = now
		}
		found = append(found, e)
	}
	take(r.Evidence.Policy.Body, true)
	for _, a := range r.Evidence.Policy.Addresses {
		if a.Status == statusOK { // the page of an error is no policy
			take(a.Body, false)
		}
	}
	if held, ok := r.Evidence.HeldAt(mtasts.PolicyURL(r.Domain), "policy"); ok {
		take(held.Value.Body, false)
	}
	if len(found) == 0 {
		return nil
	}
	return []Entry{{Kind: Adopted, Ledger: found, Reason: "found live when a plan was accepted that replaces or announces it"}}
}

// move leaves the phase or rung where its gate is open.
func (e *Engine) move(ctx context.Context, r *Rollout, before Phase, done []EditOutcome, emit Sink) (Progress, error) {
	g := e.gateOut(*r, e.now())
	if r.Phase == Holding || !g.Open {
		return e.progress(*r, before, g, done), nil
	}
	to, aim := r.onward()
	if err := e.append(ctx, r, Entry{Kind: Moved, From: r.Phase, Phase: to, Aim: aim}); err != nil {
		return e.progress(*r, before, g, done), err
	}
	emit.Emit(Event{Kind: Moving, Subject: r.Domain, Text: to.String()})
	out := e.progress(*r, before, e.gateOut(*r, e.now()), done)
	out.Moved = true
	return out, nil
}

// onward is where an open gate leads: the next phase, or the next rung.
func (r Rollout) onward() (Phase, uint32) {
	if r.Phase != Enforce && r.Phase != RaiseMaxAge {
		return r.Phase.Next(), 0
	}
	if rung, ok := r.Settings.NextRung(r.Rung()); ok && r.Mode() == mtasts.Enforce {
		return RaiseMaxAge, rung
	}
	if r.Phase == Enforce {
		return RaiseMaxAge, r.Rung()
	}
	return Holding, 0
}

func (e *Engine) progress(r Rollout, before Phase, g Gate, done []EditOutcome) Progress {
	p := Progress{Domain: r.Domain, PhaseBefore: before, Phase: r.Phase, Rung: r.Rung(), Gate: g,
		Edits: append([]EditOutcome{}, done...), Findings: []finding.Finding{}}
	if r.Evidence != nil {
		p.Findings = append(p.Findings, r.Evidence.Findings...)
	}
	if p.Gate.Reasons == nil {
		p.Gate.Reasons = []Reason{}
	}
	for _, d := range done {
		if d.Outcome == Applied || d.Outcome == Found {
			p.Applied = true
		}
	}
	return p
}
