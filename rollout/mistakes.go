package rollout

import (
	"slices"

	"belay/rollout/finding"
)

// mistaken adds to what an operator's own edit waits for what the look found wrong
// with it: the mistake by its name, and what to correct. That the servers disagree
// is said by the gate already.
func mistaken(g Gate, edit Edit, found []finding.Finding) Gate {
	if !edit.ByHand() || edit.Kind != Record {
		return g
	}
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
