package tui

import (
	"belay/rollout/finding"

	"github.com/charmbracelet/lipgloss"
)

// Styles are the meanings that text can have on a screen. Colours stand here and
// nowhere else; each reads on a light and on a dark background, and each repeats
// what a word beside it says.
type Styles struct {
	ok, warn, fail, info lipgloss.Style
	// unknown is what could not be seen from here.
	unknown lipgloss.Style
	// title names what a screen is about; strong is what matters in a line.
	title, strong lipgloss.Style
	// muted is what can be read later; key is a key to press.
	muted, key lipgloss.Style
	// next says what to do now.
	next lipgloss.Style
	// added and removed are the two sides of a diff.
	added, removed lipgloss.Style
	// cursor is the character under the cursor of a field.
	cursor lipgloss.Style
}

// newStyles makes the styles for a renderer, which knows how many colours the
// terminal has and whether NO_COLOR asks for none.
func newStyles(r *lipgloss.Renderer) Styles {
	colour := func(c string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(c)) }
	const (
		green  = "28"
		amber  = "172"
		red    = "160"
		blue   = "32"
		violet = "97"
		grey   = "244"
	)
	return Styles{
		ok:      colour(green),
		warn:    colour(amber),
		fail:    colour(red).Bold(true),
		info:    colour(blue),
		unknown: colour(violet),
		title:   r.NewStyle().Bold(true),
		strong:  r.NewStyle().Bold(true),
		muted:   colour(grey),
		key:     colour(blue).Bold(true),
		next:    r.NewStyle().Bold(true),
		added:   colour(green),
		removed: colour(red),
		cursor:  r.NewStyle().Reverse(true),
	}
}

// word is how a severity is written: the same width for all, and the worst one
// loudest even without colour.
func word(s finding.Severity) string {
	switch s {
	case finding.Fail:
		return "FAIL"
	case finding.Warn:
		return "warn"
	case finding.Info:
		return "info"
	case finding.Unknown:
		return "unkn"
	}
	return "ok"
}

// of is the style of a severity.
func (s Styles) of(sev finding.Severity) lipgloss.Style {
	switch sev {
	case finding.Fail:
		return s.fail
	case finding.Warn:
		return s.warn
	case finding.Info:
		return s.info
	case finding.Unknown:
		return s.unknown
	}
	return s.ok
}

// mark is a severity's word, coloured and padded to a column.
func (s Styles) mark(sev finding.Severity) string { return s.of(sev).Render(pad(word(sev), 5)) }
