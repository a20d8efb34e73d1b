package tui

import (
	"fmt"
	"strings"

	"belay/rollout"
)

// mostSummed is how many rollouts the summary names.
const mostSummed = 5

// summary is what stays in the scrollback: where each rollout stands that was
// seen, and the next command.
func (a *app) summary() string {
	var b strings.Builder
	for i, domain := range a.visited {
		if i == mostSummed {
			fmt.Fprintf(&b, "and %s more: belay status\n", plural(len(a.visited)-i, "domain"))
			break
		}
		b.WriteString(a.sum(a.stand[domain]))
	}
	if a.lab != nil && b.Len() > 0 {
		b.WriteString("This was the demo: its lab and its rollout are gone.\n")
	}
	return b.String()
}

// sum is one rollout in a line, and what comes next in another.
func (a *app) sum(s standing) string {
	r := s.rollout
	where := r.Phase.String()
	if live, _, ok := r.Live(); ok {
		where += fmt.Sprintf(", %s, max_age %s", live.Mode, seconds(live.MaxAge))
	}
	if !r.Since.IsZero() {
		where += ", since " + a.day(r.Since)
	}
	closed := s.gate.Closed()
	switch {
	case len(failsOf(s)) > 0:
		where += fmt.Sprintf("; %d fail", len(failsOf(s)))
	case len(closed) > 0:
		where += "; gate closed"
		if !s.gate.Until.IsZero() {
			where += " until " + a.day(s.gate.Until)
		}
	}
	line := fmt.Sprintf("%s: %s.", shownDomain(r.Domain), where)
	if a.lab != nil {
		return line + "\n"
	}
	switch {
	case r.Phase == rollout.Holding:
		line += "\nWatch it from cron: belay check " + r.Domain
	case !s.gate.Until.IsZero():
		line += fmt.Sprintf("\nNext: belay %s on %s", r.Domain, a.day(s.gate.Until))
	default:
		line += "\nNext: belay " + r.Domain
	}
	return line + "   Journal: belay log " + r.Domain + "\n"
}
