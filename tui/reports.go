package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	tea "github.com/charmbracelet/bubbletea"
)

// reports is what senders report about a rollout: sessions a day, by reporter, by
// failure with cause and mend, which policy each reporter holds, and what
// enforcing would have refused.
type reports struct {
	*kit
	domain        string
	pane          pane
	width, height int

	rollout rollout.Rollout
	gate    rollout.Gate
	loaded  bool
	err     error
	tally   tally
	items   []failureTally // what the marks of the pane select
}

// reviewed is how far back the screen looks.
const reviewed = 28 // days

func newReports(k *kit, domain string) *reports { return &reports{kit: k, domain: domain} }

// Init shows what is there; the first time it reads the inboxes then.
func (s *reports) Init() tea.Cmd { return s.load(false) }

func (s *reports) Close()       {}
func (s *reports) Typing() bool { return false }

func (s *reports) Rollout() (rollout.Rollout, bool) {
	r := s.rollout
	r.Domain = s.domain
	return r, true
}

func (s *reports) Title() (string, string) {
	right := ""
	if live, _, ok := s.rollout.Live(); ok {
		since := live.From
		for _, e := range slices.Backward(s.rollout.Ledger) { // the same mode with another max_age or MX set
			if e.From.After(since) {
				continue
			}
			if e.Mode != live.Mode {
				break
			}
			since = e.From
		}
		right = fmt.Sprintf("%s since %s", live.Mode, s.day(since))
	}
	return shownDomain(s.domain) + "   reports", right
}

func (s *reports) SetSize(w, h int) {
	if s.width != w || s.height != h {
		s.width, s.height = w, h
		s.render()
	}
}

func (s *reports) View() []string { return s.pane.view() }

func (s *reports) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tallyMsg:
		if msg.domain != s.domain {
			return nil
		}
		first := !s.loaded
		s.err = msg.err
		if msg.err == nil {
			s.rollout, s.gate, s.loaded = msg.rollout, msg.gate, true
			s.tally = msg.tally
			s.nav.learned(s.rollout, s.gate)
		}
		s.render()
		if first && s.loaded && len(s.rollout.Settings.Inboxes) > 0 {
			return s.nav.importReports(s.rollout)
		}
	case decidedMsg:
		if msg.domain != s.domain {
			return nil
		}
		if msg.err != nil {
			s.nav.say("Not done: " + plain(msg.err))
			return nil
		}
		s.nav.say(msg.said)
		return s.load(false)
	case refreshMsg:
		return s.load(true)
	}
	return nil
}

// tallyMsg is a rollout as the store has it, with its reports counted up.
type tallyMsg struct {
	loadedMsg
	tally tally
}

// load reads the rollout and counts up its reports. Where the world has moved on
// it looks before, for the gate asks for a fresh look.
func (s *reports) load(moved bool) tea.Cmd {
	return s.crew.errand(func(ctx context.Context) tea.Msg {
		if moved {
			if _, err := s.engine.Check(ctx, s.domain, nil); err != nil {
				return tallyMsg{loadedMsg: loadedMsg{domain: s.domain, err: err}}
			}
		}
		msg := tallyMsg{loadedMsg: s.kit.read(ctx, s.domain)}
		if msg.err == nil {
			msg.tally = tallyUp(msg.rollout, s.clock.Now(), reviewed)
		}
		return msg
	})
}

func (s *reports) render() {
	if s.width == 0 {
		return
	}
	s.pane.size(s.width, s.height)
	w := s.pane.reading()
	var lines []string
	switch {
	case s.err != nil:
		lines = indent(s.styles.fail.Render("FAIL  "+plain(s.err)), 0, w)
	case !s.loaded:
		lines = []string{"Reading the reports ..."}
	}
	if !s.loaded {
		s.pane.fill(lines, nil)
		return
	}
	lines = append(lines, s.gateLine(), "")
	if len(s.tally.days) == 0 {
		lines = append(lines, indent("No report that counts yet. Senders report a day once it is over; i imports what has come.", 0, w)...)
	} else {
		lines = append(lines, fmt.Sprintf("sessions a day   %s %s   %s %s",
			s.styles.ok.Render("## ok"), count(s.tally.forecast.Sessions-s.tally.forecast.Refused), s.styles.fail.Render("!! refused if enforced"), count(s.tally.forecast.Refused)))
		lines = append(lines, chart(s.styles, s.tally.days, w)...)
		lines = append(lines, "")
	}
	lines = append(lines, s.forecast(w)...)
	lines, marks := s.failureLines(lines, w)
	lines = append(lines, s.reporterLines(w)...)
	lines = append(lines, s.reasonLines(w)...)
	s.pane.fill(lines, marks)
}

// gateLine says in a line what the gate waits for.
func (s *reports) gateLine() string {
	closed := s.gate.Closed()
	switch {
	case s.gate.Open:
		return s.styles.ok.Render("Gate: open.") + " esc, then a goes on."
	case !s.gate.Until.IsZero():
		return s.styles.warn.Render("Gate: closed until "+s.when(s.gate.Until)) + ", if it stays clean"
	}
	return s.styles.warn.Render("Gate: closed, "+plural(len(rollout.Grouped(closed)), "reason")) + ", at the end of this page"
}

// reasonLines are what holds the gate shut, in full.
func (s *reports) reasonLines(w int) []string {
	closed := s.gate.Closed()
	if len(closed) == 0 {
		return nil
	}
	out := []string{"", s.styles.muted.Render("Gate")}
	for _, r := range rollout.Grouped(closed) {
		out = append(out, indent("- "+s.local(finding.Clean(sentence(about(r))+" "+sentence(keysOfReports(r.Fix)), 500)), 2, w)...)
	}
	return out
}

// forecast says what enforcing would have cost.
func (s *reports) forecast(w int) []string {
	f := s.tally.forecast
	if f.Sessions == 0 {
		return nil
	}
	said := fmt.Sprintf("Enforced over the last %s, %s of %s sessions from %s would have been refused",
		plural(f.Days, "day"), count(f.Refused), count(f.Sessions), plural(len(f.Reporters), "reporter"))
	if f.Refused > 0 {
		said += ", the last on " + s.day(f.LastRefused.Add(-time.Second))
	}
	return append(indent(s.styles.strong.Render(said+"."), 0, w), "")
}

// failureLines are the ways to fail, the most frequent first, each with what it
// means and how it is mended.
func (s *reports) failureLines(lines []string, w int) (all []string, marks []int) {
	s.items = nil
	for i, f := range s.tally.failures {
		marks, s.items = append(marks, len(lines)), append(s.items, f)
		mx := f.mx
		if mx == "" {
			mx = "no MX named"
		}
		head := columns([]int{7, min(28, w/3), 0}, count(f.sessions), finding.Clean(mx, 100), s.styles.fail.Render(finding.Clean(string(f.typ), 60)))
		lines = append(lines, both(head, s.styles.muted.Render(s.stretch(f)), w))
		lines = append(lines, indent(strings.TrimSpace(strings.Join(clean(f.reporters), ", ")+". "+f.standing()+f.now()), 9, w)...)
		if i+1 == len(s.tally.failures) || s.tally.failures[i+1].cause() != f.cause() {
			lines = append(lines, indent(sentence(f.cause()), 9, w)...)
		}
	}
	if len(marks) > 0 {
		lines = append(lines, "")
	}
	return lines, marks
}

// stretch is the days on which a failure was met.
func (k *kit) stretch(f failureTally) string {
	last := k.day(f.to.Add(-time.Second)) // a period ends at the next midnight
	if f.from.IsZero() || k.day(f.from) == last {
		return last
	}
	return k.day(f.from) + " to " + last
}

// standing says whether a failure holds the gate.
func (x failureTally) standing() string {
	switch {
	case x.strangers:
		return "nobody knows this signer; t trusts it, D dismisses it. "
	case x.uncovered:
		return "not in your policy; if it is not yours, D says so. "
	case !x.blocks():
		return "does not hold the gate. "
	}
	return ""
}

func clean(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = finding.Clean(w, 80)
	}
	return out
}

// reporterLines are who reports, which policy each holds, and what does not
// count.
func (s *reports) reporterLines(w int) []string {
	var out []string
	for _, r := range s.tally.reporters {
		said := []string{"known"}
		if !r.known {
			said[0] = "counts by its source alone; t makes it a known sender"
		}
		for _, h := range r.holds {
			said = append(said, s.holds(h))
		}
		out = append(out, columns([]int{min(22, w/4), 7, 12, 13, 0}, finding.Clean(r.name, 80), plural(r.days, "day"), count(r.ok)+" ok", s.refusals(r), strings.Join(said, "; ")))
	}
	if s.tally.leftOut > 0 {
		out = append(out, "")
		out = append(out, indent(s.styles.warn.Render(fmt.Sprintf("warn  %s sessions do not count: their reports are unsigned or from signers nobody knows: %s. t trusts a source in writing.",
			count(s.tally.leftOut), finding.Clean(strings.Join(s.tally.leftOutBy, ", "), 200))), 0, w)...)
	}
	return out
}

// refusals is how many sessions of a reporter would have been refused.
func (s *reports) refusals(r reporterTally) string {
	if r.refused == 0 {
		return "none refused"
	}
	return s.styles.fail.Render(count(r.refused) + " refused")
}

// holds says which policy a reporter holds.
func (k *kit) holds(h rollout.HeldVersion) string {
	switch {
	case h.Strange:
		return k.styles.fail.Render("held a policy that is not yours")
	case h.Present:
		return "holds " + h.PolicyID
	case h.Until.IsZero():
		return "still holds " + h.PolicyID
	}
	return "still holds " + h.PolicyID + ", at the latest to " + k.day(h.Until)
}

func (s *reports) KeyMap() []act {
	var acts []act
	if at := s.pane.at; at < len(s.items) {
		f := s.items[at]
		title := strings.TrimSpace(string(f.typ) + " " + f.mx)
		acts = append(acts,
			on("enter", "details", func() tea.Cmd { s.nav.read(finding.Clean(title, 100), s.details(f)); return nil }),
			on("e", "explain", func() tea.Cmd {
				s.nav.read(finding.Clean(string(f.typ), 60), []string{f.means.Title, "", f.means.Detail, "", f.means.Fix, "", f.means.Ref})
				return nil
			}))
		if f.blocks() {
			acts = append(acts, on("D", "dismiss", func() tea.Cmd { return s.askDismiss(f) }))
		}
	}
	if s.loaded {
		acts = append(acts,
			on("f", "mark mended", func() tea.Cmd { return s.askMendedOf(s.domain) }),
			on("i", "import", func() tea.Cmd { return s.nav.importReports(s.rollout) }),
			on("t", "trust a source", s.askTrust))
	}
	return append(acts, s.pane.moves()...)
}

func (s *reports) details(f failureTally) []string {
	out := []string{
		fmt.Sprintf("%s sessions, %s", count(f.sessions), s.stretch(f)),
		"reported by " + finding.Clean(strings.Join(f.reporters, ", "), 400),
	}
	for _, said := range f.said {
		out = append(out, "they say: "+finding.Quote(said, 300))
	}
	out = append(out, "", strings.TrimSpace(f.standing()+f.now()), sentence(f.cause()))
	if f.blocks() {
		out = append(out, "", "As a dismissal names it:")
	}
	for _, key := range f.keys {
		out = append(out, "  "+finding.Clean(key, 300))
	}
	return out
}

func (s *reports) askDismiss(f failureTally) tea.Cmd {
	return s.nav.ask(&dialog{
		title:  fmt.Sprintf("Dismiss %s at %s for 30 days?", finding.Clean(string(f.typ), 60), finding.Clean(f.mx, 60)),
		lines:  []string{"Reports of it no longer hold the gate. It stays in the forecast, and the journal keeps why."},
		fields: []*field{reason()},
		done: func(answers []string) tea.Cmd {
			return s.decideFor(s.domain, "Dismissed for 30 days.", func(ctx context.Context) error {
				for _, key := range f.keys {
					if _, err := s.engine.Dismiss(ctx, s.domain, key, answers[0]); err != nil {
						return err
					}
				}
				return nil
			})
		},
	})
}

func (s *reports) askTrust() tea.Cmd {
	source := newField("Source", "a DKIM domain, an inbox or a path", needed("whom or what you trust"))
	return s.nav.ask(&dialog{
		title:  "Trust a source of reports about " + s.domain + "?",
		lines:  []string{"A DKIM domain becomes a known reporter; unsigned reports from an inbox or a path begin to count."},
		fields: []*field{source, reason()},
		done: func(answers []string) tea.Cmd {
			return s.decideFor(s.domain, "Trusted from now on.", func(ctx context.Context) error {
				_, err := s.engine.Trust(ctx, s.domain, answers[0], answers[1])
				return err
			})
		},
	})
}
