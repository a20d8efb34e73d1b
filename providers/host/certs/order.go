package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/rollout"
)

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
	if t.Kind == rateLimited {
		t.Until = t.Next // a CA that does not say until when is left alone all the same
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

// brakeAsKnown holds first orders back where the storage tells that the CA turned away
// as many hosts before the start. The caller holds the lock.
func (c *Certificates) brakeAsKnown() {
	now := c.s.Clock.Now()
	var until []time.Time
	for _, h := range c.hosts {
		if t := h.known.Trouble; t != nil && t.Kind == rateLimited && t.Until.After(now) {
			until = append(until, t.Until)
		}
	}
	if len(until) < limitedInARow || c.rest.After(now) {
		return
	}
	c.limited, c.rest = len(until), slices.MinFunc(until, time.Time.Compare)
}
