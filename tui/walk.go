package tui

import (
	"context"
	"sync"

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
	// then is what the operator wants in its stead, once its reading has ended; or nil.
	then func() tea.Cmd

	mu    sync.Mutex
	stage stage
}

// A stage is how far a walk is: from carrying on the engine works, and may have begun
// an edit.
type stage int

const (
	readingReports stage = iota
	readingEnded         // by the operator: the engine does not begin
	carrying
)

// walkedMsg is the end of a walk.
type walkedMsg struct {
	walk     *walk
	progress rollout.Progress
	// unbegun is set where the operator ended it before the engine began.
	unbegun bool
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
			msg.came, msg.err = k.takeReports(w.ctx, domain, w.reports)
		}
		if msg.unbegun = !w.begin(); msg.unbegun || msg.err != nil {
			return msg
		}
		msg.progress, msg.err = f(w.ctx, w.feed.sink)
		return msg
	})
	return w, tea.Batch(run, w.feed.next(k.crew))
}

// begin lets the engine begin. It is false where the operator ended the reading.
func (w *walk) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stage == readingReports && w.ctx.Err() == nil {
		w.stage = carrying
	}
	return w.stage == carrying
}

// endReading ends a walk that only reads reports; it is false where the engine has
// begun, and then does nothing.
func (w *walk) endReading() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stage == carrying {
		return false
	}
	w.stage = readingEnded
	w.stop()
	return true
}

// reading reports whether reports are being read, and ended whether that was ended.
func (w *walk) reading() bool { return w.is(readingReports) && w.reports.line(wide) != "" }

func (w *walk) ended() bool { return w.is(readingEnded) }

func (w *walk) is(s stage) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stage == s
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
