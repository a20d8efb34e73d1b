package tui

import (
	"fmt"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	tea "github.com/charmbracelet/bubbletea"
)

// confirm asks for the domain before a plan is carried out: what it changes, what
// that means, and the way back.
func (k *kit) confirm(r rollout.Rollout, p rollout.Plan, do func() tea.Cmd) *dialog {
	title, meaning := k.meaning(r, p)
	lines := []string{meaning, ""}
	for _, e := range p.Edits {
		if line := what(e); e.ByHand() {
			lines = append(lines, line+"   by hand")
		} else {
			lines = append(lines, line)
		}
	}
	return &dialog{
		title:  title,
		lines:  lines,
		fields: []*field{typed(r.Domain)},
		done:   func([]string) tea.Cmd { return do() },
	}
}

// meaning is the question a plan asks and what follows from a yes.
func (k *kit) meaning(r rollout.Rollout, p rollout.Plan) (title, meaning string) {
	policy, publishes := p.Policy()
	wayBack, h := undoes, handsOf(p)
	if r.Mode() == mtasts.Enforce {
		wayBack = "b steps back to testing."
	}
	switch {
	case p.Purpose == rollout.ForStepBack:
		return fmt.Sprintf("Step %s back to testing?", r.Domain),
			"Senders deliver again whatever they meet, as soon as they see the new id." + h.yours() + k.heldUntil(r)
	case p.Purpose == rollout.ForRestore:
		return fmt.Sprintf("Put back what was verified last for %s?", r.Domain),
			"The last verified policy and records are published again, the mode unchanged." + h.yours()
	case p.Purpose == rollout.ForUndo:
		return fmt.Sprintf("Undo the last plan of %s?", r.Domain),
			"Undo goes forward: an address or report record gets back what it held, an earlier policy is published anew under a new id." + h.yours()
	case publishes && policy.Mode == mtasts.Enforce && r.Mode() != mtasts.Enforce:
		return fmt.Sprintf("Switch %s to enforce?", r.Domain),
			fmt.Sprintf("From now on senders refuse hosts that fail. Way back: b, some minutes plus caches (at the longest until %s, the policy's max_age of %s).",
				k.when(k.clock.Now().Add(secondsOf(policy.MaxAge))), seconds(policy.MaxAge)) + h.yours()
	case publishes && policy.MaxAge > r.Rung() && r.Rung() > 0:
		return fmt.Sprintf("Raise max_age of %s to %s?", r.Domain, seconds(policy.MaxAge)),
			fmt.Sprintf("Senders keep the policy that long: until %s a mistake in it would last with those that do not look again. %s",
				k.when(k.clock.Now().Add(secondsOf(policy.MaxAge))), wayBack) + h.yours()
	case publishes:
		return fmt.Sprintf("Publish the policy of %s in %s?", r.Domain, policy.Mode),
			h.carriedOut(wayBack)
	}
	return h.asked(r.Domain), h.carriedOut(undoes)
}

// heldUntil says how long a sender may hold any policy of the ledger: one that was
// served before may last longer than what is live now.
func (k *kit) heldUntil(r rollout.Rollout) string {
	until := r.Ledger.HeldUntil(k.clock.Now())
	if until.IsZero() {
		return ""
	}
	return fmt.Sprintf(" One that does not look again keeps what it holds until %s at the longest.", k.when(until))
}

// overrideDialog asks for a reason and the domain before a gate is passed.
func (k *kit) overrideDialog(domain string, g rollout.Gate, do func(reason string) tea.Cmd) *dialog {
	lines := []string{"The gate is closed because of what stands below. Going on anyway is your decision; it is written down with your name and shown here for ever.", ""}
	for _, r := range rollout.Grouped(g.Closed()) {
		mark := "- "
		if r.Final {
			mark = "stays: "
		}
		lines = append(lines, mark+k.local(finding.Clean(about(r), 400)))
	}
	return &dialog{
		title:  fmt.Sprintf("Go on with %s anyway?", domain),
		lines:  lines,
		fields: []*field{reason(), typed(domain)},
		done:   func(answers []string) tea.Cmd { return do(answers[0]) },
	}
}
