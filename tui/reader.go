package tui

// A reader shows lines over a screen: help, details, an explanation.
type reader struct {
	title string
	lines []string
	pane  pane
}

func newReader(title string, lines []string) *reader { return &reader{title: title, lines: lines} }

// size lays the lines out anew; they were written for no width.
func (r *reader) size(w, h int) {
	r.pane.size(w, h-2)
	var out []string
	for _, l := range r.lines {
		if l == "" {
			out = append(out, "")
			continue
		}
		lead := 0
		for lead < len(l) && l[lead] == ' ' {
			lead++
		}
		out = append(out, indent(l[lead:], lead, r.pane.room())...)
	}
	r.pane.fill(out, nil)
}

func (r *reader) view(st Styles) []string {
	return append([]string{"", "  " + st.title.Render(cut(r.title, r.pane.room()))}, r.pane.view()...)
}
