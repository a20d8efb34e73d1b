package certs

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"

	"belay/rollout"

	"github.com/caddyserver/certmagic"
)

// Staging is the directory at which the CA behind ca can be rehearsed with: it checks
// as strictly, has limits that nobody meets, and issues what nobody trusts. ok is
// false where belay knows none.
func Staging(ca string) (directory string, ok bool) {
	directory, ok = map[string]string{
		certmagic.LetsEncryptProductionCA: certmagic.LetsEncryptStagingCA,
		certmagic.GoogleTrustProductionCA: certmagic.GoogleTrustStagingCA,
	}[ca]
	return directory, ok
}

// Rehearsal orders a certificate for every host once, from the staging directory of a
// CA, to see whether the real order will go well.
type Rehearsal struct{ c *Certificates }

// OpenRehearsal prepares one. s.CA is the staging directory and s.Storage one of its
// own; the CA's questions are answered from challenges too, the storage of a server
// that runs beside. An order of that server's is waited for, and it waits for the
// rehearsal of the host.
func OpenRehearsal(s Settings, challenges certmagic.Storage) (*Rehearsal, error) {
	s.Outside = nil // nobody is ever shown these certificates
	c, err := open(s)
	if err != nil {
		return nil, err
	}
	c.issuer.answers.storage, c.issuer.beside = challenges, challenges
	return &Rehearsal{c}, nil
}

// Certificate and HTTPChallenge answer the CA where no server runs beside.
func (r *Rehearsal) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return r.c.Certificate(hello)
}

// HTTPChallenge answers the CA's requests and hands all others to next.
func (r *Rehearsal) HTTPChallenge(next http.Handler) http.Handler { return r.c.HTTPChallenge(next) }

// Run orders for every host and calls each, by one goroutine at a time, with what came
// of it: Trouble is nil where the real order would go well.
func (r *Rehearsal) Run(ctx context.Context, hosts []string, each func(rollout.HostCertificate)) error {
	if err := r.c.Manage(ctx, hosts); err != nil {
		return err
	}
	var all sync.WaitGroup
	var telling sync.Mutex
	turns := make(chan *host)
	for range r.c.s.Pace {
		all.Go(func() {
			for h := range turns {
				_ = r.c.order(ctx, h) // it stands in what is known
				r.c.mu.RLock()
				known := h.known
				r.c.mu.RUnlock()
				telling.Lock()
				if ctx.Err() == nil {
					each(known)
				}
				telling.Unlock()
			}
		})
	}
	for _, name := range hosts {
		if ctx.Err() != nil {
			break
		}
		r.c.mu.RLock()
		h := r.c.hosts[name]
		r.c.mu.RUnlock()
		turns <- h
	}
	close(turns)
	all.Wait()
	return ctx.Err()
}

// Close lets go of what the rehearsal holds.
func (r *Rehearsal) Close() error { return r.c.Close() }
