package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// A question is one line of a form: an answer that is typed, one that is chosen,
// or something to be done.
type question struct {
	label string
	// Exactly one of these is set.
	field  *field
	choice *choice
	do     func() tea.Cmd
	// note is shown below the question.
	note string
	// left, if set, is run when the question has been answered anew.
	left func() tea.Cmd
	was  string
}

// choice is one of several answers.
type choice struct {
	options []option
	at      int
}

// option is an answer that can be chosen: what it is called and its id.
type option struct{ id, label string }

func (c *choice) id() string {
	if c.at < len(c.options) {
		return c.options[c.at].id
	}
	return ""
}

// pick chooses the option with this id, if there is one.
func (c *choice) pick(id string) {
	for i, o := range c.options {
		if o.id == id {
			c.at = i
		}
	}
}

func (c *choice) turn(by int) { c.at = (c.at + by + len(c.options)) % len(c.options) }

// line shows all options, the chosen one in brackets; where they do not fit into
// w cells, the chosen one and how many there are.
func (c *choice) line(st Styles, focused bool, w int) string {
	var parts []string
	for i, o := range c.options {
		switch {
		case i != c.at:
			parts = append(parts, st.muted.Render(o.label))
		case focused:
			parts = append(parts, st.strong.Render("["+o.label+"]"))
		default:
			parts = append(parts, "["+o.label+"]")
		}
	}
	all := strings.Join(parts, "  ")
	if ansi.StringWidth(all) > w {
		chosen := fmt.Sprintf("%s  %d of %d", parts[c.at], c.at+1, len(parts))
		if ansi.StringWidth(chosen) > w {
			chosen = fmt.Sprintf("%s %d/%d", parts[c.at], c.at+1, len(parts))
		}
		return cut(chosen, w)
	}
	return all
}

// answer is what stands there now, to see whether it has changed.
func (q *question) answer() string {
	switch {
	case q.field != nil:
		return q.field.value()
	case q.choice != nil:
		return q.choice.id()
	}
	return ""
}

// leave checks an answer that was given and, where it is new and good, runs what
// follows from it.
func (q *question) leave() tea.Cmd {
	if q.field != nil {
		q.field.blur()
		if !q.field.good() {
			return nil
		}
	}
	if now := q.answer(); q.left != nil && now != q.was {
		q.was = now
		return q.left()
	}
	return nil
}

// wrong reports whether an answer was typed, checked and found bad.
func (q *question) wrong() bool { return q.field != nil && q.field.trouble != "" }

func (q *question) enter() {
	if q.field != nil {
		q.field.focus()
	}
}
