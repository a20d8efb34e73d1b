package tui

import (
	"context"
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"

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
const reviewed = 28 * rollout.Day

func newReports(k *kit, domain string) *reports { return &reports{kit: k, domain: domain} }

// Init shows what is there; the first time it reads the inboxes then.
func (s *reports) Init() tea.Cmd { return s.loadOf(s.domain) }

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
		right = fmt.Sprintf("%s since %s", live.Mode, s.day(live.From))
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
	case loadedMsg:
		if msg.domain != s.domain {
			return nil
		}
		first := !s.loaded
		s.err = msg.err
		if msg.err == nil {
			s.rollout, s.gate, s.loaded = msg.rollout, msg.gate, true
			s.tally = tallyUp(s.rollout, s.clock.Now().Add(-reviewed))
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
		return s.loadOf(s.domain)
	case refreshMsg:
		return s.recheck()
	}
	return nil
}

// recheck looks anew before it loads: the gate asks for a fresh look.
func (s *reports) recheck() tea.Cmd {
	return s.crew.errand(func(ctx context.Context) tea.Msg {
		if _, err := s.engine.Check(ctx, s.domain, nil); err != nil {
			return loadedMsg{domain: s.domain, err: err}
		}
		return s.kit.read(ctx, s.domain)
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
	lines = append(lines, s.gateLines(w)...)
	lines = append(lines, "")
	if len(s.tally.days) == 0 {
		lines = append(lines, indent("No report that counts yet. Senders report a day once it is over; i imports what has come.", 0, w)...)
	} else {
		lines = append(lines, fmt.Sprintf("sessions a day   %s %s   %s %s",
			s.styles.ok.Render("## ok"), count(s.tally.ok), s.styles.fail.Render("!! refused if enforced"), count(s.tally.refused)))
		lines = append(lines, chart(s.styles, s.tally.days, w)...)
		lines = append(lines, "")
	}
	lines = append(lines, s.forecast(w)...)
	lines, marks := s.failureLines(lines, w)
	lines = append(lines, s.reporterLines(w)...)
	s.pane.fill(lines, marks)
}

// gateLines say what the gate waits for.
func (s *reports) gateLines(w int) []string {
	closed := s.gate.Closed()
	switch {
	case s.gate.Open:
		return []string{s.styles.ok.Render("Gate: open.") + " esc, then a goes on."}
	case !s.gate.Until.IsZero():
		lines := []string{s.styles.warn.Render("Gate: closed until "+s.when(s.gate.Until)) + ", if it stays clean"}
		return append(lines, s.reasonLines(closed, w)...)
	}
	return append([]string{s.styles.warn.Render("Gate: closed, " + plural(len(closed), "reason"))}, s.reasonLines(closed, w)...)
}

func (s *reports) reasonLines(rs []rollout.Reason, w int) []string {
	var out []string
	for _, r := range rs {
		out = append(out, indent("- "+finding.Clean(strings.TrimSpace(r.Text+". "+r.Fix), 500), 2, w)...)
	}
	return out
}

// forecast says what enforcing would have cost.
func (s *reports) forecast(w int) []string {
	t := s.tally
	if t.ok+t.refused == 0 {
		return nil
	}
	said := fmt.Sprintf("Enforced over these %s, %s of %s sessions from %s would have been refused",
		plural(len(t.days), "day"), count(t.refused), count(t.ok+t.refused), plural(len(t.reporters), "reporter"))
	if t.refused > 0 {
		said += ", the last on " + s.day(t.lastFailure)
	}
	return append(indent(s.styles.strong.Render(said+"."), 0, w), "")
}

// failureLines are the ways to fail, the most frequent first, each with what it
// means and how it is mended.
func (s *reports) failureLines(lines []string, w int) (all []string, marks []int) {
	s.items = nil
	for _, f := range s.tally.failures {
		marks, s.items = append(marks, len(lines)), append(s.items, f)
		mx := f.mx
		if mx == "" {
			mx = "no MX named"
		}
		head := columns([]int{7, min(28, w/3), 0}, count(f.count), finding.Clean(mx, 100), s.styles.fail.Render(finding.Clean(string(f.typ), 60)))
		days := s.day(f.from)
		if !f.to.Equal(f.from) {
			days += " to " + s.day(f.to)
		}
		if f.dismissed {
			days += ", dismissed"
		}
		lines = append(lines, both(head, s.styles.muted.Render(days), w))
		lines = append(lines, indent(strings.Join(clean(f.reporters), ", ")+": "+cause(f.typ), 9, w)...)
	}
	if len(marks) > 0 {
		lines = append(lines, "")
	}
	return lines, marks
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
		known := "known"
		if !r.known {
			known = "not on the list of known senders: t trusts it"
		}
		held := ""
		for _, v := range s.tally.versions {
			switch {
			case v.reporter != r.name:
			case v.id == "":
				held = "held a policy that is not yours"
			case v.current:
				held = "holds " + v.id
			default:
				held = "still held " + v.id + " on " + s.day(v.day)
			}
		}
		out = append(out, columns([]int{min(26, w/3), 8, 16, 0}, finding.Clean(r.name, 80), plural(r.days, "day"), count(r.ok)+" ok", strings.Trim(known+"; "+held, "; ")))
	}
	if s.tally.leftOut > 0 {
		out = append(out, "")
		out = append(out, indent(s.styles.warn.Render(fmt.Sprintf("warn  %s sessions do not count: their reports are not signed, from %s. t trusts a source in writing.",
			count(s.tally.leftOut), finding.Clean(strings.Join(s.tally.leftOutBy, ", "), 200))), 0, w)...)
	}
	return out
}

func (s *reports) KeyMap() []act {
	var acts []act
	if at := s.pane.at; at < len(s.items) {
		f := s.items[at]
		title := strings.TrimSpace(string(f.typ) + " " + f.mx)
		acts = append(acts,
			on("enter", "details", func() tea.Cmd { s.nav.read(finding.Clean(title, 100), s.details(f)); return nil }),
			on("e", "explain", func() tea.Cmd {
				s.nav.read(finding.Clean(string(f.typ), 60), []string{cause(f.typ)})
				return nil
			}),
			on("D", "dismiss", func() tea.Cmd { return s.askDismiss(f) }))
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
		fmt.Sprintf("%s sessions from %s to %s", count(f.count), s.day(f.from), s.day(f.to)),
		"reported by " + finding.Clean(strings.Join(f.reporters, ", "), 400),
	}
	for _, r := range f.reasons {
		out = append(out, "they say: "+finding.Quote(r, 300))
	}
	out = append(out, "", cause(f.typ), "", "As a dismissal names it:")
	for _, key := range f.keys() {
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
				for _, key := range f.keys() {
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

// cause says what a failure means and who mends it, in a sentence or two.
func cause(t tlsrpt.ResultType) string {
	switch t {
	case tlsrpt.StartTLSNotSupported:
		return "The host did not offer STARTTLS. Switch TLS on there, and see that no filter before it hides the offer."
	case tlsrpt.CertificateHostMismatch:
		return "The certificate is for another name than the MX host's. Reissue it with that name in it."
	case tlsrpt.CertificateExpired:
		return "The certificate had run out. Renew it and have the MTA load it."
	case tlsrpt.CertificateNotTrusted:
		return "The chain did not lead to a root that senders trust. Serve the whole chain of a public CA."
	case tlsrpt.ValidationFailure:
		return "TLS failed for a reason that the sender does not tell. A few are usual; many want a look at the host's log."
	case tlsrpt.STSPolicyFetchError:
		return "The sender could not fetch the policy. See that mta-sts answers 200 on every address, without redirect."
	case tlsrpt.STSPolicyInvalid:
		return "The sender could not read the policy. Check what is served against the one in the plan."
	case tlsrpt.STSWebPKIInvalid:
		return "The policy host's certificate did not hold. It must be valid for mta-sts and this domain."
	case tlsrpt.TLSAInvalid, tlsrpt.DNSSECInvalid, tlsrpt.DANERequired:
		return "This is about DANE, not about MTA-STS: it does not hold the gate. Keep the TLSA records in step."
	}
	return "The sender names a failure that the standard does not know, or no cause at all. Look at the host's log of that day."
}
