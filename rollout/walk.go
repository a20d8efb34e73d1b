package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
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
	cached  time.Time // until when a shared cache may serve the old body
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
			return Gate{}, fmt.Errorf("plan %s is stopped after what is recorded; belay next goes on: %w", k.plan.Hash(), err)
		}
		for _, edit := range ready {
			if gate, err := k.apply(ctx, edit); err != nil || !gate.Open {
				return gate, err
			}
		}
		for _, edit := range ready {
			if gate, err := k.verify(ctx, edit); err != nil || !gate.Open {
				return gate, err
			}
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
	if o := state.Receipt.Outcome; o == Applied || o == Found || o == Waiting {
		return Gate{Open: true}, nil
	}
	if gate, err := k.clear(ctx, edit); err != nil || !gate.Open {
		return gate, err
	}
	if state.Intended.IsZero() {
		if err := k.engine.append(ctx, k.r, Entry{Kind: Intended, PlanHash: k.plan.Hash(), EditID: edit.ID}); err != nil {
			return Gate{}, err
		}
	}
	k.emit.Emit(Event{Kind: Applying, Subject: edit.Name, Text: edit.String(), Edit: &edit})
	receipt, applyErr := k.write(ctx, edit)
	k.touched[edit.ID], k.detail[edit.ID] = receipt.Outcome, receipt.Detail
	if err := k.engine.append(ctx, k.r, Entry{Kind: Received, PlanHash: k.plan.Hash(), Receipt: &receipt}); err != nil {
		return Gate{}, err
	}
	k.emit.Emit(Event{Kind: Edited, Subject: edit.Name, Text: receipt.Detail, Edit: &edit, Receipt: &receipt, Took: receipt.Took})
	switch receipt.Outcome {
	case Applied, Found, Waiting:
		return Gate{Open: true}, nil
	case Refused:
		return Gate{}, fmt.Errorf("edit %s of plan %s, %s %s: it should hold %s and holds %s; nothing was written, look at the new plan: %w",
			edit.ID, k.plan.Hash(), edit.Name, edit.Type, edit.Before, receipt.Saw, ErrRefused)
	}
	if applyErr == nil {
		applyErr = fmt.Errorf("%s", receipt.Detail)
	}
	return Gate{}, fmt.Errorf("edit %s of plan %s, %s %s: %w", edit.ID, k.plan.Hash(), edit.Name, edit.Type, applyErr)
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
			return notLive(need, unseen), nil
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

// verify looks for one edit from outside until it is live, for as long as
// the engine has patience; an edit the operator makes is looked for once.
func (k *walk) verify(ctx context.Context, edit Edit) (Gate, error) {
	k.emit.Emit(Event{Kind: Verifying, Subject: edit.Name, Edit: &edit})
	manual := k.state(edit).Receipt.Outcome == Waiting
	patience := k.engine.Patience
	if patience == 0 {
		patience = Propagation
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var held Gate
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		live, sightings, err := k.see(ctx, edit)
		if err != nil && ctx.Err() == nil {
			return Gate{}, err
		}
		if live {
			return Gate{Open: true}, k.settle(ctx, edit, sightings)
		}
		held = notLive(edit, sightings)
		if manual {
			break
		}
		if !rest(ctx, pause) {
			break
		}
	}
	k.touched[edit.ID] = Waiting
	if manual && k.detail[edit.ID] == "" {
		k.detail[edit.ID] = k.state(edit).Receipt.Detail
	}
	if k.plan.Purpose == ForStepBack && edit.Kind == Policy {
		k.cannotTell(&held)
	}
	return held, nil
}

// rest waits for pause in real time; it is false where ctx ended first.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// cannotTell adds to a step back that no host serves what it means: nobody can be
// told before a host works.
func (k *walk) cannotTell(g *Gate) {
	until := k.r.Ledger.HeldUntil(k.engine.now())
	g.Close(Reason{Code: ReasonHost, Subject: mtasts.PolicyHost(k.r.Domain), Final: true,
		Text: fmt.Sprintf("no sender can be told before a policy host works; senders that hold the policy keep it until %s at the latest", stamp(until)),
		Fix:  "mend the host, or move it: belay set " + k.r.Domain + " --host ... --host-address ..., then belay step-back again"})
	*g = g.Settle()
}

// see looks at one edit from outside once.
func (k *walk) see(ctx context.Context, edit Edit) (live bool, sightings []Sighting, err error) {
	var seen Evidence
	if len(edit.At) > 0 {
		_, seen, err = k.engine.Looker.SeeAt(ctx, edit, edit.At, k.emit)
	} else {
		_, seen, err = k.engine.Looker.See(ctx, edit, k.emit)
	}
	if edit.Kind == Policy {
		k.noteCache(seen)
	}
	return Live(edit, seen.Sightings), seen.Sightings, err
}

// noteCache remembers that a shared cache stands before the policy host.
func (k *walk) noteCache(seen Evidence) {
	now := k.engine.now()
	for _, a := range seen.Policy.Addresses {
		if a.CacheFor > 0 && now.Add(a.CacheFor).After(k.r.CachedUntil) {
			k.cached = later(k.cached, now.Add(a.CacheFor))
		}
	}
}

// Live reports whether an edit is live by these sightings: at least one server
// answered, and each that did shows what the edit leaves behind, a body as the
// same policy.
func Live(edit Edit, sightings []Sighting) bool {
	answered := false
	for _, s := range sightings {
		if !s.Answered {
			continue
		}
		answered = true
		if edit.Kind == Policy && !s.Value.SamePolicy(edit.After) || edit.Kind == Record && !s.Value.Equal(edit.After) {
			return false
		}
	}
	return answered
}

// settle journals that an edit is live, with what follows from it: the wait of a
// shared cache, and after a step back the way back to phase 4.
func (k *walk) settle(ctx context.Context, edit Edit, sightings []Sighting) error {
	hash := k.plan.Hash()
	var entries []Entry
	if k.state(edit).Receipt.Outcome == Waiting {
		entries = append(entries, Entry{Kind: Received, PlanHash: hash, Receipt: &Receipt{EditID: edit.ID, Outcome: Found, Saw: edit.After}})
	}
	var unseen []string
	for _, s := range sightings {
		if !s.Answered {
			unseen = append(unseen, finding.Clean(fmt.Sprintf("%s [%s]: %s", s.Where, s.IP, s.Err), 200))
		}
	}
	entries = append(entries, Entry{Kind: Seen, PlanHash: hash, EditID: edit.ID, Unseen: unseen})
	if k.cached.After(k.r.CachedUntil) && edit.Kind == Policy && edit.Before.Exists {
		entries = append(entries, Entry{Kind: Cached, Wait: k.cached})
	}
	if phase, aim, back := k.back(edit); back {
		entries = append(entries, Entry{Kind: Moved, From: k.r.Phase, Phase: phase, Aim: aim})
	}
	if err := k.engine.append(ctx, k.r, entries...); err != nil {
		return err
	}
	if o := k.state(edit).Receipt.Outcome; k.touched[edit.ID] == "" || k.touched[edit.ID] == Waiting {
		k.touched[edit.ID] = o
	}
	k.emit.Emit(Event{Kind: BecameLive, Subject: edit.Name, Text: strings.Join(unseen, "; "), Edit: &edit})
	return nil
}

// back is where a rollout goes when the last edit of a step back, or of an undo
// of a policy, is live.
func (k *walk) back(edit Edit) (Phase, uint32, bool) {
	if !edit.Announces() || k.plan.Purpose != ForStepBack && k.plan.Purpose != ForUndo {
		return "", 0, false
	}
	serving, ok := k.r.Serving()
	if !ok {
		return "", 0, false
	}
	phase := phaseOf(serving, k.r.Settings)
	if phase == k.r.Phase && aimOf(serving, k.r.Settings) == k.r.Aim || k.r.Phase.Before(phase) {
		return "", 0, false
	}
	return phase, aimOf(serving, k.r.Settings), true
}

// notLive is the gate that an edit holds shut which is not seen everywhere yet.
func notLive(edit Edit, sightings []Sighting) Gate {
	var g Gate
	for _, s := range sightings {
		if s.Answered && !s.Value.Equal(edit.After) && !(edit.Kind == Policy && s.Value.SamePolicy(edit.After)) {
			text := fmt.Sprintf("%s [%s] still says %s", s.Where, s.IP, finding.Quote(s.Value.String(), 120))
			if s.Err != "" {
				text = fmt.Sprintf("%s [%s]: %s", s.Where, s.IP, finding.Clean(s.Err, 200))
			}
			g.Close(Reason{Code: ReasonEdits, Subject: edit.Name, Final: true, Text: text, Fix: "belay next looks again; nothing is written twice"})
		}
	}
	if len(g.Reasons) == 0 {
		g.Close(Reason{Code: ReasonEdits, Subject: edit.Name, Final: true,
			Text: fmt.Sprintf("no server that could be asked from here shows %s %s", edit.Name, edit.Type),
			Fix:  "belay next looks again; nothing is written twice"})
	}
	return g.Settle()
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
		out = append(out, EditOutcome{Edit: edit, Outcome: o, Detail: k.detail[edit.ID]})
	}
	return out
}
