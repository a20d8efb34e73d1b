package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// bodyAnswers looks at the body that an id is to announce where the plan does not
// write it, because it stands already, and takes it into the ledger as what is
// served now.
func (k *walk) bodyAnswers(ctx context.Context, id Edit) (Gate, error) {
	if id.Body == "" {
		return Gate{}, fmt.Errorf("plan %s announces id %s and names no body for it: %w", k.plan.Hash(), id.PolicyID, ErrRefused)
	}
	body := Edit{Kind: Policy, Account: k.r.Settings.Host.String(), Name: mtasts.PolicyURL(k.r.Domain), Type: "policy", After: Body(id.Body)}
	live, sightings, err := k.see(ctx, body)
	if err != nil {
		return Gate{}, err
	}
	if !live {
		held := notLive(body, sightings)
		if k.plan.Purpose == ForStepBack {
			k.cannotTell(&held, body, sightings)
		}
		return held, nil
	}
	served := k.servedSince(id.Body)
	if served.IsZero() {
		served = k.engine.now()
		e := NewLedgerEntry(id.Body, served)
		e.Live, e.Foreign = served, !k.r.Ledger.Served(id.Body)
		if err := k.engine.append(ctx, k.r, Entry{Kind: Adopted, Ledger: []LedgerEntry{e}, Reason: "seen on every address before an id announces it"}); err != nil {
			return Gate{}, err
		}
	}
	// What a shared cache kept from before the body was served runs out then.
	if wait := served.Add(k.keeps); k.keeps > 0 && wait.After(later(k.r.CachedUntil, k.engine.now())) && !k.purgedSince(served) {
		if err := k.engine.append(ctx, k.r, Entry{Kind: Cached, Wait: wait}); err != nil {
			return Gate{}, err
		}
	}
	return Gate{Open: true}, nil
}

// servedSince is when the ledger's newest served body went live, where that is the
// same policy as body; else zero.
func (k *walk) servedSince(body string) (live time.Time) {
	if serving, ok := k.r.Serving(); ok && Body(serving.Body).SamePolicy(Body(body)) {
		return serving.Live
	}
	return time.Time{}
}

// movable says whether the policy host's name may be pointed where the plan points
// it: while a policy is live, only at a host that serves the same policy when it
// is dialled by address with the policy host's name (promise 4), and never at
// nothing while a sender may hold a policy.
func (k *walk) movable(ctx context.Context) (Gate, error) {
	open := Gate{Open: true}
	live, _, ok := k.r.Live()
	if !ok || live.Mode == mtasts.None {
		return open, nil
	}
	for _, edit := range k.plan.Edits {
		if edit.Kind == Policy && len(edit.At) > 0 {
			return open, nil // the plan writes and verifies the body there itself
		}
	}
	host := mtasts.PolicyHost(k.r.Domain)
	var g Gate
	at, kept := k.plan.hostAfter(k.r.Evidence)
	switch {
	case len(at) == 0 && kept:
		return open, nil
	case len(at) == 0:
		g.Close(Reason{Code: ReasonHost, Subject: host, Final: true,
			Text: fmt.Sprintf("the plan takes the host's address away, and senders may hold a policy until %s", stamp(k.r.Ledger.HeldUntil(k.engine.now()))),
			Fix:  "point it somewhere that serves the policy"})
		return g.Settle(), nil
	}
	same := Edit{Kind: Policy, Account: k.r.Settings.Host.String(), Name: mtasts.PolicyURL(k.r.Domain), Type: "policy", After: Body(live.Body)}
	want, announces := k.plan.Policy()
	back := announces && k.plan.Purpose == ForStepBack
	if back {
		same.After = Body(want.String()) // what it announces lies at the new host already
	}
	looking, cancel := context.WithTimeout(ctx, seeFor)
	defer cancel()
	_, seen, err := k.engine.Looker.SeeAt(looking, same, at, k.emit)
	if err != nil {
		return Gate{}, err
	}
	g.Reasons = unlike(same, seen.Sightings, back)
	if len(g.Reasons) == 0 && !slices.ContainsFunc(seen.Sightings, func(s Sighting) bool { return s.Answered }) {
		g.Close(Reason{Code: ReasonHost, Subject: host, Final: true,
			Text: fmt.Sprintf("no address of the new host answers (%s)", strings.Join(at, ", ")), Fix: "start it, then try again"})
	}
	return g.Settle(), nil
}

// unlike are the reasons why a new policy host does not serve what it must. An
// address of a family without a route from here is unknown, and no reason; nor is
// one that is dead, for a step back.
func unlike(same Edit, sightings []Sighting, back bool) []Reason {
	var out []Reason
	for _, s := range sightings {
		switch {
		case s.NoRoute, !s.Answered && back:
		case !s.Answered:
			out = append(out, Reason{Code: ReasonHost, Subject: s.IP.String(), Final: true,
				Text: fmt.Sprintf("the new host %s [%s] does not answer: %s", s.Where, s.IP, finding.Clean(s.Err, 200)), Fix: "start it, then belay next"})
		case !s.Value.SamePolicy(same.After):
			out = append(out, Reason{Code: ReasonHost, Subject: s.IP.String(), Final: true,
				Text: fmt.Sprintf("the new host %s [%s] does not serve the policy that is live: %s", s.Where, s.IP, firstOf(finding.Clean(s.Err, 200), finding.Quote(s.Value.String(), 120))),
				Fix:  "put the same policy there first, then belay next"})
		}
	}
	return out
}

// hostAfter is where the policy host's name points by p's own edits once all are
// live; kept reports whether something that p leaves alone names it too.
func (p Plan) hostAfter(seen *Evidence) (at []string, kept bool) {
	edited := map[string]bool{}
	for _, edit := range p.Edits {
		if edit.MovesHost() {
			edited[edit.Type] = true
			at = append(at, edit.After.Records...)
		}
	}
	for _, typ := range hostTypes {
		if seen == nil || edited[typ] {
			continue
		}
		held, ok := seen.HeldAt(mtasts.PolicyHost(p.Domain), typ)
		kept = kept || ok && held.Value.Exists
	}
	return at, kept
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
