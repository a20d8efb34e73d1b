package tui

import (
	"slices"

	"belay/rollout"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// app is the wizard's only tea.Model. It holds the stack of screens, the one on
// top being shown, and what may lie over it.
type app struct {
	*kit
	width, height int
	screens       []screen
	// At most one of these lies over the screen.
	dialog *dialog
	reader *reader
	faults *faults

	said string
	walk *walk // under way, or nil
	// reading is the import under way, or nil.
	reading *importing
	// leaving is set once the wizard is to end when the walk has ended.
	leaving bool
	// over is set once it ends: its last frame is empty.
	over bool
	// abandoned is set where the operator did not want to wait for the end.
	abandoned bool
	winding   bool // the lab passes a day
	broke     error
	stand     map[string]standing
	visited   []string
}

// standing is where a rollout was last known to stand.
type standing struct {
	rollout rollout.Rollout
	gate    rollout.Gate
}

// interruptMsg is a signal that asks the wizard to end.
type interruptMsg struct{}

// refreshMsg says that the world has moved on under the screens.
type refreshMsg struct{}

func newApp(k *kit, domain string) *app {
	a := &app{kit: k, stand: map[string]standing{}}
	k.nav = a
	a.screens = []screen{newDashboard(k)}
	if domain != "" {
		a.screens = append(a.screens, newPhase(k, domain))
	}
	return a
}

func (a *app) top() screen { return a.screens[len(a.screens)-1] }

// Init starts the screen that is shown; those below it start when it is closed.
func (a *app) Init() tea.Cmd { return a.top().Init() }

// Update routes a message: what concerns the whole wizard first, keys to what
// lies on top, the rest to every screen, since an answer may come after another
// screen was opened.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	defer a.layout()
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
		return a, nil
	case tea.KeyMsg:
		return a, a.onKeys(msg)
	case interruptMsg:
		return a, a.interrupt()
	case brokenMsg:
		a.broke = msg.err
		return a, a.end()
	case hearMsg:
		msg.dialog.deaf = false
		return a, nil
	case copyFailedMsg:
		a.say("The clipboard could not be reached: " + plain(msg.err))
		return a, nil
	case importedMsg:
		return a, a.imported(msg)
	case dayMsg:
		return a, a.dayPassed(msg)
	case faultMsg:
		return a, a.faultSet(msg)
	}
	if told, ok := msg.(feedMsg); ok && a.reading != nil && told.feed == a.reading.feed {
		return a, a.followImport(told)
	}
	if done, ok := msg.(walkedMsg); ok && done.walk == a.walk {
		a.walk = nil
		if a.leaving {
			return a, a.end()
		}
	}
	var cmds []tea.Cmd
	for _, s := range slices.Clone(a.screens) {
		cmds = append(cmds, s.Update(msg))
	}
	return a, tea.Batch(cmds...)
}

// onKeys takes keys one by one: letters that were typed faster than the terminal
// was read come as one message.
func (a *app) onKeys(msg tea.KeyMsg) tea.Cmd {
	if msg.Type != tea.KeyRunes || msg.Paste || msg.Alt || len(msg.Runes) < 2 {
		return a.onKey(msg)
	}
	var cmds []tea.Cmd
	for _, letter := range msg.Runes {
		cmds = append(cmds, a.onKey(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{letter}}))
	}
	return tea.Batch(cmds...)
}

func (a *app) onKey(msg tea.KeyMsg) tea.Cmd {
	if msg.String() == "ctrl+c" {
		return a.interrupt()
	}
	if a.small() {
		return nil
	}
	a.said = ""
	switch {
	case a.dialog != nil:
		d := a.dialog
		cmd, over := d.update(msg)
		if over && a.dialog == d {
			a.dialog = nil
		}
		return cmd
	case a.reader != nil:
		if cmd, ok := press(a.reader.keys(), msg); ok {
			return cmd
		}
		a.reader = nil
		return nil
	case a.faults != nil:
		cmd, over := a.faults.update(msg)
		if over {
			a.faults = nil
		}
		return cmd
	case a.top().Typing():
		return a.top().Update(msg)
	}
	if cmd, ok := press(a.keys(), msg); ok {
		return cmd
	}
	return a.top().Update(msg)
}

// keys are what the keys do now: the screen's own before the global ones.
func (a *app) keys() []act {
	acts := a.top().KeyMap()
	if a.top().Typing() {
		return acts
	}
	taken := map[string]bool{}
	for _, x := range acts {
		for _, name := range x.Keys() {
			taken[name] = true
		}
	}
	for _, x := range a.globals() {
		if !slices.ContainsFunc(x.Keys(), func(name string) bool { return taken[name] }) {
			acts = append(acts, x)
		}
	}
	return acts
}

// globals are the keys that every screen has.
func (a *app) globals() []act {
	var acts []act
	if a.lab != nil {
		acts = append(acts, on("d", "wind a day", a.windDay), on("x", "break or mend the lab", a.openFaults))
	}
	if r, ok := a.top().Rollout(); ok && a.journal != nil {
		acts = append(acts, on("l", "history", func() tea.Cmd { return a.open(newHistory(a.kit, r.Domain)) }))
	}
	if len(a.screens) > 1 {
		acts = append(acts, on("esc", "back", a.back))
	}
	acts = append(acts, on("?", "help", func() tea.Cmd { a.reader = a.help(); return nil }))
	quit := on("q", "quit", a.quit)
	quit.quiet = len(a.screens) > 1
	return append(acts, quit)
}

// quit ends the wizard, after the edit in flight where one is.
func (a *app) quit() tea.Cmd {
	if a.walk != nil {
		return a.interrupt()
	}
	return a.end()
}

// end ends the wizard now. The last frame is empty, since a terminal that was
// resized in between may leave what is seen at the end in its scrollback.
func (a *app) end() tea.Cmd {
	a.over = true
	return tea.Quit
}

// interrupt is ctrl+c or a signal. Without a walk it ends the wizard, as before the
// engine has begun with one; else it asks the walk to end, and the wizard follows.
func (a *app) interrupt() tea.Cmd {
	if a.walk == nil || a.walk.endReading() {
		return a.end()
	}
	a.leaving = true
	switch a.walk.end() {
	case finishing:
		a.say("Finishing the edit in flight, then quitting. ctrl+c again cancels it.")
	case cancelling:
		a.say("Cancelling the edit in flight; belay looks at it the next time. ctrl+c again quits at once.")
	default:
		a.abandoned = true
		return a.end()
	}
	return nil
}

// The navigator's methods.

func (a *app) open(s screen) tea.Cmd {
	a.screens = append(a.screens, s)
	a.layout()
	return s.Init()
}

func (a *app) back() tea.Cmd {
	if len(a.screens) == 1 {
		return nil
	}
	if a.walk != nil && !a.walk.ended() {
		if r, ok := a.top().Rollout(); ok && r.Domain == a.walk.domain {
			a.say("The plan is being carried out. ctrl+c finishes the edit in flight and quits.")
			return nil
		}
	}
	a.top().Close()
	a.screens = a.screens[:len(a.screens)-1]
	a.layout()
	return a.top().Init()
}

func (a *app) ask(d *dialog) tea.Cmd {
	a.dialog, a.reader, a.faults = d, nil, nil
	return d.show(a.kit)
}

func (a *app) read(title string, lines []string) { a.leaf(newReader(title, lines)) }

func (a *app) leaf(r *reader) {
	a.reader = r
	a.layout()
}

func (a *app) say(text string) { a.said = text }

func (a *app) walking(w *walk) { a.walk = w }

func (a *app) learned(r rollout.Rollout, g rollout.Gate) {
	if !slices.Contains(a.visited, r.Domain) {
		a.visited = append(a.visited, r.Domain)
	}
	a.stand[r.Domain] = standing{r, g}
}

// help lists the keys of the screen below it.
func (a *app) help() *reader {
	left, _ := a.top().Title()
	lines := []string{""}
	for _, x := range a.keys() {
		if x.Enabled() && x.Help().Desc != "" {
			lines = append(lines, pad(x.Help().Key, 12)+x.Help().Desc)
		}
	}
	lines = append(lines, pad("ctrl+c", 12)+"quit; while a plan is carried out, after the edit in flight",
		"", "Any other key closes this.")
	r := newReader("Keys: "+left, lines)
	r.size(a.bodySize())
	return r
}

// enabled are the acts that the footer names.
func footerActs(acts []act) []key.Help {
	var out []key.Help
	for _, x := range acts {
		if x.Enabled() && !x.quiet {
			out = append(out, x.Help())
		}
	}
	return out
}
