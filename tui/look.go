package tui

import (
	"context"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/world"

	tea "github.com/charmbracelet/bubbletea"
)

// A look is an act of the engine that looks and does not write. It ends when its
// screen closes.
type look struct {
	// what says what it is for, in a sentence.
	what   string
	feed   *feed
	cancel context.CancelFunc
	watch  world.Stopwatch
	// reports is the reading of reports that comes before it.
	reports *importing
}

// beat is how often a screen counts the seconds of what is under way.
const beat = 500 * time.Millisecond

// beatMsg counts on.
type beatMsg struct{ feed *feed }

// look starts f, whose message is its result.
func (k *kit) look(what string, f func(ctx context.Context, l *look) tea.Msg) (*look, tea.Cmd) {
	ctx, cancel := context.WithCancel(k.crew.ctx)
	l := &look{what: what, feed: newFeed(), cancel: cancel, watch: world.Start()}
	l.reports = &importing{feed: l.feed}
	run := k.crew.errand(func(context.Context) tea.Msg {
		defer cancel()
		defer l.feed.end()
		return f(ctx, l)
	})
	return l, tea.Batch(run, l.feed.next(k.crew), k.after(beat, beatMsg{l.feed}))
}

// A live is what has been told so far of a look or of the verifying of an edit:
// one row for each server that was asked, and the findings concluded.
type live struct {
	rows     []*asked
	at       map[string]*asked
	findings []finding.Finding
}

// asked is one question put to one subject.
type asked struct {
	subject, text string
	severity      finding.Severity
	answered      bool
	took          time.Duration
	watch         world.Stopwatch
}

// take adds an event. It reports whether it belongs to a look at all.
func (l *live) take(ev rollout.Event) bool {
	switch ev.Kind {
	case rollout.Asking, rollout.Answered:
		subject := finding.Clean(ev.Subject, 200)
		row := l.at[subject]
		if row == nil {
			row = &asked{subject: subject, watch: world.Start()}
			if l.at == nil {
				l.at = map[string]*asked{}
			}
			l.at[subject] = row
			l.rows = append(l.rows, row)
		}
		row.text = finding.Clean(ev.Text, 300)
		row.severity, row.took = ev.Severity, ev.Took
		row.answered = ev.Kind == rollout.Answered
		return true
	case rollout.Concluded:
		if ev.Finding != nil {
			l.findings = append(l.findings, *ev.Finding)
		}
		return true
	}
	return false
}

// answered counts the questions that have their answer.
func (l *live) answered() int {
	n := 0
	for _, r := range l.rows {
		if r.answered {
			n++
		}
	}
	return n
}

// lines shows what fails first, then who is still asked, then who answered.
func (l *live) lines(st Styles, w int) []string {
	var out []string
	for _, f := range sorted(l.findings) {
		if f.Severity == finding.Fail || f.Severity == finding.Warn || f.Unknown {
			out = append(out, findingLine(st, f, w))
		}
	}
	for _, done := range []bool{false, true} {
		for i := len(l.rows) - 1; i >= 0; i-- {
			if r := l.rows[i]; r.answered == done {
				out = append(out, r.line(st, w))
			}
		}
	}
	return out
}

func (r *asked) line(st Styles, w int) string {
	mark, said, spent := st.muted.Render("wait "), "asking", took(r.watch.Elapsed().Truncate(time.Second))
	if r.answered {
		mark, said, spent = st.mark(r.severity), r.text, took(r.took)
	} else if r.text != "" {
		said = r.text
	}
	return both(mark+" "+fit(r.subject, min(34, w/3))+"  "+said, st.muted.Render(spent), w)
}
