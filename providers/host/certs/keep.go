package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"belay/rollout"

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
			at = latest(at, h.hurried.Add(time.Hour))
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

// Retry has what failed tried again at once, and the CA asked whether it wants any
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

// mayRetry lets the next attempt come at once: whoever says so may have mended what
// stood in the way. Only the CA's own word on when to come again outlasts that. The
// caller holds the lock.
func (h *host) mayRetry() {
	if t := h.known.Trouble; t != nil && t.Kind != rateLimited {
		mended := *t
		mended.Next = time.Time{}
		h.known.Trouble = &mended
	}
}

// errDone says that another instance has done what was to be done.
var errDone = errors.New("another instance has renewed it")

// renewing is, in an order's context, the serial that is to be replaced.
type renewingKey struct{}

// still is asked by certmagic, with the host locked between instances and right
// before it orders, whether the order is still needed.
func (c *Certificates) still(ctx context.Context, event string, data map[string]any) error {
	serial, renewing := ctx.Value(renewingKey{}).(string)
	if event != "cert_obtaining" || !renewing {
		return nil
	}
	name, _ := data["identifier"].(string)
	if s, err := c.stored(ctx, name); err == nil && fmt.Sprintf("%x", s.leaf.SerialNumber) != serial {
		return errDone
	}
	return nil
}

// order obtains or renews the certificate of h, once.
func (c *Certificates) order(ctx context.Context, h *host) error {
	c.mu.Lock()
	before := h.known
	if h.wantedBack() {
		h.hurried = c.s.Clock.Now()
	}
	c.mu.Unlock()
	ctx, asked := withWish(ctx)
	renews := before.Exists()
	c.log.Info("ordering a certificate", "host", h.name, "renewal", renews, "ca", c.s.CA)
	err := c.through(ctx, h.name, before.Serial)
	if ctx.Err() != nil {
		return ctx.Err() // closed; nothing is known of the host that was not before
	}
	if err == nil || errors.Is(err, errDone) {
		if err = c.load(ctx, h); err == nil {
			c.came(ctx, h, before)
			return nil
		}
		err = fmt.Errorf("read what was obtained: %w", err)
	}
	c.failed(ctx, h, err, asked.until)
	return err
}

// through is the order at certmagic, which locks the host, makes the key, and
// stores what comes.
func (c *Certificates) through(ctx context.Context, name, serial string) error {
	s, err := c.stored(ctx, name)
	if err != nil {
		return c.config.ObtainCertSync(ctx, name)
	}
	ctx = context.WithValue(ctx, renewingKey{}, serial)
	ctx = context.WithValue(ctx, replacesKey{}, replaceable(s, c.s.CA))
	return c.config.RenewCertSync(ctx, name, true)
}

// replaceable is the certificate that a renewal replaces, for the CA that issued it.
func replaceable(s stored, ca string) *x509.Certificate {
	if s.ca != ca || s.ari == nil {
		return nil
	}
	return s.leaf
}

// came writes down that a certificate is there that was not before.
func (c *Certificates) came(ctx context.Context, h *host, before rollout.HostCertificate) {
	now := c.s.Clock.Now()
	c.mu.Lock()
	if before.Exists() && before.Serial != h.known.Serial {
		h.known.Replaced = before.Serial
	}
	if h.known.Serial != before.Serial {
		h.known.Obtained = now.UTC()
	}
	h.known.Trouble, h.known.Shown, h.known.At, h.known.Unshown = nil, time.Time{}, nil, ""
	if c.limited = 0; c.s.Outside != nil {
		h.look = now
	}
	known := h.known
	c.mu.Unlock()
	c.keepKnown(ctx, known)
	c.log.Info("certificate obtained", "host", h.name, "issuer", known.Issuer, "serial", known.Serial, "replaced", known.Replaced, "not_after", known.NotAfter)
}

// failed writes down what stood in the way, and when to try again.
func (c *Certificates) failed(ctx context.Context, h *host, err error, asked time.Time) {
	now := c.s.Clock.Now()
	t := trouble(h.name, err, now, asked)
	c.mu.Lock()
	t.Since, t.Tries = t.At, 1
	if was := h.known.Trouble; was != nil {
		t.Since, t.Tries = was.Since, was.Tries+1
	}
	if next := now.Add(pause(t.Tries)).UTC(); next.After(t.Next) {
		t.Next = next
	}
	h.known.Trouble = &t
	if h.known.CA == "" {
		h.known.CA = c.s.CA
	}
	c.brake(t)
	known := h.known
	c.mu.Unlock()
	c.keepKnown(ctx, known)
	c.log.Error("no certificate", "host", h.name, "kind", t.Kind, "said", t.Said, "next", t.Next, "tries", t.Tries)
}

// rateLimited is the type of the problem by which a CA asks to be left alone.
const rateLimited = "rateLimited"

// limitedInARow is how many hosts the CA must turn away, one after the other, before
// that is taken for a limit of the account and no longer of one domain's.
const limitedInARow = 3

// brake holds first orders back where the CA takes none from anybody. The caller holds
// the lock.
func (c *Certificates) brake(t rollout.CertificateTrouble) {
	if t.Kind != rateLimited {
		c.limited = 0
		return
	}
	if c.limited++; c.limited >= limitedInARow && (c.rest.Before(t.At) || t.Next.Before(c.rest)) {
		c.rest = t.Next
	}
}

// seeOutside looks from outside whether the certificate is shown there.
func (c *Certificates) seeOutside(ctx context.Context, h *host) {
	now := c.s.Clock.Now()
	c.mu.Lock()
	h.look = time.Time{}
	fingerprint := h.known.Fingerprint
	c.mu.Unlock()
	if c.s.Outside == nil {
		return
	}
	shown, err := c.s.Outside(ctx, h.name)
	if ctx.Err() != nil {
		return
	}
	at, unshown := seen(shown, err, fingerprint)
	c.mu.Lock()
	if h.known.Fingerprint == fingerprint {
		h.known.Unshown = unshown
		if unshown == "" {
			h.known.Shown, h.known.At = now.UTC(), at
		} else {
			h.look = now.Add(10 * time.Minute)
		}
	}
	known := h.known
	c.mu.Unlock()
	c.keepKnown(ctx, known)
	c.log.Info("looked from outside for the certificate", "host", h.name, "at", at, "unshown", unshown)
}

// seen says at which addresses the certificate is shown, or why it is not known to be
// shown at every one that answers.
func seen(shown []Shown, err error, fingerprint string) (at []string, unshown string) {
	if err != nil {
		return nil, err.Error()
	}
	why := "no address of it answers"
	for _, s := range shown {
		switch {
		case s.Fingerprint == fingerprint:
			at = append(at, s.Address)
		case s.Fingerprint != "":
			return nil, s.Address + " shows another certificate"
		case s.Err != "":
			why = s.Address + ": " + s.Err
		}
	}
	if len(at) == 0 {
		return nil, why
	}
	return at, ""
}
