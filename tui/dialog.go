package tui

import (
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"belay/rollout/mtasts"
)

// calm is how long a prompt that appears by itself swallows keys: what is typed
// then was meant for what stood there before.
const calm = 600 * time.Millisecond

// A dialog asks before something is done. Its answer is no until every field is
// filled in rightly.
type dialog struct {
	title  string
	lines  []string // what it means
	fields []*field
	// done is run after a yes, with the fields' answers.
	done func(answers []string) tea.Cmd
	// unasked marks a dialog that the operator did not call for.
	unasked bool

	at     int  // the field that is typed into
	deaf   bool // within calm of appearing unasked
	styles Styles
}

// hearMsg ends the calm of a dialog.
type hearMsg struct{ dialog *dialog }

// typed is the field in which the domain is typed to say yes.
func typed(domain string) *field {
	return newField("Type the domain to go on", "", func(s string) error {
		if s == domain {
			return nil
		}
		if ascii, _, err := mtasts.Domain(s); err == nil && ascii == domain {
			return nil
		}
		return fmt.Errorf("that is not %s; nothing was done", domain)
	})
}

// reason is a field for why something is done, which the journal keeps.
func reason() *field {
	return newField("Why", "one sentence for the journal", func(s string) error {
		if s == "" {
			return fmt.Errorf("the journal keeps a reason: write one")
		}
		return nil
	})
}

// show gives the dialog the keyboard.
func (d *dialog) show(k *kit) tea.Cmd {
	d.styles = k.styles
	d.fields[0].focus()
	if !d.unasked {
		return nil
	}
	d.deaf = true
	return k.after(calm, hearMsg{d})
}

// update takes a key; over is true when the dialog is answered.
func (d *dialog) update(msg tea.KeyMsg) (cmd tea.Cmd, over bool) {
	switch name := msg.String(); {
	case d.deaf:
		return nil, false
	case name == "esc":
		return nil, true
	case name == "enter" || name == "tab" || name == "down":
		return d.forward(name == "enter")
	case name == "shift+tab" || name == "up":
		d.turn(-1)
		return nil, false
	}
	d.fields[d.at].update(msg)
	return nil, false
}

// forward goes to the next field; after the last one enter is yes, if all
// answers are good. Enter where nothing at all was typed says so.
func (d *dialog) forward(enter bool) (tea.Cmd, bool) {
	if enter && d.blank() && !d.fields[d.at].good() {
		d.fields[d.at].trouble = "nothing was typed; esc is no"
		return nil, false
	}
	if !enter || d.at < len(d.fields)-1 {
		if !enter || d.fields[d.at].good() {
			d.turn(1)
		}
		return nil, false
	}
	answers := make([]string, len(d.fields))
	for i, f := range d.fields {
		if !f.good() {
			d.turn(i - d.at)
			return nil, false
		}
		answers[i] = f.value()
	}
	return d.done(answers), true
}

func (d *dialog) blank() bool {
	for _, f := range d.fields {
		if f.value() != "" {
			return false
		}
	}
	return true
}

func (d *dialog) turn(by int) {
	d.fields[d.at].blur()
	d.at = (d.at + by + len(d.fields)) % len(d.fields)
	d.fields[d.at].focus()
}

// view is the dialog in at most h lines of w cells.
func (d *dialog) view(w, h int) []string {
	out := []string{"", " " + d.styles.title.Render(cut(d.title, w-2)), ""}
	var asked []string
	for i, f := range d.fields {
		lead := "   "
		if i == d.at {
			lead = " > "
		}
		label := f.label + ": "
		asked = append(asked, lead+label+f.line(d.styles, w-len(lead)-len(label)-1))
		if f.trouble != "" {
			asked = append(asked, indent(d.styles.fail.Render(f.trouble), 3, w)...)
		}
	}
	var said []string
	for _, l := range d.lines {
		if l == "" {
			said = append(said, "")
			continue
		}
		said = append(said, indent(l, 1, w-1)...)
	}
	// What is asked must always be seen; the explanation gives way.
	if room := h - len(out) - len(asked) - 2; len(said) > room {
		said = append(said[:max(room-1, 0)], " …")
	}
	out = append(out, said...)
	out = append(out, "")
	return append(out, asked...)
}

// keys says in a line what the keys do.
func (d *dialog) keys() []act {
	nothing := func() tea.Cmd { return nil }
	acts := []act{on("esc", "no", nothing)}
	if len(d.fields) > 1 {
		acts = append(acts, on("tab", "next field", nothing))
	}
	return append(acts, on("enter", "go on", nothing))
}
