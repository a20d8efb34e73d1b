package tui

import (
	"context"
	"sync"
	"time"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
)

// feedSize bounds how many events wait for the screen.
const feedSize = 4096

// feedPace is how long a batch is gathered: an eye follows no more, and a look
// tells hundreds of things within a second.
const feedPace = 30 * time.Millisecond

// A feed takes what an engine tells while it works and hands it to the screen in
// batches. Taking never blocks: beyond feedSize waiting events new ones are
// dropped, which costs a line on the way and never the result, because an act's
// result comes apart from its feed.
type feed struct {
	mu     sync.Mutex
	events []rollout.Event
	ended  bool
	wake   chan struct{}
	over   chan struct{} // closed by end
}

// feedMsg is a batch of events. Ended says that no other follows.
type feedMsg struct {
	feed   *feed
	events []rollout.Event
	ended  bool
}

func newFeed() *feed { return &feed{wake: make(chan struct{}, 1), over: make(chan struct{})} }

// sink is the rollout.Sink of the feed.
func (f *feed) sink(ev rollout.Event) {
	f.mu.Lock()
	if !f.ended && len(f.events) < feedSize {
		f.events = append(f.events, ev)
	}
	f.mu.Unlock()
	f.ring()
}

// end says that the act is over.
func (f *feed) end() {
	f.mu.Lock()
	if !f.ended {
		f.ended = true
		close(f.over)
	}
	f.mu.Unlock()
	f.ring()
}

func (f *feed) ring() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// next waits for the next batch: for its first event, and for those that follow
// within feedPace. The end waits for nothing.
func (f *feed) next(c *crew) tea.Cmd {
	return c.errand(func(ctx context.Context) tea.Msg {
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil
		}
		gathering := time.NewTimer(feedPace)
		defer gathering.Stop()
		select {
		case <-gathering.C:
		case <-f.over:
		case <-ctx.Done():
			return nil
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		msg := feedMsg{feed: f, events: f.events, ended: f.ended}
		f.events = nil
		return msg
	})
}
