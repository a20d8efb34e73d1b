package rollout

import (
	"context"
	"fmt"
	"strings"

	"belay/rollout/mtasts"
)

// settleBegun is what the journal must say before a new plan supersedes an
// unfinished one: edits already begun are settled by reading, the others are
// abandoned, and their ids are never used.
func (e *Engine) settleBegun(ctx context.Context, r *Rollout, w Writer) ([]Entry, error) {
	busy, ok := r.Unfinished()
	if !ok {
		return nil, nil
	}
	hash := busy.Plan.Hash()
	var out []Entry
	for _, edit := range busy.Plan.Edits {
		state := busy.Edits[edit.ID]
		if state.Settled() {
			continue
		}
		if !state.Intended.IsZero() && state.Receipt.Outcome != Applied && state.Receipt.Outcome != Found {
			held, err := w.Read(ctx, edit)
			receipt := Receipt{EditID: edit.ID, Saw: held.Value, Detail: "settled by reading when a new plan was accepted"}
			switch {
			case err != nil:
				return nil, fmt.Errorf("settle edit %s of plan %s, which was begun: %w", edit.ID, hash, err)
			case held.Err != "":
				receipt.Outcome, receipt.Detail = Refused, held.Err
			case held.Value.Equal(edit.After):
				receipt.Outcome = Found
			case held.Value.Equal(edit.Before):
				receipt.Outcome = Failed
			default:
				receipt.Outcome = Refused
			}
			out = append(out, Entry{Kind: Received, PlanHash: hash, Receipt: &receipt})
		}
		out = append(out, Entry{Kind: Abandoned, PlanHash: hash, EditID: edit.ID})
	}
	return out, nil
}

// movable says whether the policy host's name may be pointed where p points it:
// while a policy is live, only at a host that serves the same policy when it is
// dialled by address with the policy host's name (promise 4), and never at
// nothing while a sender may hold a policy.
func (e *Engine) movable(ctx context.Context, r Rollout, p Plan, emit Sink) (Gate, error) {
	open := Gate{Open: true}
	live, _, ok := r.Live()
	if !ok || live.Mode == mtasts.None {
		return open, nil
	}
	var at []string
	moves := false
	for _, edit := range p.Edits {
		if edit.Kind == Policy && len(edit.At) > 0 {
			return open, nil // the plan writes and verifies the body there itself
		}
		if edit.MovesHost() {
			moves = true
			at = append(at, edit.After.Records...)
		}
	}
	if !moves {
		return open, nil
	}
	host := mtasts.PolicyHost(r.Domain)
	var g Gate
	if len(at) == 0 {
		g.Close(Reason{Code: ReasonHost, Subject: host, Final: true,
			Text: fmt.Sprintf("the plan takes the host's address away, and senders may hold a policy until %s", stamp(r.Ledger.HeldUntil(e.now()))),
			Fix:  "point it somewhere that serves the policy"})
		return g.Settle(), nil
	}
	same := Edit{Kind: Policy, Account: r.Settings.Host.String(), Name: mtasts.PolicyURL(r.Domain), Type: "policy", After: Body(live.Body)}
	if serving, ok := r.Serving(); ok && p.Purpose == ForStepBack {
		same.After = Body(serving.Body) // what it announces lies at the new host already
	}
	_, seen, err := e.Looker.SeeAt(ctx, same, at, emit)
	if err != nil {
		return Gate{}, err
	}
	answered := false
	for _, s := range seen.Sightings {
		answered = answered || s.Answered
		switch {
		case !s.Answered && p.Purpose == ForStepBack: // a dead address holds no step back up
		case !s.Answered:
			g.Close(Reason{Code: ReasonHost, Subject: s.IP.String(), Final: true,
				Text: fmt.Sprintf("the new host %s [%s] does not answer: %s", s.Where, s.IP, s.Err), Fix: "start it, then belay next"})
		case !s.Value.SamePolicy(same.After):
			g.Close(Reason{Code: ReasonHost, Subject: s.IP.String(), Final: true,
				Text: fmt.Sprintf("the new host %s [%s] does not serve the policy that is live: %s", s.Where, s.IP, firstOf(s.Err, s.Value.String())),
				Fix:  "put the same policy there first, then belay next"})
		}
	}
	if !answered && len(g.Reasons) == 0 {
		g.Close(Reason{Code: ReasonHost, Subject: host, Final: true,
			Text: fmt.Sprintf("no address of the new host answers (%s)", strings.Join(at, ", ")), Fix: "start it, then try again"})
	}
	return g.Settle(), nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
