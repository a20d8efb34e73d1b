package tui

import (
	"strings"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// A field is one answer that is typed.
type field struct {
	label string
	// hint says what may be typed, while nothing is.
	hint string
	// secret keeps what is typed off the screen.
	secret bool
	// check says in a sentence what is wrong with an answer; nil takes any.
	check func(string) error
	// trouble is what check said.
	trouble string
	// text is what is typed, before the cursor and after it.
	before, after []rune
	focused       bool
}

// longestAnswer bounds what can be typed or pasted into a field, in characters.
const longestAnswer = 4000

func newField(label, hint string, check func(string) error) *field {
	return &field{label: label, hint: hint, check: check}
}

// text is what stands in the field, as typed.
func (f *field) text() string { return string(f.before) + string(f.after) }

// value is the answer.
func (f *field) value() string { return strings.TrimSpace(f.text()) }

func (f *field) set(value string) { f.before, f.after = []rune(value), nil }

func (f *field) focus() { f.focused = true }
func (f *field) blur()  { f.focused = false }

// update types a key into the field, with the keys that shells know.
func (f *field) update(msg tea.KeyMsg) {
	f.trouble = ""
	switch msg.String() {
	case "left", "ctrl+b":
		if n := len(f.before); n > 0 {
			f.after = append([]rune{f.before[n-1]}, f.after...)
			f.before = f.before[:n-1]
		}
	case "right", "ctrl+f":
		if len(f.after) > 0 {
			f.before, f.after = append(f.before, f.after[0]), f.after[1:]
		}
	case "home", "ctrl+a":
		f.before, f.after = nil, []rune(f.text())
	case "end", "ctrl+e":
		f.before, f.after = []rune(f.text()), nil
	case "backspace", "ctrl+h":
		f.before = f.before[:max(len(f.before)-1, 0)]
	case "delete":
		f.after = f.after[min(1, len(f.after)):]
	case "ctrl+w":
		kept := strings.TrimRight(string(f.before), " ")
		f.before = []rune(kept[:strings.LastIndexByte(kept, ' ')+1])
	case "ctrl+u":
		f.before = nil
	case "ctrl+k":
		f.after = nil
	default:
		f.insert(msg)
	}
}

// insert types or pastes characters; what cannot be seen is left out.
func (f *field) insert(msg tea.KeyMsg) {
	if msg.Alt || msg.Type != tea.KeyRunes && msg.Type != tea.KeySpace {
		return
	}
	for _, r := range msg.Runes {
		if unicode.IsPrint(r) && len(f.before)+len(f.after) < longestAnswer {
			f.before = append(f.before, r)
		}
	}
}

// good checks the answer and keeps what is wrong with it.
func (f *field) good() bool {
	f.trouble = ""
	if f.check != nil {
		if err := f.check(f.value()); err != nil {
			f.trouble = err.Error()
		}
	}
	return f.trouble == ""
}

// line shows the answer in w cells, the cursor where typing goes on. Without
// colours the cursor is an underscore at the end, a bar within.
func (f *field) line(st Styles, w int) string {
	n := len(f.before) + len(f.after)
	switch {
	case n == 0 && f.focused:
		return cut("_ "+st.muted.Render(f.hint), w)
	case n == 0:
		return st.muted.Render(cut(f.hint, w))
	case f.secret:
		return cut(plural(n, "character")+" typed, not shown", w)
	case !f.focused:
		return cut(f.text(), w)
	}
	before, after := string(f.before), string(f.after)
	if room := max(w*2/3, 8); ansi.StringWidth(before) > room {
		before = "…" + ansi.TruncateLeft(before, ansi.StringWidth(before)-room+1, "")
	}
	if after == "" {
		return cut(before+"_", w)
	}
	under := string(f.after[:1])
	if mark := st.cursor.Render(under); mark != under {
		return cut(before+mark+string(f.after[1:]), w)
	}
	return cut(before+"|"+after, w)
}
