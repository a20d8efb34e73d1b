package certs

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// longestSleep is how long, in real time, belay sleeps at most before it asks the
// clock again: a machine that slept, or a clock that was set, is noticed.
const longestSleep = time.Minute

// keep attends to every host when something is due for it, until ctx ends, and
// waits for what it has begun.
func (c *Certificates) keep(ctx context.Context) {
	var begun sync.WaitGroup
	defer begun.Wait()
	slots := make(chan struct{}, c.s.Pace)
	for {
		next := c.s.Clock.Now().Add(longestSleep)
		full := false
		for _, h := range c.due(&next) {
			select {
			case slots <- struct{}{}:
			default:
				full = true
			}
			if full {
				break
			}
			c.mu.Lock()
			h.busy = true
			c.mu.Unlock()
			begun.Go(func() {
				defer func() {
					<-slots
					c.mu.Lock()
					h.busy = false
					c.mu.Unlock()
					c.rouse()
				}()
				c.attend(ctx, h)
			})
		}
		sleep := time.NewTimer(max(next.Sub(c.s.Clock.Now()), 10*time.Millisecond))
		select {
		case <-ctx.Done():
			sleep.Stop()
			return
		case <-c.wake:
		case <-sleep.C:
		}
		sleep.Stop()
	}
}

// rouse has keep look again at what is due.
func (c *Certificates) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// due are the hosts for which something is to be done now; next becomes the moment
// when something is due for another.
func (c *Certificates) due(next *time.Time) []*host {
	now := c.s.Clock.Now()
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []*host
	for _, h := range c.hosts {
		if h.busy {
			continue
		}
		if at := h.nextDue(c.rest); !at.After(now) {
			out = append(out, h)
		} else if at.Before(*next) {
			*next = at
		}
	}
	return out
}

// nextDue is when something is next to be done for h. The caller holds the lock.
func (h *host) nextDue(rest time.Time) time.Time {
	at := h.orderAt(rest)
	for _, t := range []time.Time{h.ask, h.look} {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return at
}

// orderAt is when a certificate is to be ordered: when it is due, but not before the
// next attempt is, where one failed, and a first one not while the CA takes none.
func (h *host) orderAt(rest time.Time) time.Time {
	at := h.known.RenewAt // zero, and so long past, where there is none
	if h.known.Exists() {
		// One that is due as soon as it has come, by a clock that is wrong here or at
		// the CA, is no reason to order without end. Where the CA itself wants one back
		// that has only come, that is done once an hour.
		if h.wantedBack() {
			if h.known.Replaced != "" {
				at = latest(at, h.known.Obtained.Add(time.Hour))
			}
		} else {
			at = latest(at, h.known.Obtained.Add(h.floor()))
		}
	} else {
		at = latest(at, rest)
	}
	if t := h.known.Trouble; t != nil {
		at = latest(at, t.Next)
	}
	return at
}

// floor is how long a certificate is kept at least.
func (h *host) floor() time.Duration {
	return min(time.Hour, h.known.NotAfter.Sub(h.known.NotBefore)/10)
}

// wantedBack reports whether the CA wants the certificate renewed that has only come.
func (h *host) wantedBack() bool {
	return h.known.Exists() && h.known.RenewAt.Before(h.known.NotBefore.Add(h.floor()))
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// attend does what is due for h.
func (c *Certificates) attend(ctx context.Context, h *host) {
	now := c.s.Clock.Now()
	// Another instance may have done it; and what it heard of the CA counts here too.
	if err := c.load(ctx, h); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.log.Warn("the certificate could not be read; the one in memory is served on", "host", h.name, "error", err.Error())
	}
	c.mu.RLock()
	ask, serves := h.ask, h.known.Exists()
	c.mu.RUnlock()
	if serves && !ask.IsZero() && !ask.After(now) {
		c.askRenewal(ctx, h)
	}
	c.mu.RLock()
	order := !h.orderAt(c.rest).After(now)
	c.mu.RUnlock()
	if order {
		_ = c.order(ctx, h) // it stands in what is known of the host
	}
	c.mu.RLock()
	look := !h.look.IsZero() && !h.look.After(c.s.Clock.Now()) && h.known.Exists()
	c.mu.RUnlock()
	if look && ctx.Err() == nil {
		c.seeOutside(ctx, h)
	}
}

// askRenewal asks the CA when it wants the certificate renewed.
func (c *Certificates) askRenewal(ctx context.Context, h *host) {
	again := c.s.Clock.Now().Add(6 * time.Hour)
	s, err := c.stored(ctx, h.name)
	var info acme.RenewalInfo
	if err == nil {
		info, err = c.issuer.renewalInfo(ctx, s.leaf)
	}
	if err != nil {
		c.log.Debug("the CA was asked when to renew", "host", h.name, "error", err.Error())
		c.mu.Lock()
		h.ask = again
		c.mu.Unlock()
		return
	}
	if info.RetryAfter != nil && info.RetryAfter.After(c.s.Clock.Now()) && info.RetryAfter.Before(again.Add(longestWish)) {
		again = *info.RetryAfter
	}
	at, asked := renewAt(s.leaf, &info)
	c.mu.Lock()
	h.ask = again
	window := info.SuggestedWindow
	changed := h.known.RenewAt.Before(window.Start) || h.known.RenewAt.After(window.End)
	if changed {
		h.known.RenewAt, h.known.Asked = at, asked
	}
	known := h.known
	c.mu.Unlock()
	if changed {
		c.log.Info("the CA suggests when to renew", "host", h.name, "renew_at", at, "explained", asked)
		c.keepKnown(ctx, known)
	}
}

// Retry has what failed tried again soon, and the CA asked whether it wants any
// certificate renewed. What the CA refused until a moment it named waits for that.
func (c *Certificates) Retry() {
	c.mu.Lock()
	for _, h := range c.hosts {
		h.mayRetry()
		if !h.ask.IsZero() {
			h.ask = c.s.Clock.Now()
		}
	}
	c.mu.Unlock()
	c.rouse()
}

// mendedAfter is how long after an attempt that failed the operator's word brings the
// next one at the earliest: a script that gives it without end is none.
const mendedAfter = 5 * time.Minute

// mayRetry lets the next attempt come early: whoever says so may have mended what stood
// in the way. The CA's own word on when to come again outlasts that. The caller holds
// the lock.
func (h *host) mayRetry() {
	t := h.known.Trouble
	if t == nil {
		return
	}
	if next := latest(t.Until, t.At.Add(mendedAfter)); next.Before(t.Next) {
		mended := *t
		mended.Next = next
		h.known.Trouble = &mended
	}
}
