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
	// asked counts how often the operator asked it to end.
	asked int
}

// walkedMsg is the end of a walk.
type walkedMsg struct {
	walk     *walk
	progress rollout.Progress
	err      error
}

// carry starts a walk: f is the engine's act.
func (k *kit) carry(domain string, f func(ctx context.Context, emit rollout.Sink) (rollout.Progress, error)) (*walk, tea.Cmd) {
	w := &walk{domain: domain, feed: newFeed()}
	hard, abort := context.WithCancel(context.WithoutCancel(k.crew.ctx))
	soft, stop := context.WithCancel(hard)
	w.ctx, w.stop, w.abort = rollout.WithAbort(soft, hard), stop, abort
	k.nav.walking(w)
	run := k.crew.errand(func(context.Context) tea.Msg {
		defer w.feed.end()
		defer w.abort()
		defer w.stop()
		progress, err := f(w.ctx, w.feed.sink)
		return walkedMsg{walk: w, progress: progress, err: err}
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
