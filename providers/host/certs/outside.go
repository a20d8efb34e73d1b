package certs

import (
	"context"
	"time"

	"belay/rollout/finding"
)

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
		return nil, finding.Clean(err.Error(), 300)
	}
	why := "no address of it answers"
	for _, s := range shown {
		switch {
		case s.Fingerprint == fingerprint:
			at = append(at, s.Address)
		case s.Fingerprint != "":
			return nil, s.Address + " shows another certificate"
		case s.Err != "":
			why = finding.Clean(s.Address+": "+s.Err, 300)
		}
	}
	if len(at) == 0 {
		return nil, why
	}
	return at, ""
}
