package tui

import (
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// reporterLines are who reports how regularly, which policy each holds, and what
// does not count.
func (s *reports) reporterLines(w int) []string {
	var out []string
	now := s.clock.Now()
	var others int64
	var names []string
	shown := 0
	for _, c := range s.review.Reporters {
		if !c.Counted {
			if n := c.Success + c.Failure; n > 0 {
				others += n
				names = append(names, finding.Clean(c.Reporter, 80))
			}
			continue
		}
		if shown++; shown > mostReporters {
			continue
		}
		row := columns([]int{min(22, w/4), 13, 12, 0}, finding.Clean(c.Reporter, 80), fmt.Sprintf("%d of %s", c.Days, plural(c.Of, "day")), count(c.Success)+" ok", s.refusals(c))
		out = append(out, row)
		out = append(out, indent(strings.Join(s.notes(c, now), "; "), 4, w)...)
	}
	if more := shown - mostReporters; more > 0 {
		out = append(out, "and "+plural(more, "further reporter")+"; x writes all down")
	}
	if others > 0 {
		by := strings.Join(names[:min(len(names), 5)], ", ")
		if more := len(names) - 5; more > 0 {
			by += " and " + plural(more, "other")
		}
		out = append(out, "")
		said := fmt.Sprintf("warn  %s sessions do not count: their reports are unsigned or from signers nobody knows: %s. ", count(others), by)
		if sources := s.uncounted(3); sources != "" {
			said += "They came from " + sources + "; "
		}
		out = append(out, indent(s.styles.warn.Render(said+"t trusts a source in writing."), 0, w)...)
	}
	return out
}

// uncounted names what to trust where reports are to count that do not, at most so
// many.
func (s *reports) uncounted(most int) string {
	var names []string
	for _, u := range s.review.Uncounted[:min(len(s.review.Uncounted), most)] {
		names = append(names, finding.Clean(u.Source, 200))
	}
	said := strings.Join(names, ", ")
	if more := len(s.review.Uncounted) - most; more > 0 {
		said += " and " + plural(more, "other source")
	}
	return said
}

// notes are what there is to say of a reporter: how it counts, how late it is,
// whether it stopped, and what it holds.
func (s *reports) notes(c rollout.Coverage, now time.Time) []string {
	var out []string
	switch {
	case c.Known:
	case c.Standing == rollout.Posted:
		out = append(out, "counts by its source alone: anybody can post in its name")
	default:
		out = append(out, "counts by its source alone; t makes it a known sender")
	}
	if regular, rest, found := strings.Cut(c.Words(), ", "); found && regular != "" {
		out = append(out, strings.Split(rest, ", ")...)
	}
	for _, h := range s.review.Versions {
		if h.Reporter == c.Reporter {
			said := h.Words(now)
			if h.Strange {
				said = s.styles.fail.Render(said)
			}
			out = append(out, said)
		}
	}
	return out
}

// refusals is how many sessions of a reporter would have been refused.
func (s *reports) refusals(c rollout.Coverage) string {
	refused := "would be refused"
	if s.enforced() {
		refused = "refused"
	}
	said := "none " + refused
	if c.Refused > 0 {
		said = s.styles.fail.Render(count(c.Refused) + " " + refused)
	}
	if c.NoPolicy > 0 {
		said += ", " + s.styles.warn.Render(count(c.NoPolicy)+" without policy")
	}
	return said
}

// findingLines are what the reports show besides failures. Which policy a reporter
// still holds stands beside its name.
func (s *reports) findingLines(w int) []string {
	var out []string
	told := 0
	for _, f := range s.review.Findings {
		if f.Code == "V08" {
			continue
		}
		if told++; told <= mostReasons {
			out = append(out, findingLine(s.styles, f, w))
			out = append(out, indent(f.Fix, 6, w)...)
		}
	}
	if more := told - mostReasons; more > 0 {
		out = append(out, "and "+plural(more, "further finding"))
	}
	if len(out) > 0 {
		out = append([]string{""}, out...)
	}
	return out
}
