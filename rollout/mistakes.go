package rollout

import (
	"context"
	"slices"

	"belay/rollout/finding"
)

// An Explainer is a Writer that knows the places it writes to well enough to say why
// senders do not see what stands there: a directory that the web server cannot pass,
// a server that serves another one.
type Explainer interface {
	// Explain says why e, which was written, is probably not seen, from what its
	// place shows and from seen, the newest look at e from outside. It writes nothing,
	// and says nothing where nothing speaks for a reason.
	Explain(ctx context.Context, e Edit, seen Evidence) []finding.Finding
}

// mistaken adds to what an operator's own edit waits for what the look found wrong
// with it: the mistake by its name, and what to correct. That the servers disagree
// is said by the gate already.
func mistaken(g Gate, edit Edit, found []finding.Finding) Gate {
	if !edit.ByHand() {
		return g
	}
	return telling(g, found)
}

// telling is g with what fails among found as reasons of their own.
func telling(g Gate, found []finding.Finding) Gate {
	for _, f := range found {
		if f.Severity != finding.Fail || f.Code == "D02" {
			continue
		}
		wrong := Reason{Code: string(f.Code), Subject: f.Subject, Text: f.Title, Fix: f.Fix, Final: true}
		if !slices.Contains(g.Reasons, wrong) {
			g.Reasons = append(g.Reasons, wrong)
		}
	}
	return g.Settle()
}

// explained is g with why what belay wrote is not seen: what its writer can tell of
// the place, and what the answers of the policy host say by themselves.
func (k *walk) explained(ctx context.Context, g Gate, edit Edit) Gate {
	if edit.ByHand() {
		return g
	}
	var why []finding.Finding
	if knowing, ok := k.w.(Explainer); ok {
		asking, cancel := context.WithTimeout(ctx, holdFor)
		defer cancel()
		why = knowing.Explain(asking, edit, k.seen)
	}
	for _, f := range why {
		k.emit.Emit(Event{Kind: Concluded, Subject: f.Subject, Text: f.Title, Severity: f.Severity, Finding: &f, Edit: &edit})
	}
	if edit.Kind == Policy {
		for _, f := range k.seen.Findings {
			if !slices.ContainsFunc(why, func(w finding.Finding) bool { return w.Code == f.Code }) {
				why = append(why, f)
			}
		}
	}
	return telling(g, why)
}
