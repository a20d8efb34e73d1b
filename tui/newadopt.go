package tui

import (
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	tea "github.com/charmbracelet/bubbletea"
)

// askAdoption shows what is live that belay did not publish, and where the rollout
// would start, before any of it is adopted. It comes at the end of a look, so nobody
// called for it; without a yes nothing is started.
func (n *newRollout) askAdoption(live rollout.Adoption) *dialog {
	lines := []string{
		fmt.Sprintf("Belay did not publish it: %s. Once adopted, %s.", live, live.Starts()),
		"Nothing in the world changes. Without it nothing is started: what senders may hold has to be known.",
		"",
	}
	if live.Record != "" {
		lines = append(lines, mtasts.RecordName(live.Domain)+": "+finding.Clean(live.Record, 300))
	}
	for line := range strings.SplitSeq(strings.TrimRight(live.Body, "\r\n"), "\n") {
		lines = append(lines, finding.Clean(line, 300))
	}
	return &dialog{
		title:   fmt.Sprintf("Adopt what is live at %s?", live.Domain),
		lines:   lines,
		fields:  []*field{typed(live.Domain)},
		unasked: true,
		done: func([]string) tea.Cmd {
			return n.createAdopting(rollout.AdoptConsent{Given: true, Shown: &live})
		},
	}
}
