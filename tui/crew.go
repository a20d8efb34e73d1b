package tui

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	tea "github.com/charmbracelet/bubbletea"
)

// A crew runs errands: everything that may take time. bubbletea starts each
// errand in a goroutine of its own and forgets it; the crew counts them, ends
// them with its context, and is waited for before Run returns.
type crew struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	busy   sync.WaitGroup
}

func newCrew(ctx context.Context) *crew {
	c := &crew{}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// brokenMsg is a panic in an errand. The model quits on it, so that bubbletea
// gives the terminal back before anybody reads the stack.
type brokenMsg struct{ err error }

// errand makes a command of f, which gets the crew's context.
func (c *crew) errand(f func(ctx context.Context) tea.Msg) tea.Cmd {
	return func() (msg tea.Msg) {
		if !c.begin() {
			return nil
		}
		defer c.busy.Done()
		defer func() {
			if r := recover(); r != nil {
				msg = brokenMsg{fmt.Errorf("belay broke: %v\n%s", r, debug.Stack())}
			}
		}()
		return f(c.ctx)
	}
}

// beside runs f while the errand that calls it goes on, and returns what waits for its
// end. That panics where f did, so that the errand breaks by it.
func beside(f func()) (wait func()) {
	done := make(chan any, 1)
	go func() {
		defer func() {
			broke := recover()
			if broke != nil {
				broke = fmt.Sprintf("%v\n%s", broke, debug.Stack())
			}
			done <- broke
		}()
		f()
	}()
	return func() {
		if broke := <-done; broke != nil {
			panic(broke)
		}
	}
}

func (c *crew) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.busy.Add(1)
	return true
}

// close takes no more errands, cancels those that run, and returns a channel
// that is closed when the last has ended.
func (c *crew) close() <-chan struct{} {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.busy.Wait()
	}()
	return done
}
