package tui

import (
	"context"
	"fmt"
	"strings"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
)

// driftLines show a world that is not as belay left it, and the two ways on.
func (p *phase) driftLines(d rollout.Drift, w int) []string {
	lines := []string{p.styles.fail.Render("The world differs from what belay verified last")}
	for _, f := range d.Findings {
		lines = append(lines, findingLine(p.styles, f, w))
	}
	if d.RestoreRefused != "" {
		lines = append(lines, indent("R restore is not offered: "+d.RestoreRefused, 2, w)...)
	} else if !d.Restore.Empty() {
		lines = append(lines, "  R restore would "+restores(d.Restore)+":")
		for _, e := range d.Restore.Edits {
			lines = append(lines, "      "+what(e))
			lines = append(lines, diff(p.styles, e)...)
		}
	}
	if d.AdoptRefused != "" {
		lines = append(lines, indent("A adopt is not offered: "+d.AdoptRefused, 2, w)...)
	} else if len(d.Adopt) > 0 {
		lines = append(lines, "  A adopt would take in, changing nothing in the world:")
		for _, e := range d.Adopt {
			lines = append(lines, indent(fmt.Sprintf("%s, max_age %s, id %s, mx %s", e.Mode, seconds(e.MaxAge), strings.Join(e.IDs, " "), strings.Join(e.MX, " ")), 6, w)...)
		}
	}
	return append(lines, "")
}

// driftActs are the two ways on from it.
func (p *phase) driftActs() []act {
	d := p.proposal.Drift
	if d == nil {
		return nil
	}
	var acts []act
	if d.RestoreRefused == "" && !d.Restore.Empty() {
		acts = append(acts, on("R", "restore", func() tea.Cmd {
			return p.proposeOwn("Making the plan that puts back what was verified last.", p.engine.ProposeRestore)
		}))
	}
	if d.AdoptRefused == "" && len(d.Adopt) > 0 {
		acts = append(acts, on("A", "adopt", p.askAdopt))
	}
	return acts
}

// askAdopt asks whether what is shown shall be adopted; what has taken its place by
// then is not.
func (p *phase) askAdopt() tea.Cmd {
	shown := p.proposal.Drift.Found
	return p.nav.ask(&dialog{
		title: fmt.Sprintf("Take what is live for %s as it is?", p.domain),
		lines: []string{
			fmt.Sprintf("Nothing in the world changes: %s. The ledger takes in this policy, which senders can fetch now, and no other; then %s.", shown, shown.GoesOn())},
		fields: []*field{reason(), typed(p.domain)},
		done: func(answers []string) tea.Cmd {
			return p.decide("What is live is in the ledger now.", func(ctx context.Context) error {
				_, err := p.engine.Adopt(ctx, p.domain, answers[0], rollout.AdoptConsent{Given: true, Shown: &shown}, nil)
				return err
			})
		},
	})
}
