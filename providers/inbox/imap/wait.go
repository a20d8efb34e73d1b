package imap

import (
	"context"
	"time"

	"belay/rollout/world"
)

// longestIdle is how long IDLE goes on before the folder is looked at all the same:
// what lies between forgets quiet connections.
const longestIdle = 9 * time.Minute

// shortestWait is from one look at the folder to the next at least, whatever the server
// says.
const shortestWait = time.Second

// steadyFor is how long a connection must have idled for its loss to be an accident.
const steadyFor = time.Minute

// Wait returns when there may be news in the folder: when the server says so (IDLE,
// RFC 2177), when the connection was lost, after a while; or, where the server cannot
// say it, after every. It takes a second at least; where connections are lost again and
// again, each time twice as long, up to every. Its error is ctx's.
func (b *Mailbox) Wait(ctx context.Context, every time.Duration) error {
	if b.session == nil || !b.session.idles {
		return pause(ctx, every)
	}
	begun := world.Start()
	err := b.idle(ctx)
	if err == nil || begun.Elapsed() > steadyFor {
		b.lost = 0
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return pause(ctx, shortestWait-begun.Elapsed())
	}
	b.drop()
	wait := min(every, shortestWait<<b.lost)
	b.lost = min(b.lost+1, mostLost)
	return pause(ctx, wait)
}

// mostLost is how many losses running are told apart: by then it is hours.
const mostLost = 14

// idle waits until the server has something to say.
func (b *Mailbox) idle(ctx context.Context) error {
	s := b.session
	select {
	case <-s.news: // it came while the folder was read
		return nil
	default:
	}
	return s.during(ctx, "wait for mail", func() error {
		idle, err := s.client.Idle()
		if err != nil {
			return err
		}
		s.meter.rest()
		t := time.NewTimer(longestIdle)
		defer t.Stop()
		select {
		case <-s.news:
		case <-t.C:
		case <-s.client.Closed():
		case <-ctx.Done():
		}
		s.meter.expect(answerTime)
		if err := idle.Close(); err != nil {
			return err
		}
		return idle.Wait()
	})
}
