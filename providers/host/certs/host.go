package certs

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// host is one policy host and its certificate.
type host struct {
	name      string
	serving   atomic.Pointer[tls.Certificate]
	elsewhere elsewhere

	// What follows is guarded by Certificates.mu.
	known rollout.HostCertificate
	// ask is when the CA is asked again when it wants a renewal; zero is never.
	ask time.Time
	// look is when it is looked for from outside; zero where it was seen.
	look time.Time
	busy bool
}

// Manage makes hosts those that certificates are kept for: policy hosts in A-labels,
// lower case. Certificates that the storage has are served when it returns; others
// are obtained in the background until Close, and States tells how that goes. A host
// that is no longer named is not served and not renewed any more; its certificate
// stays in the storage. It may be called again at any time.
//
// The error says that the storage could not be read for some host; the others are
// served, and that one is tried again.
func (c *Certificates) Manage(ctx context.Context, hosts []string) error {
	c.managing.Lock()
	defer c.managing.Unlock()
	c.mu.Lock()
	wanted := make(map[string]*host, len(hosts))
	var fresh []*host
	for _, name := range hosts {
		name = strings.ToLower(name)
		h := c.hosts[name]
		if h == nil {
			h = &host{name: name}
			h.known.Host = name
			fresh = append(fresh, h)
		}
		wanted[name] = h
	}
	c.mu.Unlock()

	err := c.loadAll(ctx, fresh)
	c.mu.Lock()
	c.hosts = wanted
	if len(fresh) > 0 {
		c.brakeAsKnown()
	}
	c.mu.Unlock()
	c.rouse()
	return err
}

// loaders is how many hosts are read from the storage at once.
const loaders = 8

func (c *Certificates) loadAll(ctx context.Context, hosts []*host) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	turns := make(chan *host)
	for range loaders {
		all.Go(func() {
			for h := range turns {
				if err := c.load(ctx, h); err != nil && !errors.Is(err, fs.ErrNotExist) {
					mu.Lock()
					if failed == nil {
						failed = fmt.Errorf("read the certificate of %s: %w", h.name, err)
					}
					mu.Unlock()
				}
			}
		})
	}
	for _, h := range hosts {
		if ctx.Err() != nil {
			break
		}
		turns <- h
	}
	close(turns)
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failed
}

// load serves what the storage has for h, which may be what another instance put
// there, and takes over what is known of it.
func (c *Certificates) load(ctx context.Context, h *host) error {
	stored, err := c.stored(ctx, h.name)
	if errors.Is(err, fs.ErrNotExist) {
		c.loadTrouble(ctx, h)
	}
	if err != nil {
		return err
	}
	known := c.knownOf(ctx, h.name, stored)
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := h.known; now.Fingerprint != known.Fingerprint {
		h.serving.Store(stored.cert)
		h.ask = askAgain(stored.ari, c.s.Clock.Now())
	} else if known.Trouble == nil || now.Trouble != nil && !known.Trouble.At.After(now.Trouble.At) {
		known.Trouble = now.Trouble // another instance has tried since, or nobody has
	}
	h.known = known
	if known.Shown.IsZero() && h.look.IsZero() && c.s.Outside != nil {
		h.look = c.s.Clock.Now()
	}
	return nil
}

// loadTrouble takes over why a host has no certificate, where this instance or another
// has found that out.
func (c *Certificates) loadTrouble(ctx context.Context, h *host) {
	known, err := readKnown(ctx, c.s.Storage, h.name)
	if err != nil || known.Trouble == nil || known.CA != c.s.CA {
		return // what another CA refused says nothing of this one
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := h.known.Trouble; !h.known.Exists() && (now == nil || known.Trouble.At.After(now.At)) {
		h.known.Trouble = known.Trouble
	}
}

// askAgain is when the CA is to be asked again when it wants the certificate renewed;
// zero where it does not say.
func askAgain(ari *acme.RenewalInfo, now time.Time) time.Time {
	switch {
	case ari == nil || !ari.HasWindow():
		return time.Time{}
	case ari.RetryAfter == nil:
		return now.Add(6 * time.Hour)
	}
	return *ari.RetryAfter
}

// stored is a certificate as the storage has it.
type stored struct {
	cert *tls.Certificate
	leaf *x509.Certificate
	ari  *acme.RenewalInfo
	ca   string
}

func (c *Certificates) stored(ctx context.Context, name string) (stored, error) {
	b, err := c.whole.bundle(ctx, stem(c.issuer.key, name))
	if err != nil {
		return stored{}, err
	}
	var out stored
	if out.cert, out.leaf, err = certificateOf(b); err != nil {
		// A damaged one is obtained anew, as one that is not there.
		return stored{}, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	var meta struct {
		Issuer acme.Certificate `json:"issuer_data"`
	}
	if json.Unmarshal(b.Meta, &meta) == nil {
		out.ari, out.ca = meta.Issuer.RenewalInfo, meta.Issuer.CA
	}
	return out, nil
}

// certificateOf makes a certificate ready to be shown. The leaf is parsed for what is
// known of it and not kept: ten thousand of them are ten times their text.
func certificateOf(b bundle) (*tls.Certificate, *x509.Certificate, error) {
	var chain [][]byte
	for rest := b.Chain; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
		}
	}
	if len(chain) == 0 {
		return nil, nil, errors.New("its chain holds no certificate")
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, nil, fmt.Errorf("its certificate cannot be read: %w", err)
	}
	key, err := certmagic.PEMDecodePrivateKey(b.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("its key cannot be read: %w", err)
	}
	if public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(key.Public()) {
		return nil, nil, errors.New("its key is not that of the certificate")
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key}, leaf, nil
}

// knownOf is what is known of a stored certificate: what the storage says of it where
// that is about this one, else what it says itself.
func (c *Certificates) knownOf(ctx context.Context, name string, s stored) rollout.HostCertificate {
	print := sha256.Sum256(s.leaf.Raw)
	known, err := readKnown(ctx, c.s.Storage, name)
	if err != nil {
		known = rollout.HostCertificate{}
	}
	if fingerprint := hex.EncodeToString(print[:]); known.Fingerprint != fingerprint {
		known = rollout.HostCertificate{
			Host: name, CA: s.ca, Issuer: issuerName(s.leaf), Serial: fmt.Sprintf("%x", s.leaf.SerialNumber), Fingerprint: fingerprint,
			NotBefore: s.leaf.NotBefore.UTC(), NotAfter: s.leaf.NotAfter.UTC(), Obtained: s.leaf.NotBefore.UTC(),
			Replaced: known.Serial,
		}
		known.RenewAt, known.Asked = renewAt(s.leaf, s.ari)
	}
	return known
}

// issuerName is who issued a certificate, as people know it.
func issuerName(leaf *x509.Certificate) string {
	name := leaf.Issuer.CommonName
	if len(leaf.Issuer.Organization) > 0 {
		name = strings.TrimSpace(leaf.Issuer.Organization[0] + " " + name)
	}
	return finding.Clean(name, 120)
}

// renewAt is when a certificate is due: when a third of its life is left, or at the
// moment chosen in the window that the CA suggests, but never later than when a
// sixth is left.
func renewAt(leaf *x509.Certificate, ari *acme.RenewalInfo) (at time.Time, asked string) {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	at = leaf.NotAfter.Add(-life / 3)
	if ari != nil && ari.HasWindow() && !ari.SelectedTime.IsZero() {
		at, asked = ari.SelectedTime, finding.Clean(ari.ExplanationURL, 300)
		if last := leaf.NotAfter.Add(-life / 6); at.After(last) {
			at = last
		}
	}
	return at.UTC(), asked
}

// States are what is known of every host that is managed, sorted by name.
func (c *Certificates) States() []rollout.HostCertificate {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]rollout.HostCertificate, 0, len(c.hosts))
	for _, h := range c.hosts {
		out = append(out, h.known)
	}
	slices.SortFunc(out, func(a, b rollout.HostCertificate) int { return strings.Compare(a.Host, b.Host) })
	return out
}
