package tui

import (
	"fmt"
	"time"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
)

const (
	// changesShown is how many changes stand above what was seen; a key shows all.
	changesShown = 3
	// longAway is how old a look must be for it to be worth a line that nothing has
	// changed since.
	longAway = time.Hour
)

// since is what changed since the look before this one, where there is anything to
// say of it.
func (p *phase) since() (rollout.Since, bool) {
	if p.proposal == nil || p.looking != nil || p.walk != nil || p.proposal.Since == nil {
		return rollout.Since{}, false
	}
	s := *p.proposal.Since
	return s, len(s.Changes) > 0 || p.proposal.Evidence.At.Sub(s.At) >= longAway
}

// lasting is what changed by the newest look; where that saw nothing new, what an
// earlier one on this screen told still holds.
func (p *phase) lasting(newest *rollout.Since) *rollout.Since {
	if newest != nil && len(newest.Changes) > 0 || p.proposal == nil || p.proposal.Since == nil {
		return newest
	}
	return p.proposal.Since
}

// sinceLines are the worst changes in short.
func (p *phase) sinceLines(w int) []string {
	s, ok := p.since()
	if !ok {
		return nil
	}
	if len(s.Changes) == 0 {
		return []string{p.styles.muted.Render("Since " + p.when(s.At) + " nothing has changed."), ""}
	}
	out := []string{p.styles.strong.Render("Since " + p.when(s.At) + ":")}
	for _, c := range s.Changes[:min(len(s.Changes), changesShown)] {
		out = append(out, cut(p.styles.mark(c.Severity)+" "+p.local(c.Text), w))
	}
	if more := len(s.Changes) - changesShown; more > 0 {
		out = append(out, p.styles.muted.Render(fmt.Sprintf("      and %d more: s shows them", more)))
	}
	return append(out, "")
}

// sinceActs show every change in full.
func (p *phase) sinceActs() []act {
	s, ok := p.since()
	if !ok || len(s.Changes) == 0 {
		return nil
	}
	return []act{on("s", "what changed", func() tea.Cmd {
		var lines []string
		for _, c := range s.Changes {
			lines = append(lines, fmt.Sprintf("%-4s  %s", word(c.Severity), p.local(c.Text)))
		}
		p.nav.read("Since "+p.when(s.At), lines)
		return nil
	})}
}
