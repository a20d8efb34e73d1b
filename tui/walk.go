package tui

import (
	"context"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
)

// A walk is a plan being carried out. It runs on contexts of its own, which the
// end of the wizard does not cancel: stop asks it to finish the edit it is at and
// begin no other, abort cancels the provider's call as well.
type walk struct {
	domain string
	feed   *feed
	ctx    context.Context
	stop   context.CancelFunc
	abort  context.CancelFunc
	// reports is the reading of reports that comes before it.
	reports *importing
	// asked counts how often the operator asked it to end.
	asked int
}

// walkedMsg is the end of a walk.
type walkedMsg struct {
	walk     *walk
	progress rollout.Progress
	// came says what reports came before it; empty where there is nothing to say.
	came string
	err  error
}

// carry starts a walk: f is the engine's act, before which the reports are read where
// read is set.
func (k *kit) carry(domain string, read bool, f func(ctx context.Context, emit rollout.Sink) (rollout.Progress, error)) (*walk, tea.Cmd) {
	w := &walk{domain: domain, feed: newFeed()}
	w.reports = &importing{feed: w.feed}
	hard, abort := context.WithCancel(context.WithoutCancel(k.crew.ctx))
	soft, stop := context.WithCancel(hard)
	w.ctx, w.stop, w.abort = rollout.WithAbort(soft, hard), stop, abort
	k.nav.walking(w)
	run := k.crew.errand(func(context.Context) tea.Msg {
		defer w.feed.end()
		defer w.abort()
		defer w.stop()
		msg := walkedMsg{walk: w}
		if read {
			if msg.came, msg.err = k.takeReports(w.ctx, domain, w.reports); msg.err != nil {
				return msg
			}
		}
		msg.progress, msg.err = f(w.ctx, w.feed.sink)
		return msg
	})
	return w, tea.Batch(run, w.feed.next(k.crew))
}

// end asks the walk to end, each time more urgently. It returns what is done
// about it: the first time it finishes the edit in flight, the second time the
// provider's call is cancelled, from the third on nothing is waited for.
func (w *walk) end() haste {
	w.asked++
	switch w.asked {
	case 1:
		w.stop()
		return finishing
	case 2:
		w.abort()
		return cancelling
	}
	return leaving
}

// urgency is how a walk ends.
type haste int

const (
	finishing haste = iota
	cancelling
	leaving
)
