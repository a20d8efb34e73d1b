package tui

import (
	"regexp"
	"strings"

	"belay/rollout/finding"

	"github.com/charmbracelet/x/ansi"
)

// A reader shows lines over a screen: help, details, an explanation.
type reader struct {
	title string
	lines []string
	// exact is text that is shown whole and to the letter before the lines, with what it
	// is above it; empty where there is none.
	about, exact string
	// acts are what keys do beside scrolling; any other key closes the reader.
	acts []act
	pane pane
}

func newReader(title string, lines []string) *reader { return &reader{title: title, lines: lines} }

// keys are what its keys do.
func (r *reader) keys() []act { return append(r.acts[:len(r.acts):len(r.acts)], r.pane.moves()...) }

// size lays the lines out anew; they were written for no width.
func (r *reader) size(w, h int) {
	r.pane.size(w, h-2)
	var out []string
	if r.exact != "" {
		out = append(out, indent(r.about, 0, r.pane.reading())...)
		out = append(append(out, ""), broken(r.exact, r.pane.room())...)
		out = append(out, "")
	}
	for _, l := range r.lines {
		if l == "" {
			out = append(out, "")
			continue
		}
		lead := 0
		for lead < len(l) && l[lead] == ' ' {
			lead++
		}
		lines := indent(l[lead:], lead, r.pane.room())
		if point.MatchString(l) { // its further lines stand under its text
			lines = indent(l[len(pointLead):], len(pointLead), r.pane.room())
			lines[0] = l[:len(pointLead)] + strings.TrimPrefix(lines[0], pointLead)
		}
		out = append(out, lines...)
	}
	r.pane.fill(out, nil)
}

// point matches a line that begins a numbered point; pointLead is as wide as its number.
var point = regexp.MustCompile(`^[1-9]\. \S`)

const pointLead = "   "

// broken is text in lines of w cells, broken wherever one is full: put together again
// they are the text, each space in its place.
func broken(text string, w int) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		out = append(out, strings.Split(ansi.Hardwrap(finding.Aligned(line), max(w, 1), true), "\n")...)
	}
	return out
}

func (r *reader) view(st Styles) []string {
	return append([]string{"", "  " + st.title.Render(cut(r.title, r.pane.room()))}, r.pane.view()...)
}
