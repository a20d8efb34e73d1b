package tui

import (
	"fmt"
	"slices"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/charmbracelet/x/ansi"
)

// seenOf is what was seen of one edit: the newest sighting of each server, in the
// order in which they first spoke, and what was concluded. What is asked on the way
// there, of other names and types, is none of it.
type seenOf struct {
	sightings []rollout.Sighting
	findings  []finding.Finding
}

// take follows an event of looking for the edit.
func (s *seenOf) take(ev rollout.Event) {
	if ev.Kind == rollout.Concluded && ev.Finding != nil && !slices.Contains(s.findings, *ev.Finding) {
		s.findings = append(s.findings, *ev.Finding) // once, however often it is looked for
	}
	if ev.Kind != rollout.Answered || ev.Sighting == nil {
		return
	}
	for i, old := range s.sightings {
		if old.Where == ev.Sighting.Where && old.IP == ev.Sighting.IP {
			s.sightings[i] = *ev.Sighting
			return
		}
	}
	s.sightings = append(s.sightings, *ev.Sighting)
}

// leastSaid is how many cells what a server has needs beside the server; with less
// it stands below it.
const leastSaid = 24

// lines are the servers, and whether what each has is what the edit leaves there. A
// server's name and address are never cut: one is told from another by their ends.
func (s *seenOf) lines(st Styles, e rollout.Edit, w int) []string {
	whoWidth := 0
	for _, g := range s.sightings {
		whoWidth = max(whoWidth, ansi.StringWidth(server(g)))
	}
	var out []string
	for _, g := range s.sightings {
		mark, said, spent := markOf(st, e, g), saidBy(g), st.muted.Render(took(g.Took))
		if whoWidth+leastSaid <= w-8-markWidth {
			out = append(out, "        "+both(mark+pad(server(g), whoWidth)+"  "+said, spent, w-8))
			continue
		}
		who := indent(server(g), 8+markWidth, w)
		who[0] = "        " + mark + who[0][8+markWidth:]
		out = append(append(out, who...), indent(said, 8+markWidth, w)...)
	}
	return out
}

// markWidth is that of the longest mark and a space after it.
const markWidth = len("no answer ")

// markOf says whether one server has what the edit leaves behind.
func markOf(st Styles, e rollout.Edit, g rollout.Sighting) string {
	switch {
	case rollout.Live(e, []rollout.Sighting{g}):
		return st.ok.Render(pad("ok", markWidth))
	case g.Answered:
		return st.warn.Render(pad("not yet", markWidth))
	}
	return st.warn.Render(pad("no answer", markWidth))
}

func server(g rollout.Sighting) string {
	return finding.Clean(fmt.Sprintf("%s [%s]", g.Where, g.IP), 300)
}

// saidBy is what a server has, or why that is not known. How long nothing may be
// kept is no news here; the serial tells a server that lags.
func saidBy(g rollout.Sighting) string {
	if g.Err != "" {
		return finding.Clean(g.Err, 300)
	}
	said := "nothing"
	if g.Wildcard.Exists {
		said = "nothing of its own; a wildcard answers " + finding.Clean(g.Wildcard.String(), 300)
	}
	if g.Value.Exists {
		said = finding.Clean(g.Value.String(), 300)
		if g.TTL > 0 {
			said += fmt.Sprintf(", TTL %d", g.TTL)
		}
	}
	if g.Serial != 0 {
		said += fmt.Sprintf(", serial %d", g.Serial)
	}
	return said
}
