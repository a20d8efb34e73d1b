package rollout

import (
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Drifted says where the world is no longer what this rollout last verified: the
// record that announces the policy, or the body; or that somebody else's policy is
// announced where belay has none live. It is empty while a plan is unfinished, for
// then the walk settles what it finds, and for a look that began before belay's
// own last change.
//
// A host that fails is no drift: what was written still stands there.
func (r Rollout) Drifted(seen Evidence) []finding.Finding {
	if _, busy := r.Unfinished(); busy {
		return nil
	}
	return r.differs(seen)
}

// differs is Drifted whether or not a plan is unfinished. What such a plan itself
// put there is no difference.
func (r Rollout) differs(seen Evidence) []finding.Finding {
	live, id, ok := r.Live()
	if seen.At.Before(r.Changed) {
		return nil
	}
	if !ok || live.Mode == mtasts.None {
		return r.unadopted(seen)
	}
	if busy, unfinished := r.Unfinished(); unfinished && busy.made(seen) {
		return nil
	}
	var out []finding.Finding
	if saw, differs := r.recordDrift(seen, id); differs {
		out = append(out, finding.New("O12", mtasts.RecordName(r.Domain),
			fmt.Sprintf("the record should announce id %s and reads %s", id, finding.Quote(saw, 120))))
	}
	if saw, differs := r.bodyDrift(seen, live); differs {
		out = append(out, finding.New("O12", mtasts.PolicyURL(r.Domain),
			fmt.Sprintf("the policy is not the one verified last; it reads %s", finding.Quote(saw, 200))))
	}
	return out
}

// faced is how the world differs from what was verified last, for restore and adopt.
// What a plan left behind that the settings have outdated is a difference as any
// other, but for half a step back, which is only ever gone on with.
func (r Rollout) faced(seen Evidence) []finding.Finding {
	if busy, unfinished := r.Unfinished(); unfinished && busy.Outdated && busy.Plan.Purpose != ForStepBack {
		r = r.givenUp()
	}
	return r.differs(seen)
}

// unadopted says that a policy is announced which belay did not publish, where
// belay has none live: it is adopted, never run over (promise 4).
func (r Rollout) unadopted(seen Evidence) []finding.Finding {
	if !seen.Record.Valid || !seen.Policy.Valid || seen.Policy.Policy.Mode == mtasts.None {
		return nil
	}
	ours := slices.ContainsFunc(r.Ledger, func(e LedgerEntry) bool {
		return !e.Foreign && Body(e.Body).SamePolicy(Body(seen.Policy.Body))
	})
	if ours && r.UsesID(seen.Record.ID) {
		return nil
	}
	return []finding.Finding{finding.New("O12", mtasts.RecordName(r.Domain),
		fmt.Sprintf("id %s announces a policy in mode %s that belay did not publish", finding.Quote(seen.Record.ID, 40), seen.Policy.Policy.Mode))}
}

// made reports whether the world shows the plan's own body and nothing else than
// the ids from before it or its own: what a walk that was cut short leaves.
func (p AcceptedPlan) made(seen Evidence) bool {
	body, told := false, true
	for _, e := range p.Plan.Edits {
		begun := !p.Edits[e.ID].Intended.IsZero()
		switch {
		case e.Kind == Policy && begun:
			body = Body(seen.Policy.Body).SamePolicy(e.After)
		case e.Announces():
			before, _, _ := mtasts.ParseRRset(e.Before.Records)
			told = seen.Record.ID == before.ID || begun && seen.Record.ID == e.PolicyID
		}
	}
	return body && told
}

// recordDrift compares the announced id with what the provider holds and with
// what every authoritative server that answers agrees on.
func (r Rollout) recordDrift(seen Evidence, id string) (saw string, differs bool) {
	name := mtasts.RecordName(r.Domain)
	if asked, _ := seen.Name(name, "TXT"); asked.Alias != "" && seen.Record.Raw != "" {
		// Somebody keeps the record where the alias leads: what is read there counts.
		return seen.Record.Raw, !seen.Record.Valid || seen.Record.ID != id
	}
	var values []Value
	if held, ok := seen.HeldAt(name, "TXT"); ok && seen.readNow() {
		values = append(values, held.Value)
	}
	if n, ok := seen.Name(name, "TXT"); ok {
		if v, ok := Agreed(n.Sightings); ok {
			values = append(values, v)
		}
	}
	for _, v := range values {
		record, _, faults := mtasts.ParseRRset(v.Records)
		if !mtasts.Usable(faults) || record.ID != id {
			return v.String(), true
		}
	}
	return "", false
}

// bodyDrift compares the verified body with what its place holds and with what
// all addresses serve. A settings' change of place is no drift.
func (r Rollout) bodyDrift(seen Evidence, live LedgerEntry) (saw string, differs bool) {
	want := Body(live.Body)
	held, ok := seen.HeldAt(mtasts.PolicyURL(r.Domain), "policy")
	if ok && seen.readNow() && held.Account == r.placeOf(live) && !held.Value.SamePolicy(want) {
		return held.Value.String(), true
	}
	if seen.Policy.Agree && seen.Policy.Body != "" && !Body(seen.Policy.Body).SamePolicy(want) {
		return Body(seen.Policy.Body).String(), true
	}
	return "", false
}

// placeOf is the account through which the entry's body was last written, or ""
// for one that was not written by belay.
func (r Rollout) placeOf(entry LedgerEntry) string {
	places := r.placesOf(entry)
	if len(places) == 0 {
		return ""
	}
	return places[len(places)-1]
}

// placesOf are the accounts through which the entry's body was written and where
// senders may be led to it, the newest last. One is left when all of the plan that
// puts the body elsewhere is live, the address that leads there too, or all of a later
// one that leads the name to where the body was put before.
func (r Rollout) placesOf(entry LedgerEntry) []string {
	var places []string
	for _, p := range r.Plans {
		for _, e := range p.Plan.Edits {
			state := p.Edits[e.ID]
			if e.Kind != Policy || Hash(e.After.Body) != entry.Hash || state.Intended.IsZero() || state.unwritten() {
				continue
			}
			if p.live() {
				places = nil
			}
			places = append(places, e.Account)
		}
		if p.leads() && slices.Contains(places, p.host) {
			places = []string{p.host}
		}
	}
	return places
}

// leads reports whether p is live and led the policy host's name to where the settings
// had it; an undo leads it back to where they had it before.
func (p AcceptedPlan) leads() bool {
	return p.Plan.Purpose != ForUndo && slices.ContainsFunc(p.Plan.Edits, Edit.MovesHost) && p.live()
}

// live reports whether every edit of p was verified.
func (p AcceptedPlan) live() bool {
	return !slices.ContainsFunc(p.Plan.Edits, func(e Edit) bool { return p.Edits[e.ID].Verified.IsZero() })
}

// Restore plans the last verified policy anew, mode unchanged; its MX list becomes that
// of the settings where the MX set has outgrown it. refused says why that is not
// offered: it never raises, it does not enforce a broken MX host, and what stands
// already is not put back.
func (r Rollout) Restore(seen Evidence, now time.Time) (p Plan, refused string, err error) {
	live, _, ok := r.Live()
	if !ok {
		return Plan{}, "nothing was verified yet that could be put back", nil
	}
	if seen.Record.Valid && seen.Policy.Valid && milder(seen.Policy.Policy, live.Policy()) {
		return Plan{}, "a milder policy is live and announced; putting the old one back would raise it, so only adopting is offered", nil
	}
	if live.Mode == mtasts.Enforce {
		for _, f := range seen.Fails() {
			if BrokenMX(string(f.Code)) {
				return Plan{}, fmt.Sprintf("%s fails (%s) and the policy enforces; step back to testing instead", f.Subject, f.Code), nil
			}
		}
	}
	want := live.Policy()
	if left := Uncovered(want, seen.MXNames()); len(left) > 0 && len(r.Settings.MX) > 0 {
		want.MX = slices.Clone(r.Settings.MX)
	}
	p, err = r.Publish(seen, want, ForRestore, now)
	switch {
	case err != nil:
		return p, "", err
	case !p.Empty() && !samePatterns(want.MX, live.MX):
		p.Notes = append(p.Notes, "its mx lines are those of the settings: the ones verified last leave out an MX host")
		return p, "", nil
	case !p.Empty():
		return p, "", nil
	case r.vendorTells(seen):
		return p, r.delegation().Vendor + " serves the policy that was verified last and writes its id itself, so only adopting is offered", nil
	}
	return p, "what was verified last stands where belay put it, and senders are shown something else: mend who answers them, the policy host or the name servers", nil
}

// milder reports whether senders that hold p refuse less, or for less long, than
// those that hold q.
func milder(p, q mtasts.Policy) bool {
	if p.Mode != q.Mode {
		return q.Mode == mtasts.Enforce || p.Mode == mtasts.None
	}
	return p.MaxAge < q.MaxAge
}

// Adoptable is what is live, as ledger entries, and the phase that it puts a
// rollout in. Body and record both valid: testing stands at phase 4, enforce at
// phase 5, at a rung of phase 6 or beyond. Anything else stands at phase 1, and
// phase 3 replaces it by a plan that shows it.
func (r Rollout) Adoptable(seen Evidence, now time.Time) (entries []LedgerEntry, phase Phase, aim uint32) {
	body := seen.Policy.Body
	if body == "" && seen.Record.Raw == "" {
		return nil, CheckMX, 0
	}
	if len(r.Ledger) == 0 {
		entries = append(entries, LedgerEntry{Mode: mtasts.Enforce, MaxAge: LongestMaxAge, Until: now, Assumed: true, Foreign: true})
	}
	if body == "" {
		return entries, CheckMX, 0
	}
	e := NewLedgerEntry(body, now)
	e.Live, e.Foreign = now, !r.Ledger.Served(body)
	if !seen.Record.Valid || !seen.Policy.Valid {
		return append(entries, e), CheckMX, 0
	}
	e.IDs, e.Announced = []string{seen.Record.ID}, now
	return append(entries, e), phaseOf(e, r.Settings), aimOf(e, r.Settings)
}

// adoptNow is what adopting would do after drift; why says where it is not
// offered.
func (r Rollout) adoptNow(seen Evidence, now time.Time) (found Adoption, entries []LedgerEntry, why string) {
	if !seen.Record.Valid || !seen.Policy.Valid {
		return Adoption{}, nil, "record and body are not both valid, so there is no policy to adopt"
	}
	found, entries = r.adoption(seen, now)
	return found, entries, ""
}

// phaseOf is the phase in which a rollout stands whose live policy is e.
func phaseOf(e LedgerEntry, s Settings) Phase {
	switch {
	case e.Mode == mtasts.Testing:
		return ReviewReports
	case e.Mode != mtasts.Enforce:
		return CheckMX
	case e.MaxAge <= TestingMaxAge:
		return Enforce
	case e.MaxAge >= s.MaxAge:
		return Holding
	}
	return RaiseMaxAge
}

func aimOf(e LedgerEntry, s Settings) uint32 {
	if phaseOf(e, s) == RaiseMaxAge {
		return e.MaxAge
	}
	return 0
}
