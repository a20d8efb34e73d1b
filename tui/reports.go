package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
	review  rollout.Review
	items   []rollout.Failure // what the marks of the pane select
}

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
	case reviewMsg:
		if msg.domain != s.domain {
			return nil
		}
		first := !s.loaded
		s.err = msg.err
		if msg.err == nil {
			s.rollout, s.gate, s.loaded = msg.rollout, msg.gate, true
			s.review = msg.review
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
	case exportedMsg:
		if msg.err != nil {
			s.nav.say("Not written: " + plain(msg.err))
			return nil
		}
		s.nav.say(finding.Clean(msg.said, 300))
	case refreshMsg:
		return s.load(true)
	}
	return nil
}

// reviewMsg is a rollout as the store has it, with its reports arranged for reading.
type reviewMsg struct {
	loadedMsg
	review rollout.Review
}

// load reads the rollout and reviews its reports. Where the world has moved on it
// looks before, for the gate asks for a fresh look.
func (s *reports) load(moved bool) tea.Cmd {
	return s.crew.errand(func(ctx context.Context) tea.Msg {
		if moved {
			if _, err := s.engine.Check(ctx, s.domain, nil); err != nil {
				return reviewMsg{loadedMsg: loadedMsg{domain: s.domain, err: err}}
			}
		}
		r, err := s.engine.Load(ctx, s.domain)
		if err != nil {
			return reviewMsg{loadedMsg: loadedMsg{domain: s.domain, err: err}}
		}
		gate, review := s.judge(r)
		return reviewMsg{loadedMsg{domain: s.domain, standing: standing{r, gate}}, review}
	})
}

// judge computes the gate and the review of r side by side: over many reports each
// takes long enough to be waited for.
func (s *reports) judge(r rollout.Rollout) (gate rollout.Gate, review rollout.Review) {
	func() {
		defer beside(func() { review = r.Review(s.clock.Now()) })()
		gate = s.engine.GateOf(r)
	}()
	return gate, review.Under(gate)
}

func (s *reports) KeyMap() []act {
	var acts []act
	if at := s.pane.at; at < len(s.items) {
		f := s.items[at]
		title := strings.TrimSpace(string(f.Type) + " " + f.MX)
		acts = append(acts,
			on("enter", "details", func() tea.Cmd { s.nav.read(finding.Clean(title, 100), s.details(f)); return nil }),
			on("e", "explain", func() tea.Cmd {
				means, _ := finding.Lookup(f.Code)
				s.nav.read(finding.Clean(string(f.Type), 60), []string{means.Title, "", means.Detail, "", means.Fix, "", means.Ref})
				return nil
			}))
		if len(f.Blocks) > 0 {
			acts = append(acts, on("D", "dismiss", func() tea.Cmd { return s.askDismiss(f) }))
		}
	}
	if s.loaded {
		acts = append(acts,
			on("f", "mark mended", func() tea.Cmd { return s.askMendedOf(s.domain) }),
			on("i", "import", func() tea.Cmd { return s.nav.importReports(s.rollout) }),
			on("t", "trust a source", s.askTrust))
		if s.export != nil {
			acts = append(acts, on("x", "export", s.askExport))
		}
	}
	return append(acts, s.pane.moves()...)
}

// details are all that is known of a failure.
func (s *reports) details(f rollout.Failure) []string {
	now := s.clock.Now()
	out := []string{
		fmt.Sprintf("%s, %s", sessions(f.Sessions), s.effectOf(f)),
		sentence(f.Words(now)),
	}
	if own := f.OwnWords(now); own != "" {
		out = append(out, "", s.local(sentence(own)))
	}
	if p := f.Own; p.Verdict == rollout.ProbeSame {
		out = append(out, fmt.Sprintf("%s  %s  %s", p.Code, finding.Clean(p.Subject, 200), finding.Clean(p.Title, 400)))
	}
	if len(f.IPs) > 0 {
		out = append(out, "", "at "+finding.Clean(strings.Join(f.IPs, ", "), 600))
	}
	for _, said := range f.Said {
		out = append(out, "they say: "+finding.Quote(said, 300))
	}
	out = append(out, "")
	if said := s.onGate(f); said != "" {
		out = append(out, said)
	}
	out = append(out, cause(f))
	if len(f.Blocks) > 0 {
		out = append(out, "", "As a dismissal names it:")
	}
	for _, key := range f.Blocks {
		out = append(out, "  "+finding.Clean(key, 300))
	}
	return out
}

// askExport asks for the file that what the reports say is written into.
func (s *reports) askExport() tea.Cmd {
	lines := []string{"Every sum that is kept, as CSV (.csv) or JSON (.json, an object a line), or metrics for Prometheus (.prom). A file of that name is replaced."}
	if s.lab != nil {
		lines = append(lines, "The file is a real one on this machine. It stays when the demo ends: all else of it goes.")
	}
	return s.nav.ask(&dialog{
		title:  "Write down what the reports about " + shownDomain(s.domain) + " say?",
		lines:  lines,
		fields: []*field{newField("File", "such as "+s.domain+"-reports.csv", needed("where to write"))},
		done: func(answers []string) tea.Cmd {
			return s.crew.errand(func(ctx context.Context) tea.Msg {
				said, err := s.export(ctx, s.domain, answers[0])
				return exportedMsg{s.domain, said, err}
			})
		},
	})
}

// exportedMsg is the end of an export.
type exportedMsg struct {
	domain, said string
	err          error
}

func (s *reports) askDismiss(f rollout.Failure) tea.Cmd {
	return s.nav.ask(&dialog{
		title:  fmt.Sprintf("Dismiss %s at %s for 30 days?", finding.Clean(string(f.Type), 60), finding.Clean(f.MX, 60)),
		lines:  []string{"Reports of it no longer hold the gate. It stays in the forecast, and the journal keeps why."},
		fields: []*field{reason()},
		done: func(answers []string) tea.Cmd {
			return s.decideFor(s.domain, "Dismissed for 30 days.", func(ctx context.Context) error {
				for _, key := range f.Blocks {
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
	lines := []string{"A DKIM domain becomes a known reporter; unsigned reports from an inbox, a path or the address they were posted to begin to count."}
	if sources := s.uncounted(3); sources != "" {
		lines = append(lines, "What does not count came from "+sources+".")
	}
	return s.nav.ask(&dialog{
		title:  "Trust a source of reports about " + s.domain + "?",
		lines:  lines,
		fields: []*field{source, reason()},
		done: func(answers []string) tea.Cmd {
			return s.decideFor(s.domain, "Trusted from now on.", func(ctx context.Context) error {
				_, err := s.engine.Trust(ctx, s.domain, answers[0], answers[1])
				return err
			})
		},
	})
}
