package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/mtasts"
)

// gateOut is the gate out of r's phase, or in RaiseMaxAge into the next rung, as
// the phase's step computes it and with what only the engine knows: drift, an
// unfinished plan, a clock that cannot be trusted, and the operator's overrides.
func (e *Engine) gateOut(r Rollout, now time.Time) Gate {
	var g Gate
	if step, ok := e.step(r.Phase); ok {
		g = step.Gate(r, now)
	}
	g = e.ahead(r, g, now)
	r.closeAlways(&g, now)
	return r.overridden(g, passage{r.Phase, r.Aim, r.Since})
}

// gateInto is the gate that led into r's phase or rung, computed again: what
// promise 9 asks for before a plan enforces or raises. It is open where nothing
// led in (the rollout was adopted there).
func (e *Engine) gateInto(r Rollout, p Plan, now time.Time) Gate {
	var g Gate
	if r.Mode() != mtasts.Enforce {
		step, ok := e.step(ReviewReports)
		if !ok {
			return Gate{Open: true}
		}
		g = step.Gate(r, now)
	} else {
		g = r.RungGate(now, p.Rung)
	}
	g.Reasons = slices.DeleteFunc(g.Reasons, func(x Reason) bool { return x.Code == ReasonEdits })
	r.closeForClock(&g, now)
	return r.overridden(g, passage{r.From, r.FromAim, r.FromSince})
}

// RungGate is the gate into a rung: own checks clean, and clean for as long as
// the rung asks; the first rung is also gate 5. Above 2592000 every certificate
// must have been seen to renew.
func (r Rollout) RungGate(now time.Time, rung uint32) Gate {
	soak := r.Settings.Soak.BeforeRung(rung)
	if r.Rung() <= TestingMaxAge {
		soak = max(soak, r.Settings.Soak.Enforce)
	}
	g := r.SoakGate(now, soak, fmt.Sprintf("before max_age %d", rung))
	if rung > MonthMaxAge {
		for _, reason := range r.Renewed() {
			g.Close(reason)
		}
	}
	return g.Settle()
}

// closeAlways adds the reasons that hold any gate shut.
func (r Rollout) closeAlways(g *Gate, now time.Time) {
	if r.Evidence != nil {
		for _, f := range r.Drifted(*r.Evidence) {
			g.Close(Reason{Code: ReasonDrift, Subject: f.Subject, Text: f.Title, Final: true,
				Fix: "belay restore puts the last verified state back; belay adopt takes what is live"})
		}
	}
	if busy, ok := r.Unfinished(); ok {
		fix := "belay next goes on with it"
		switch {
		case busy.Outdated:
			fix = "the settings were changed since; belay next makes it again by them, or gives it up"
		case slices.ContainsFunc(busy.Plan.Edits, func(e Edit) bool { return busy.Edits[e.ID].refused() }):
			fix = "belay next makes it again by what stands now, or gives it up"
		}
		g.Close(Reason{Code: ReasonBusy, Subject: busy.Plan.Hash(), Final: true,
			Text: fmt.Sprintf("plan %s was accepted and is not finished: %s", busy.Plan.Hash(), strings.TrimSuffix(busy.HalfState(), ".")),
			Fix:  fix})
	}
	r.closeForClock(g, now)
}

// closeForClock shuts a gate that waits on time while the clock cannot be
// believed.
func (r Rollout) closeForClock(g *Gate, now time.Time) {
	if !leadsToEnforcing(r.Phase) {
		return
	}
	if now.Before(r.LastAt) {
		g.Close(Reason{Code: ReasonClock, Subject: r.Domain, Final: true,
			Text: fmt.Sprintf("the clock says %s, and the journal was last written at %s", stamp(now), stamp(r.LastAt)),
			Fix:  "set the clock right (NTP); gates that wait on time stay closed until then"})
	}
	if r.Evidence == nil {
		return
	}
	for _, f := range r.Evidence.Findings {
		if f.Code == "O09" {
			g.Close(Reason{Code: ReasonClock, Subject: f.Subject, Text: f.Title, Fix: f.Fix, Final: true})
		}
	}
}

// raises reports whether p turns the mode to enforce or raises max_age under
// enforce: what no broken host may be led into.
func (r Rollout) raises(p Plan) bool {
	want, ok := p.Policy()
	if !ok || want.Mode != mtasts.Enforce {
		return false
	}
	if r.Mode() != mtasts.Enforce || want.MaxAge > r.Rung() {
		return true
	}
	// A step back or an undo that was cut short may have put a milder body there
	// which no id tells of yet: only a restore puts the announced one back.
	serving, served := r.Serving()
	return served && p.Purpose != ForRestore && milder(serving.Policy(), want)
}

// against is what speaks against carrying p out at all, whatever the gate says.
// Nothing speaks against a step back.
func (r Rollout) against(p Plan, seen Evidence) []Reason {
	if p.Purpose == ForStepBack {
		return nil
	}
	return append(r.againstResuming(p, seen), disagreements(p, seen)...)
}

// againstResuming is what speaks against going on with p, which was accepted some
// time ago: what an override never covers. A step back goes on.
func (r Rollout) againstResuming(p Plan, seen Evidence) []Reason {
	if p.Purpose == ForStepBack {
		return nil
	}
	out := append(r.uncovered(p, seen), r.undelegable(p, seen)...)
	if want, ok := p.Policy(); ok && p.Purpose == ForRestore && want.Mode == mtasts.Enforce {
		for _, f := range seen.Fails() {
			if BrokenMX(string(f.Code)) {
				out = append(out, Reason{Code: string(f.Code), Subject: f.Subject, Final: true, Text: f.Title,
					Fix: "a broken MX host is not enforced again: belay step-back " + r.Domain})
			}
		}
	}
	return out
}

// uncovered are the MX hosts that the policy of p leaves out. No override covers
// them.
func (r Rollout) uncovered(p Plan, seen Evidence) []Reason {
	want, ok := p.Policy()
	if !ok || want.Mode == mtasts.None {
		return nil
	}
	var out []Reason
	for _, host := range Uncovered(want, seen.MXNames()) {
		out = append(out, Reason{Code: ReasonCover, Subject: host, Final: true,
			Text: fmt.Sprintf("%s receives mail for %s and no mx line of the policy covers it", host, r.Domain),
			Fix:  "add it with belay set --mx, or take it out of the MX records"})
	}
	return out
}

func (e *Engine) step(p Phase) (Step, bool) {
	for _, s := range e.Steps {
		if s.Phase() == p {
			return s, true
		}
	}
	return nil, false
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
