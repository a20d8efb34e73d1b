package tui

import (
	"context"
	"time"

	"belay/rollout"
	"belay/rollout/world"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// kit is what every screen works with.
type kit struct {
	engine   Engine
	journal  Journal
	accounts rollout.Accounts
	importer Importer
	lab      Lab // nil outside the demo
	forms    func(rollout.Edit) []Form
	export   func(ctx context.Context, domain, file string) (string, error)
	clock    world.Clock
	zone     *time.Location
	styles   Styles
	crew     *crew
	nav      navigator
	// draft is a form for a new rollout that was left; nil where there is none.
	draft *newRollout
	// after gives msg when d has passed in real time.
	after func(d time.Duration, msg tea.Msg) tea.Cmd
	// copy puts text on the clipboard of the operator's terminal.
	copy func(text string) tea.Cmd
}

// navigator is how a screen moves the wizard on; the app is one. Its methods are
// called from Update only.
type navigator interface {
	// open shows a screen on top of the present one.
	open(s screen) tea.Cmd
	// back closes the screen on top.
	back() tea.Cmd
	// ask shows a dialog. One that the operator did not call for swallows what
	// is typed in its first moments.
	ask(d *dialog) tea.Cmd
	// read shows lines over the screen until a key closes them.
	read(title string, lines []string)
	// leaf is read of a reader with keys of its own.
	leaf(r *reader)
	// importReports reads the inboxes of a rollout.
	importReports(r rollout.Rollout) tea.Cmd
	// say shows one sentence above the footer until the next key.
	say(text string)
	// learned takes note of where a rollout stands, for the summary at the end.
	learned(r rollout.Rollout, g rollout.Gate)
	// walking hands over the walk that is under way, nil when it has ended.
	walking(w *walk)
}

// A screen is one view of the wizard. It is changed in Update only, and View and
// acts read it.
type screen interface {
	// Init starts what the screen needs when it is opened.
	Init() tea.Cmd
	// Update takes every message that is no key, and keys while Typing.
	Update(msg tea.Msg) tea.Cmd
	// View is the body: exactly as many lines as SetSize gave, none wider.
	View() []string
	SetSize(width, height int)
	// KeyMap is what keys do now, in the order in which they are named.
	KeyMap() []act
	// Title is what the header says at its left and right.
	Title() (left, right string)
	// Rollout is what the phase rail shows; ok is false where there is none.
	Rollout() (r rollout.Rollout, ok bool)
	// Typing is true while letters are text.
	Typing() bool
	// Close ends what the screen has under way.
	Close()
}

// act is one key and what it does. The footer and the help are made from acts,
// and keys are looked up in them: what is said is what is done.
type act struct {
	key.Binding
	do func() tea.Cmd
	// quiet keeps the act out of the footer; the help has it.
	quiet bool
}

// on makes an act of keys, the first of which is shown under the name shown.
func on(shown, says string, do func() tea.Cmd, keys ...string) act {
	if len(keys) == 0 {
		keys = []string{shown}
	}
	return act{Binding: key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, says)), do: do}
}

// quietly is on for an act that only the help names.
func quietly(shown, says string, do func() tea.Cmd, keys ...string) act {
	a := on(shown, says, do, keys...)
	a.quiet = true
	return a
}

// press runs the act that msg names; ok is false where none does.
func press(acts []act, msg tea.KeyMsg) (cmd tea.Cmd, ok bool) {
	for _, a := range acts {
		if key.Matches(msg, a.Binding) {
			return a.do(), true
		}
	}
	return nil, false
}
