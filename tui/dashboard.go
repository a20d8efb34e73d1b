package tui

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// dashboard is every domain: its phase, how long it is there, its health, and
// what opens the next gate and when.
type dashboard struct {
	*kit
	pane   pane
	loaded bool
	err    error
	all    []standing
	shown  []standing
	filter *field
	typing bool
}

// listedMsg is what the store holds.
type listedMsg struct {
	all []standing
	err error
}

// aboutLines is the room for what is said of the selected rollout.
const aboutLines = 4

func newDashboard(k *kit) *dashboard {
	return &dashboard{kit: k, filter: newField("filter", "part of a domain", nil)}
}

func (d *dashboard) Init() tea.Cmd {
	return d.crew.errand(func(ctx context.Context) tea.Msg {
		rs, err := d.engine.List(ctx)
		msg := listedMsg{err: err}
		for _, r := range rs {
			msg.all = append(msg.all, standing{r, d.engine.GateOf(r)})
		}
		return msg
	})
}

func (d *dashboard) Close() {}

func (d *dashboard) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case listedMsg:
		d.loaded, d.err, d.all = true, msg.err, msg.all
		for _, s := range d.all {
			d.nav.learned(s.rollout, s.gate)
		}
		d.render()
	case refreshMsg:
		return d.Init()
	case tea.KeyMsg:
		if d.typing {
			d.typeFilter(msg)
		}
	}
	return nil
}

// typeFilter is a key while the filter is typed.
func (d *dashboard) typeFilter(msg tea.KeyMsg) {
	switch msg.String() {
	case "esc":
		d.filter.set("")
		d.typing = false
	case "enter":
		d.typing = false
	default:
		d.filter.update(msg)
	}
	if !d.typing {
		d.filter.blur()
	}
	d.render()
}

func (d *dashboard) SetSize(w, h int) {
	paneHeight := h - aboutLines - 1
	if d.pane.width == w && d.pane.height == paneHeight {
		return
	}
	d.pane.size(w, paneHeight)
	d.render()
}

func (d *dashboard) Typing() bool                     { return d.typing }
func (d *dashboard) Rollout() (rollout.Rollout, bool) { return rollout.Rollout{}, false }

func (d *dashboard) Title() (string, string) {
	if !d.loaded {
		return "belay", ""
	}
	need := 0
	for _, s := range d.all {
		if s.failing() {
			need++
		}
	}
	right := plural(len(d.all), "domain")
	switch {
	case need == 1:
		right += "   1 needs you"
	case need > 1:
		right += fmt.Sprintf("   %d need you", need)
	}
	return "belay", right
}

// render lays out the rows. Those that fail come first.
func (d *dashboard) render() {
	if d.pane.width == 0 {
		return
	}
	d.shown = d.shown[:0]
	for _, s := range d.all {
		if strings.Contains(s.rollout.Domain, strings.ToLower(d.filter.value())) {
			d.shown = append(d.shown, s)
		}
	}
	slices.SortStableFunc(d.shown, func(a, b standing) int {
		return cmp.Compare(rank(b.failing()), rank(a.failing()))
	})
	widths := d.widths()
	var lines []string
	var marks []int
	for _, s := range d.shown {
		marks = append(marks, len(lines))
		lines = append(lines, d.row(widths, s))
	}
	d.pane.fill(lines, marks)
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// widths of the columns: domain, phase, since, health; what opens the gate has
// the rest.
func (d *dashboard) widths() []int {
	switch w := d.pane.room(); {
	case w < 76:
		return []int{18, 10, 0}
	case w < 120:
		return []int{20, 17, 8, 7, 0}
	default:
		return []int{40, 18, 12, 8, 0}
	}
}

func (d *dashboard) row(widths []int, s standing) string {
	r := s.rollout
	phase := r.Phase.String()
	health := d.styles.muted.Render(pad("-", 4))
	if r.Evidence != nil {
		health = d.styles.mark(r.Evidence.Verdict())
	}
	opens := d.opens(s)
	if len(widths) == 3 {
		if n := r.Phase.Number(); n > 0 {
			phase = fmt.Sprintf("phase %d", n)
		}
		return columns(widths, shownDomain(r.Domain), phase, strings.TrimRight(health, " ")+"  "+opens)
	}
	return columns(widths, shownDomain(r.Domain), phase, d.age(r), health, opens)
}

// shownDomain shows an internationalised domain with its A-labels.
func shownDomain(domain string) string {
	if _, unicode, err := mtasts.Domain(domain); err == nil && unicode != domain {
		return unicode + " (" + domain + ")"
	}
	return domain
}

// age is how long the rollout has been in its phase.
func (d *dashboard) age(r rollout.Rollout) string {
	if r.Since.IsZero() {
		return ""
	}
	switch in := d.clock.Now().Sub(r.Since); {
	case in < time.Minute:
		return "just now"
	case in < time.Hour:
		return fmt.Sprintf("%d min", in/time.Minute)
	default:
		return span(in)
	}
}

// opens is what opens the next gate, in a few words.
func (d *dashboard) opens(s standing) string {
	closed := s.gate.Closed()
	switch {
	case s.rollout.Phase == rollout.Holding && len(closed) == 0:
		return d.styles.ok.Render("target reached")
	case s.gate.Open:
		return d.styles.ok.Render("gate open")
	case !s.gate.Until.IsZero():
		if d.pane.width < railFrom {
			return "opens in " + span(s.gate.Until.Sub(d.clock.Now()))
		}
		return "opens " + d.when(s.gate.Until)
	case len(closed) > 0:
		return d.local(finding.Clean(closed[0].Text, 200))
	}
	return ""
}

// failing reports whether the rollout needs its operator.
func (s standing) failing() bool {
	return s.rollout.Evidence != nil && len(s.rollout.Evidence.Fails()) > 0
}

func (d *dashboard) selected() (standing, bool) {
	if d.pane.at < len(d.shown) {
		return d.shown[d.pane.at], true
	}
	return standing{}, false
}

func (d *dashboard) View() []string {
	switch {
	case d.err != nil:
		return append([]string{"", "  " + d.styles.fail.Render("The rollouts could not be read.")}, indent(finding.Clean(d.err.Error(), 1000), 2, d.pane.width)...)
	case !d.loaded:
		return []string{"", "  Reading the rollouts ..."}
	case len(d.all) == 0:
		return d.welcome()
	}
	lines := d.pane.view()
	if len(d.shown) == 0 {
		lines[0] = "  No domain has " + finding.Quote(d.filter.value(), 60) + " in it."
	}
	if d.typing || d.filter.value() != "" {
		lines = append(lines, "  / "+d.filter.line(d.styles, d.pane.room()-2))
	} else {
		lines = append(lines, "")
	}
	return append(lines, d.aboutSelected()...)
}

// welcome is what a first start shows.
func (d *dashboard) welcome() []string {
	out := []string{""}
	for _, l := range []string{
		"No rollout yet. belay walks a mail domain to enforced MTA-STS, one checked step at a time: it looks, shows what it would change, changes it when you say so, verifies from outside, and waits for evidence before the next step.",
		"",
		"n starts a rollout.   c looks at any domain and changes nothing.",
	} {
		if l == "" {
			out = append(out, "")
			continue
		}
		out = append(out, indent(l, 2, d.pane.width-2)...)
	}
	return out
}

// aboutSelected says why the selected rollout waits and what to do.
func (d *dashboard) aboutSelected() []string {
	s, ok := d.selected()
	if !ok {
		return make([]string, aboutLines)
	}
	said := "Nothing is wrong. enter opens it."
	if !s.gate.Until.IsZero() {
		said = "The gate opens " + d.when(s.gate.Until) + " if it stays clean."
	}
	if closed := s.gate.Closed(); len(closed) > 0 && s.gate.Until.IsZero() {
		said = d.local(sentence(about(closed[0])) + " " + sentence(closed[0].Fix))
		if strings.HasPrefix(closed[0].Fix, "belay ") {
			said = d.local(sentence(about(closed[0]))) + " enter opens the rollout to go on."
		}
	} else if s.gate.Open && s.rollout.Phase != rollout.Holding {
		said = "The gate is open: enter opens the rollout to go on."
	}
	if fails := failsOf(s); len(fails) > 0 {
		said = fails[0].Subject + ": " + sentence(fails[0].Title) + " " + sentence(fails[0].Fix)
	}
	out := []string{"  " + d.named(s.rollout)}
	out = append(out, indent(finding.Clean(said, 600), 2, d.pane.width-2)...)
	for len(out) < aboutLines {
		out = append(out, "")
	}
	return out[:aboutLines]
}

// named is the selected domain and, where belay serves its policy, how its certificate
// stands.
func (d *dashboard) named(r rollout.Rollout) string {
	name := cut(shownDomain(r.Domain), d.pane.room())
	line := d.styles.strong.Render(name)
	room := d.pane.room() - ansi.StringWidth(name) - 2
	if c := r.Certificate; c != nil && room > 20 {
		line += "  " + d.styles.muted.Render(cut("certificate "+c.Line(d.clock.Now()), room))
	}
	return line
}

func failsOf(s standing) []finding.Finding {
	if s.rollout.Evidence == nil {
		return nil
	}
	return s.rollout.Evidence.Fails()
}

func (d *dashboard) KeyMap() []act {
	if d.typing {
		nothing := func() tea.Cmd { return nil }
		return []act{on("enter", "keep the filter", nothing), on("esc", "show all", nothing)}
	}
	var acts []act
	if s, ok := d.selected(); ok {
		acts = append(acts, on("enter", "open", func() tea.Cmd { return d.nav.open(newPhase(d.kit, s.rollout.Domain)) }))
	}
	acts = append(acts,
		on("n", "new", func() tea.Cmd { return d.nav.open(newRolloutForm(d.kit)) }),
		on("c", "check a domain", func() tea.Cmd { return d.nav.open(newCheck(d.kit, "")) }),
	)
	if len(d.all) > 0 {
		acts = append(acts, on("/", "filter", func() tea.Cmd { d.typing = true; d.filter.focus(); return nil }))
	}
	if s, ok := d.selected(); ok && d.journal != nil {
		acts = append(acts, on("l", "history", func() tea.Cmd { return d.nav.open(newHistory(d.kit, s.rollout.Domain)) }))
	}
	return append(acts, d.pane.moves()...)
}
