package tui

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"
)

// A pane shows as many of its lines as fit. Some lines can begin a thing that is
// selected; the selected one is marked in the first column. Lines are kept as
// they were rendered: scrolling renders nothing anew.
type pane struct {
	width, height int
	lines         []string
	marks         []int // the lines where things begin, ascending
	at            int   // the selected mark
	top           int   // the first line shown
}

// mostRead is how wide lines for reading are at most, however wide the window is:
// the eye loses its line beyond.
const mostRead = 150

// gutter is the room for the mark of what is selected.
const gutter = 2

func (p *pane) size(w, h int) {
	p.width, p.height = w, max(h, 0)
	p.clamp()
}

// room is the width of a line's text.
func (p *pane) room() int { return max(p.width-gutter, 1) }

// fill replaces the lines, which become the pane's, and keeps the place where it
// still is one.
func (p *pane) fill(lines []string, marks []int) {
	for i := range lines {
		lines[i] = cut(lines[i], p.room())
	}
	p.lines, p.marks = lines, marks
	p.at = max(0, min(p.at, len(marks)-1))
	p.clamp()
}

func (p *pane) clamp() {
	p.top = max(0, min(p.top, len(p.lines)-p.window()))
}

// window is how many lines are shown: one less where a note says that there are
// more.
func (p *pane) window() int {
	if len(p.lines) > p.height {
		return max(p.height-1, 1)
	}
	return p.height
}

// move goes to the next or an earlier thing, or scrolls where there is none. A thing
// that is selected and not yet in view is gone to first.
func (p *pane) move(by int) {
	next := p.at + by
	if by > 0 && len(p.marks) > 0 && p.marks[p.at] >= p.top+p.window() {
		next = p.at
	}
	if len(p.marks) == 0 || next < 0 || next >= len(p.marks) {
		p.scroll(by)
		return
	}
	p.at = next
	from, to := p.marks[next], len(p.lines)
	if next+1 < len(p.marks) {
		to = p.marks[next+1]
	}
	if to > p.top+p.window() {
		p.top = to - p.window()
	}
	if from < p.top {
		p.top = from
	}
	p.clamp()
}

func (p *pane) scroll(by int) {
	p.top += by
	p.clamp()
}

// page scrolls by a window and selects what came into view.
func (p *pane) page(by int) {
	p.scroll(by * max(p.window()-1, 1))
	for i, m := range p.marks {
		if m >= p.top {
			p.at = i
			return
		}
	}
}

// end goes to the first or last line.
func (p *pane) end(last bool) {
	p.at, p.top = 0, 0
	if last {
		p.at, p.top = max(len(p.marks)-1, 0), len(p.lines)
	}
	p.clamp()
}

// view is the visible part, exactly height lines.
func (p *pane) view() []string {
	out := make([]string, 0, p.height)
	selected := -1
	if len(p.marks) > 0 {
		selected = p.marks[p.at]
	}
	last := min(p.top+p.window(), len(p.lines))
	for i := p.top; i < last && len(out) < p.height; i++ {
		lead := "  "
		if i == selected {
			lead = "> "
		}
		out = append(out, lead+p.lines[i])
	}
	if rest := len(p.lines) - last; len(p.lines) > p.height && len(out) < p.height {
		note := fmt.Sprintf("  … %s more below: down, pgdown", plural(rest, "line"))
		if rest == 0 {
			note = fmt.Sprintf("  … end; %s above: up, pgup", plural(p.top, "line"))
		}
		out = append(out, cut(note, p.width))
	}
	for len(out) < p.height {
		out = append(out, "")
	}
	return out
}

// reading is the width of lines for reading.
func (p *pane) reading() int { return min(p.room(), mostRead) }

// moves are the keys that move in a pane.
func (p *pane) moves() []act {
	step := func(f func()) func() tea.Cmd {
		return func() tea.Cmd { f(); return nil }
	}
	return []act{
		quietly("up/k", "up", step(func() { p.move(-1) }), "up", "k"),
		quietly("down/j", "down", step(func() { p.move(1) }), "down", "j"),
		quietly("pgup", "a page up", step(func() { p.page(-1) }), "pgup", "ctrl+b"),
		quietly("pgdown", "a page down", step(func() { p.page(1) }), "pgdown", "ctrl+f", " "),
		quietly("home", "to the beginning", step(func() { p.end(false) }), "home"),
		quietly("end", "to the end", step(func() { p.end(true) }), "end"),
	}
}
