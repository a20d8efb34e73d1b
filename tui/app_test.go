package tui

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
)

// colours are the only control sequences that a view may have.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

func TestMain(m *testing.M) {
	lipgloss.SetColorProfile(termenv.Ascii)
	os.Exit(m.Run())
}

// A driver presses keys and runs what they start, at once and in order: nothing
// in these tests waits.
type driver struct {
	t        *testing.T
	app      *app
	engine   *fakeEngine
	accounts *fakeAccounts
	importer *fakeImporter
	copied   []string
	// later are messages that would come after a while.
	later []tea.Msg
	quit  bool
	// parked, if set, collects commands instead of running them.
	park   bool
	parked []tea.Cmd
}

func drive(t *testing.T, e *fakeEngine, w, h int, change ...func(*Options)) *driver {
	t.Helper()
	d := &driver{t: t, engine: e, accounts: &fakeAccounts{}, importer: &fakeImporter{}}
	o := Options{Engine: e, Journal: e, Accounts: d.accounts, Importer: d.importer, Clock: stoppedClock{now()}, Zone: time.UTC}
	for _, f := range change {
		f(&o)
	}
	k := newKit(context.Background(), o, &strings.Builder{})
	k.after = func(_ time.Duration, msg tea.Msg) tea.Cmd {
		return func() tea.Msg {
			if _, again := msg.(beatMsg); !again {
				d.later = append(d.later, msg)
			}
			return nil
		}
	}
	k.copy = func(text string) tea.Cmd { d.copied = append(d.copied, text); return nil }
	d.app = newApp(k, o.Domain)
	t.Cleanup(func() {
		for _, s := range d.app.screens {
			s.Close()
		}
		<-k.crew.close()
	})
	d.send(tea.WindowSizeMsg{Width: w, Height: h})
	d.run(d.app.Init())
	return d
}

// send gives the app a message and runs what comes of it.
func (d *driver) send(msg tea.Msg) {
	if _, quits := msg.(tea.QuitMsg); quits {
		d.quit = true
		return
	}
	_, cmd := d.app.Update(msg)
	d.fits()
	d.run(cmd)
}

func (d *driver) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	if d.park {
		d.parked = append(d.parked, cmd)
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.run(c)
		}
	default:
		d.send(msg)
	}
}

// wait lets pass what was to come after a while.
func (d *driver) wait() {
	later := d.later
	d.later = nil
	for _, msg := range later {
		d.send(msg)
	}
}

// press presses keys one after another: names such as "enter", or characters.
func (d *driver) press(keys ...string) *driver {
	d.t.Helper()
	for _, name := range keys {
		d.send(keyed(name))
	}
	return d
}

// typeIn types text, a character at a time.
func (d *driver) typeIn(text string) *driver {
	d.t.Helper()
	for _, r := range text {
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
	}
	return d
}

func keyed(name string) tea.KeyMsg {
	named := map[string]tea.KeyType{"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab,
		"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd,
		"f1": tea.KeyF1, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "ctrl+c": tea.KeyCtrlC, "ctrl+l": tea.KeyCtrlL, "backspace": tea.KeyBackspace,
		"delete": tea.KeyDelete, "ctrl+w": tea.KeyCtrlW, "ctrl+u": tea.KeyCtrlU, "ctrl+r": tea.KeyCtrlR, "ctrl+k": tea.KeyCtrlK, "ctrl+b": tea.KeyCtrlB, "ctrl+f": tea.KeyCtrlF}
	if t, ok := named[name]; ok {
		return tea.KeyMsg{Type: t}
	}
	if name == " " || name == "space" {
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

func (d *driver) view() string { return d.app.View() }

// sees fails unless the window shows all of these.
func (d *driver) sees(texts ...string) *driver {
	d.t.Helper()
	for _, text := range texts {
		if !strings.Contains(flat(d.view()), flat(text)) {
			d.t.Fatalf("the window does not show %q:\n%s", text, d.view())
		}
	}
	return d
}

func (d *driver) seesNot(texts ...string) *driver {
	d.t.Helper()
	for _, text := range texts {
		if strings.Contains(flat(d.view()), flat(text)) {
			d.t.Fatalf("the window shows %q:\n%s", text, d.view())
		}
	}
	return d
}

// flat is text with every run of white space as one space, since sentences are
// wrapped.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// did fails unless the engine was asked for act.
func (d *driver) did(act string) *driver {
	d.t.Helper()
	if !d.engine.did(act) {
		d.t.Fatalf("the engine was not asked for %q, only for %q", act, d.engine.calls)
	}
	return d
}

func (d *driver) didNot(act string) *driver {
	d.t.Helper()
	if d.engine.did(act) {
		d.t.Fatalf("the engine was asked for %q", act)
	}
	return d
}

// fits fails where the view is not exactly the window. The last frame is empty.
func (d *driver) fits() {
	d.t.Helper()
	if d.app.width == 0 || d.app.small() || d.app.over {
		return
	}
	lines := strings.Split(d.view(), "\n")
	if len(lines) != d.app.height {
		d.t.Fatalf("the view has %d lines in a window of %d:\n%s", len(lines), d.app.height, d.view())
	}
	for _, l := range lines {
		if w := ansi.StringWidth(l); w > d.app.width {
			d.t.Fatalf("a line is %d cells wide in a window of %d: %q", w, d.app.width, l)
		}
		if strings.ContainsAny(colours.ReplaceAllString(l, ""), "\x1b\a\r\t\v\x7f") {
			d.t.Fatalf("a line has control characters: %q", l)
		}
	}
}

func inDemo(o *Options) {
	o.Lab = &fakeLab{fault: Fault{ID: "expired-mx2", Label: "mx2 shows an expired certificate", On: true}}
}

func inCorp(o *Options) { o.Domain = "corp.test" }

// fixtures of whole wizards.

func atPhase1(t *testing.T, w, h int, change ...func(*Options)) *driver {
	return drive(t, standIn(inPhase(rollout.CheckMX, badLook()), closedGate(), rollout.Plan{}), w, h, append(change, inCorp)...)
}

func atPhase2(t *testing.T, w, h int, change ...func(*Options)) *driver {
	gate := rollout.Gate{Reasons: []rollout.Reason{{Code: rollout.ReasonEdits, Text: "2 edits are not live"}}}
	return drive(t, standIn(inPhase(rollout.PublishDNS, goodLook()), gate, dnsPlan()), w, h, append(change, inCorp)...)
}

func atPhase4(t *testing.T, w, h int, change ...func(*Options)) *driver {
	return drive(t, standIn(published(rollout.ReviewReports, "testing", 86400), waitingGate(), rollout.Plan{}), w, h, append(change, inCorp)...)
}

func atPhase5(t *testing.T, w, h int, change ...func(*Options)) *driver {
	e := standIn(published(rollout.Enforce, "enforce", 86400), waitingGate(), rollout.Plan{})
	back := hostPlan()
	back.Purpose = rollout.ForStepBack
	e.own = rollout.Proposal{Rollout: e.rollouts["corp.test"], Plan: back}
	return drive(t, e, w, h, append(change, inCorp)...)
}
