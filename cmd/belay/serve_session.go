package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/steps"
)

// openAgain is how long a server waits before it tries again to open its store.
const openAgain = 5 * time.Second

// lateSession is the session of a server, which can do its first duty, to answer
// senders, before its store can be opened: what needs the store is told meanwhile why
// it cannot be.
type lateSession struct {
	open func(context.Context) (*session, error)
	log  *slog.Logger

	mu  sync.Mutex
	s   *session
	why error // that it is not open

	stop    context.CancelFunc
	done    chan struct{} // closed when s is settled; nil before start
	release func() error  // of the announcement
}

// openLate opens the session of a server. Where policies were served before, they are
// served whatever the store is like: then nothing is opened before start, and no store
// is made in place of one that is gone, maybe because its disk is not there. Otherwise
// an error is that of opening the store.
func (p *program) openLate(ctx context.Context, last lastServed) (*lateSession, error) {
	kept, err := last.Hosts()
	if err != nil {
		p.log.Warn("the store alone says what is served", "error", finding.Clean(err.Error(), 400))
	}
	dir, err := p.stateDir()
	if err != nil {
		return nil, err
	}
	l := &lateSession{log: p.log}
	l.open = func(ctx context.Context) (*session, error) {
		if !p.stored() && len(kept) > 0 {
			return nil, fmt.Errorf("open store: there is none in %s; none is made, for policies were served from it", dir)
		}
		fresh := !p.stored()
		s, err := p.open(ctx)
		if err == nil && fresh {
			p.log.Warn("there was no store, and an empty one was made; if there should be one, see whether its disk is mounted and --state right", "dir", dir)
		}
		return s, err
	}
	if len(kept) > 0 {
		l.why = errors.New("it is not open yet")
		return l, nil
	}
	l.s, err = l.open(ctx)
	return l, err
}

// forOrders is a session for what orders certificates: it needs rollout and the
// logins alone.
func (l *lateSession) forOrders(p *program) *session {
	logins := p.accounts(steps.NewLooker(p.world))
	logins.unattended()
	return &session{late: l, accounts: logins}
}

// rollout is that of domain, as the journal has it now.
func (s *session) rollout(ctx context.Context, domain string) (rollout.Rollout, error) {
	if s.late != nil {
		open, err := s.late.now()
		if err != nil {
			return rollout.Rollout{}, err
		}
		s = open
	}
	return s.engine.Load(ctx, domain)
}

// start opens the session, where it is not open, again and again until that goes well
// or close is called, and announces the server by it. It does not wait for that.
func (l *lateSession) start(ctx context.Context, announce func(context.Context, *session) (release func() error, err error)) {
	ctx, l.stop = context.WithCancel(ctx)
	l.done = make(chan struct{})
	go func() {
		defer close(l.done)
		for !l.settle(ctx, announce) {
			timer := time.NewTimer(openAgain)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
		}
	}()
}

// settle is one attempt, and reports whether nothing is left to do.
func (l *lateSession) settle(ctx context.Context, announce func(context.Context, *session) (func() error, error)) bool {
	s, err := l.now()
	if err != nil {
		s, err = l.open(ctx)
		l.mu.Lock()
		l.s, l.why = s, err
		l.mu.Unlock()
	}
	if err != nil {
		return false
	}
	if l.release, err = announce(ctx, s); err != nil {
		l.log.Warn("nobody is told that this server runs", "error", finding.Clean(err.Error(), 400))
	}
	return true
}

// now is the session, or why there is none yet.
func (l *lateSession) now() (*session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.s == nil {
		return nil, fmt.Errorf("the store cannot be used yet: %w", l.why)
	}
	return l.s, nil
}

// leaveHung is how long close waits for an opening that does not end.
const leaveHung = 5 * time.Second

// close closes the session, and waits for an opening under way. One that hangs in the
// operating system is left to end with the process.
func (l *lateSession) close() error {
	if l.done != nil {
		l.stop()
		timer := time.NewTimer(leaveHung)
		defer timer.Stop()
		select {
		case <-l.done:
		case <-timer.C:
			l.log.Error("the store hangs, and is left as it is")
			return nil
		}
	}
	var released error
	if l.release != nil {
		released = l.release()
	}
	if l.s == nil {
		return released
	}
	return errors.Join(released, l.s.close())
}
