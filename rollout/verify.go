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

// seeFor is how long one look for an edit may take, in real time: longer than any
// server in it may, with a minute for a fetch and what DNS takes before it. A look is
// never ended by the walk's patience: who has not answered in his own time is silent,
// who has not in ours is not. So a step back is held up for no longer than its looks
// last, however slowly an address lets itself be asked (promise 8).
const seeFor = 2 * time.Minute

// verify looks for one edit from outside until it is live, for as long as
// the engine has patience, and twice at least where one that answered was behind: a
// look that a silent one drew out asked him at its beginning. An edit the operator
// makes is looked for once. A look that nobody answers is waited out as a server that
// lags is; it is an error where it was the last one. What was cut short shows nothing
// live: where ctx ends, the edit is left as waiting and looked for when the plan goes
// on.
func (k *walk) verify(ctx context.Context, edit Edit) (Gate, error) {
	k.emit.Emit(Event{Kind: Verifying, Subject: edit.Name, Edit: &edit})
	manual := k.state(edit).Receipt.Outcome == Waiting
	patience := k.engine.Patience
	if patience == 0 {
		patience = Propagation
	}
	waiting := world.Start()
	var held Gate
	var sightings []Sighting
	seenLive := false
	var unanswered error // why nobody answered the newest look
	k.seen = Evidence{}
	for looks, pause := 1, 100*time.Millisecond; ; looks, pause = looks+1, min(2*pause, 2*time.Second) {
		live, seen, err := k.see(ctx, edit)
		if ctx.Err() != nil && err != nil {
			return k.cutShort(edit, held), nil
		}
		sightings, seenLive = seen, live
		silenced := err != nil && unanswered == nil
		unanswered = err
		var id string
		switch {
		case live && edit.TellsItself():
			if id, held = k.heard(ctx, edit); id != "" {
				return Gate{Open: true}, k.settle(ctx, edit, sightings, id)
			}
		case live:
			return Gate{Open: true}, k.settle(ctx, edit, sightings, "")
		default:
			held = mistaken(notLive(edit, sightings), edit, k.found)
			if err := k.rememberCache(ctx, edit); err != nil {
				return Gate{}, err
			}
		}
		left := patience - waiting.Elapsed()
		if looks == 1 && err == nil && behind(edit, sightings) {
			left = max(left, min(pause, patience))
		}
		if manual || left <= 0 {
			break
		}
		if silenced {
			k.tellUnanswered(edit, err)
		}
		if !rest(ctx, min(pause, left)) {
			break
		}
	}
	if unanswered != nil && ctx.Err() == nil {
		return Gate{}, unanswered
	}
	timed := false
	if !seenLive {
		held, timed = k.askedTime(edit, held)
	}
	if !timed {
		held = k.explained(ctx, held, edit)
	}
	k.touched[edit.ID] = Waiting
	if manual && k.detail[edit.ID] == "" {
		k.detail[edit.ID] = k.state(edit).Receipt.Detail
	}
	if k.plan.Purpose == ForStepBack && edit.Kind == Policy {
		k.cannotTell(&held, edit, sightings)
	}
	return held, nil
}

// cutShort leaves an edit as waiting of which the look was ended: held is what the
// looks before it said, if there were any.
func (k *walk) cutShort(edit Edit, held Gate) Gate {
	k.touched[edit.ID] = Waiting
	if len(held.Reasons) == 0 {
		held.Close(edit.NotLiveYet())
	}
	return held.Settle()
}

// tellUnanswered says that nobody answered a look for edit, which goes on.
func (k *walk) tellUnanswered(edit Edit, why error) {
	f := finding.New("D02", strings.TrimSpace(edit.Name+" "+edit.Type), "belay looks again, for nobody could be asked: "+finding.Clean(why.Error(), 300)).As(finding.Warn).
		Because("Whether the change is seen is not known yet.").
		Mend("Nothing, if it passes; else see whether the name servers and the resolvers can be reached from here.")
	f.Unknown = true
	k.emit.Emit(Event{Kind: Concluded, Subject: f.Subject, Text: f.Title, Severity: f.Severity, Finding: &f, Edit: &edit})
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

// cannotTell adds to a step back, where no address serves its body, what that
// means: nobody can be told before a host works.
func (k *walk) cannotTell(g *Gate, body Edit, sightings []Sighting) {
	if slices.ContainsFunc(sightings, func(s Sighting) bool { return s.Answered && s.Value.SamePolicy(body.After) }) {
		return
	}
	g.Close(Reason{Code: ReasonHost, Subject: mtasts.PolicyHost(k.r.Domain), Final: true, Text: k.untold(),
		Fix: "mend the host, or move it: belay set " + k.r.Domain + " --host ... --host-address ..., then belay step-back again"})
	*g = g.Settle()
}

func (k *walk) untold() string {
	return fmt.Sprintf("no sender can be told before a policy host works (mend it, or move it with belay set %s --host); senders that hold the policy keep it until %s at the latest",
		k.r.Domain, stamp(k.r.Ledger.HeldUntil(k.engine.now())))
}

// see looks at one edit from outside once. Only a whole look shows it live.
func (k *walk) see(ctx context.Context, edit Edit) (live bool, sightings []Sighting, err error) {
	ctx, cancel := context.WithTimeout(ctx, seeFor)
	defer cancel()
	var seen Evidence
	if edit.Kind == RUA {
		return k.seeReports(ctx, edit)
	}
	if len(edit.At) > 0 {
		_, seen, err = k.engine.Looker.SeeAt(ctx, edit, edit.At, k.r.wording(k.emit))
	} else {
		_, seen, err = k.engine.Looker.See(ctx, edit, k.r.wording(k.emit))
	}
	seen.Findings = k.r.inOurWordsAll(seen.Findings)
	k.found = seen.Findings
	if err == nil || len(k.seen.Sightings) == 0 { // what was cut short tells less than the look before it
		k.seen = seen
	}
	k.keeps = max(k.keeps, cacheFor(seen))
	return err == nil && Live(edit, seen.Sightings), seen.Sightings, err
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
		if !edit.madeIn(s.Value) {
			return false
		}
	}
	return answered
}

// behind reports whether somebody answered who does not show what the edit leaves.
func behind(edit Edit, sightings []Sighting) bool {
	return slices.ContainsFunc(sightings, func(s Sighting) bool { return s.Answered && !edit.madeIn(s.Value) })
}

// settle journals that an edit is live, and under which id its vendor told of it,
// with what follows from it: the wait of a shared cache, and after a step back the
// way back to phase 4.
func (k *walk) settle(ctx context.Context, edit Edit, sightings []Sighting, id string) error {
	hash := k.plan.Hash()
	var entries []Entry
	if k.state(edit).Receipt.Outcome == Waiting {
		entries = append(entries, Entry{Kind: Received, PlanHash: hash, Receipt: &Receipt{EditID: edit.ID, Outcome: Found, Saw: edit.After}})
	}
	shown, unseen := witnesses(sightings)
	entries = append(entries, Entry{Kind: Seen, PlanHash: hash, EditID: edit.ID, PolicyID: id, Shown: shown, Unseen: unseen})
	entries = append(entries, k.cachedSince(edit, k.engine.now())...)
	if phase, aim, back := k.back(edit); back {
		entries = append(entries, Entry{Kind: Moved, From: k.r.Phase, Phase: phase, Aim: aim})
	}
	if err := k.engine.append(ctx, k.r, entries...); err != nil {
		return err
	}
	if o := k.state(edit).Receipt.Outcome; k.touched[edit.ID] == "" || k.touched[edit.ID] == Waiting {
		k.touched[edit.ID] = o
	}
	k.emit.Emit(Event{Kind: BecameLive, Subject: edit.Name, Text: strings.Join(unseen, "; "), Edit: &edit, Until: edit.OldUntil(k.engine.now())})
	return nil
}

// witnesses are who showed an edit, with the zone's serial there, and who gave no
// answer, with why.
func witnesses(sightings []Sighting) (shown, unseen []string) {
	for _, s := range sightings {
		at := fmt.Sprintf("%s [%s]", s.Where, s.IP)
		switch {
		case !s.Answered:
			unseen = append(unseen, finding.Clean(at+": "+s.Err, 200))
		case s.Serial != 0:
			shown = append(shown, finding.Clean(fmt.Sprintf("%s serial %d", at, s.Serial), 200))
		default:
			shown = append(shown, finding.Clean(at, 200))
		}
	}
	return shown, unseen
}

// back is where a rollout goes when the last edit of a step back, or of an undo
// of a policy, is live.
func (k *walk) back(edit Edit) (Phase, uint32, bool) {
	if !edit.Announces() && !edit.TellsItself() || k.plan.Purpose != ForStepBack && k.plan.Purpose != ForUndo {
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

// shown is a value for a sentence.
func shown(v Value) string {
	if !v.Exists {
		return "nothing"
	}
	return finding.Quote(v.String(), 120)
}
