package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
	"belay/rollout/world"
)

// verifiedAnew is how old the verification of a needed edit may be before it is
// looked at again.
const verifiedAnew = time.Minute

// applyFor is how long one provider's call may take, in real time.
const applyFor = 2 * time.Minute

// walk goes through the unfinished plan of r: of each edit whose needs are
// verified the intent is journaled, the edit applied, its receipt journaled, and
// the edit looked for from outside. It ends where everything is live (an open
// gate), where something must be waited for (a closed one), or with an error.
//
// When ctx ends, the edit in flight is finished: its provider call and its
// receipt. Waiting to be seen ends at once.
func (e *Engine) walk(ctx context.Context, r *Rollout, w Writer, emit Sink) ([]EditOutcome, Gate, error) {
	walk := &walk{engine: e, r: r, w: w, emit: emit, touched: map[string]Outcome{}}
	if r.Evidence != nil {
		walk.keeps = cacheFor(*r.Evidence)
	}
	gate, err := walk.run(ctx)
	return walk.outcomes(), gate, err
}

// walk is one walk of one plan. It is the engine's and lives as long as the call.
type walk struct {
	engine  *Engine
	r       *Rollout
	w       Writer
	emit    Sink
	plan    Plan
	touched map[string]Outcome // what this walk learned of an edit
	detail  map[string]string
	// keeps is the longest that a shared cache before the policy host was seen to keep
	// an answer; zero where none was.
	keeps time.Duration
	// found are the findings of the newest look at an edit, and seen is all of the
	// newest one that was not cut short.
	found []finding.Finding
	seen  Evidence
}

func (k *walk) run(ctx context.Context) (Gate, error) {
	k.detail = map[string]string{}
	for {
		busy, ok := k.r.Unfinished()
		if !ok {
			if len(k.r.Plans) > 0 {
				k.plan = k.r.Plans[len(k.r.Plans)-1].Plan
			}
			return Gate{Open: true}, nil
		}
		k.plan = busy.Plan
		ready := k.ready(busy)
		if err := ctx.Err(); err != nil {
			return Gate{}, k.stopped(err)
		}
		for _, edit := range ready {
			if gate, err := k.apply(ctx, edit); err != nil || !gate.Open {
				return gate, err
			}
		}
		var held Gate
		for _, edit := range ready {
			gate, err := k.verify(ctx, edit)
			if err != nil {
				return gate, err
			}
			// The operator makes his edits in any order: each is looked for, and what
			// they wait for is told beside an edit of belay's that holds the walk up.
			held.Reasons = append(held.Reasons, gate.Reasons...)
			if !gate.Open && !edit.ByHand() {
				return held.Settle(), nil
			}
		}
		if held = held.Settle(); !held.Open {
			return held, nil
		}
	}
}

// ready are the unsettled edits whose needs are all verified. A plan that was
// validated always has one.
func (k *walk) ready(busy AcceptedPlan) []Edit {
	var out []Edit
	for _, edit := range busy.Plan.Edits {
		met := !slices.ContainsFunc(edit.Needs, func(id string) bool { return busy.Edits[id].Verified.IsZero() })
		if met && !busy.Edits[edit.ID].Settled() {
			out = append(out, edit)
		}
	}
	return out
}

func (k *walk) state(edit Edit) EditState {
	return k.r.Plans[len(k.r.Plans)-1].Edits[edit.ID]
}

// apply brings one edit to its receipt, unless it has a good one.
func (k *walk) apply(ctx context.Context, edit Edit) (Gate, error) {
	state := k.state(edit)
	if k.stands(ctx, edit, state) {
		return Gate{Open: true}, nil
	}
	if err := ctx.Err(); err != nil {
		return Gate{}, k.stopped(err)
	}
	if gate, err := k.clear(ctx, edit); err != nil || !gate.Open {
		if err != nil && ctx.Err() != nil {
			err = k.stopped(ctx.Err())
		}
		return gate, err
	}
	if state.Intended.IsZero() {
		if err := k.engine.append(ctx, k.r, Entry{Kind: Intended, PlanHash: k.plan.Hash(), EditID: edit.ID}); err != nil {
			return Gate{}, err
		}
	}
	k.emit.Emit(Event{Kind: Applying, Subject: edit.Name, Text: edit.String(), Edit: &edit})
	receipt, applyErr := k.write(ctx, edit)
	wrote := receipt.Outcome
	receipt = receipt.after(state, edit)
	later, asksTime := errors.AsType[*LaterError](applyErr)
	if asksTime && receipt.took() {
		receipt.Again = k.engine.now().Add(later.After)
	}
	k.touched[edit.ID], k.detail[edit.ID] = receipt.Outcome, receipt.Detail
	if err := k.engine.append(ctx, k.r, Entry{Kind: Received, PlanHash: k.plan.Hash(), Receipt: &receipt}); err != nil {
		return Gate{}, err
	}
	k.emit.Emit(Event{Kind: Edited, Subject: edit.Name, Text: receipt.Detail, Edit: &edit, Receipt: &receipt, Took: receipt.Took})
	switch receipt.Outcome {
	case Applied, Found, Waiting:
		return Gate{Open: true}, nil
	case Refused:
		return Gate{}, fmt.Errorf("edit %s of plan %s, %s %s: %s; nothing was written, look at the new plan: %w",
			edit.ID, k.plan.Hash(), edit.Name, edit.Type, receipt.refusal(edit), ErrRefused)
	}
	if asksTime {
		return k.later(edit, later), nil
	}
	if applyErr == nil {
		applyErr = fmt.Errorf("%s", receipt.Detail)
	}
	if receipt.Outcome != wrote {
		applyErr = fmt.Errorf("%w; whether an attempt before this one wrote it is not known", applyErr)
	}
	if k.plan.Purpose == ForStepBack && edit.Kind == Policy {
		applyErr = fmt.Errorf("%w; %s", applyErr, k.untold())
	}
	return Gate{}, fmt.Errorf("edit %s of plan %s, %s %s: %w", edit.ID, k.plan.Hash(), edit.Name, edit.Type, applyErr)
}

// stands reports whether an edit has a good receipt that still holds: one of an
// earlier walk is read again, for what was written may have been put back since. What
// its provider asked time for stands when that is over only where senders are served
// it; else the provider is asked again.
func (k *walk) stands(ctx context.Context, edit Edit, state EditState) bool {
	switch {
	case state.Receipt.Outcome == Waiting:
		return true
	case !state.Receipt.took():
		return false
	case k.touched[edit.ID] != "":
		return true
	}
	if again := state.Receipt.Again; !again.IsZero() && !k.engine.now().Before(again) {
		if live, _, err := k.see(ctx, edit); err == nil && !live {
			return false
		}
	}
	held, err := k.w.Read(ctx, edit)
	return err != nil || held.Err != "" || edit.madeIn(held.Value)
}

func (k *walk) stopped(err error) error {
	return fmt.Errorf("plan %s is stopped after what is recorded; belay next %s goes on: %w", k.plan.Hash(), k.r.Domain, err)
}

// write lets the writer apply the edit. Apply reads first, so that an edit whose
// intent was journaled before a crash is settled by what stands there. The call
// outlives ctx; it ends with the hard context of WithAbort, if one was given.
func (k *walk) write(ctx context.Context, edit Edit) (Receipt, error) {
	hard, cancel := context.WithTimeout(abortOf(ctx), applyFor)
	defer cancel()
	watch := world.Start()
	receipt, err := k.w.Apply(hard, edit)
	receipt.EditID, receipt.Took = edit.ID, watch.Elapsed()
	if receipt.Outcome == "" {
		receipt.Outcome = Unknown
	}
	if err != nil && receipt.Detail == "" {
		receipt.Detail = finding.Clean(err.Error(), 400)
	}
	return receipt, err
}

// clear says whether an edit may begin now: what it needs still stands, and an id
// waits for old addresses and shared caches to run out (promise 1). A step back
// does not wait.
func (k *walk) clear(ctx context.Context, edit Edit) (Gate, error) {
	busy, _ := k.r.Unfinished()
	for _, id := range edit.Needs {
		if k.engine.now().Sub(busy.Edits[id].Verified).Abs() <= verifiedAnew {
			continue
		}
		need, _ := k.plan.Edit(id)
		if live, unseen, err := k.see(ctx, need); err != nil {
			return Gate{}, err
		} else if !live {
			held := notLive(need, unseen)
			if need.Kind == Policy && k.plan.Purpose == ForStepBack {
				k.cannotTell(&held, need, unseen)
			}
			return held, nil
		}
	}
	if edit.Announces() && edit.After.Exists && !slices.ContainsFunc(edit.Needs, k.isBody) {
		if gate, err := k.bodyAnswers(ctx, edit); err != nil || !gate.Open {
			return gate, err
		}
	}
	if gate := k.delegable(ctx, edit); !gate.Open {
		return gate, nil
	}
	if edit.MovesHost() {
		if gate, err := k.movable(ctx); err != nil || !gate.Open {
			return gate, err
		}
	}
	now := k.engine.now()
	if wait := k.r.idWait(); edit.Announces() && k.plan.Purpose != ForStepBack && wait.After(now) {
		g := Gate{}
		g.Close(Reason{Code: ReasonWait, Subject: edit.Name, Until: wait,
			Text: "the new id waits until old addresses of the policy host and caches before it have run out: a sender sent there would keep the old policy under the new id",
			Fix:  "belay next goes on then; where a cache was purged, belay mended says so"})
		return g.Settle(), nil
	}
	return Gate{Open: true}, nil
}

func (k *walk) isBody(id string) bool {
	need, _ := k.plan.Edit(id)
	return need.Kind == Policy
}

// outcomes are the plan's edits with what this walk, or an earlier one, made of
// them.
func (k *walk) outcomes() []EditOutcome {
	if len(k.r.Plans) == 0 {
		return nil
	}
	last := k.r.Plans[len(k.r.Plans)-1]
	out := make([]EditOutcome, 0, len(last.Plan.Edits))
	for _, edit := range last.Plan.Edits {
		o := k.touched[edit.ID]
		if o == "" {
			o = last.Edits[edit.ID].Receipt.Outcome
		}
		if o == "" {
			o = Waiting
		}
		out = append(out, EditOutcome{Edit: edit, Outcome: o, Detail: k.detail[edit.ID], ResolversUntil: edit.OldUntil(last.Edits[edit.ID].Verified)})
	}
	return out
}
