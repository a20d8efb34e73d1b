package certs

import (
	"context"
	"fmt"
	"time"

	"github.com/caddyserver/certmagic"
)

// An order writes proofs into the storage that instances share, and takes away what
// orders that never ended left there. It may do so because the host is locked: whoever
// orders holds the lock under which certmagic orders. A rehearsal orders into a storage
// of its own and has to take that lock besides.

// orderLock is certmagic's name for the lock under which host is ordered.
func orderLock(host string) string { return "issue_cert_" + host }

// alone has no other order of host use the storage in which challenges are answered,
// until done is called. It waits for one that is under way.
func (i *issuer) alone(ctx context.Context, host string) (done func(), err error) {
	if i.beside == nil {
		return func() {}, nil // certmagic has locked it
	}
	waiting, cancel := context.WithTimeout(ctx, orderFor)
	defer cancel()
	if err := i.beside.Lock(waiting, orderLock(host)); err != nil {
		return nil, fmt.Errorf("wait for the server's own order of %s: %w", host, err)
	}
	return func() {
		if err := i.beside.Unlock(context.WithoutCancel(ctx), orderLock(host)); err != nil {
			i.s.Log.Warn("the server's lock on a host could not be given back; it ends by itself", "host", host, "error", err.Error())
		}
	}, nil
}

// sweep takes away answers that orders of host left which never ended. Records are left
// to the next order by DNS: they stand elsewhere too.
func (a *answers) sweep(ctx context.Context, host string) {
	for _, key := range standing(ctx, a.storage, host) {
		if !isAnswer(key) {
			continue
		}
		if err := a.storage.Delete(ctx, key); err != nil {
			a.log.Warn("an answer of an order that was not ended could not be removed", "host", host, "error", err.Error())
		}
	}
}

// standing are the keys of all proofs that stand in the storage for host.
func standing(ctx context.Context, s certmagic.Storage, host string) []string {
	keys, err := s.List(ctx, folderOf(host), false)
	if err != nil {
		return nil // there is none
	}
	return keys
}

// How long, in real time, it may take to clean up after an order, and how long once
// belay ends or the order was given up. What is not taken away by then is written down,
// and the next order does it.
const (
	cleanUpFor    = 30 * time.Second
	cleanUpAtLast = 5 * time.Second
)

// cleaning is a context for cleaning up after an order under ctx, whether or not that
// was given up.
func cleaning(ctx context.Context) (context.Context, context.CancelFunc) {
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpFor)
	given := context.AfterFunc(ctx, func() {
		last := time.NewTimer(cleanUpAtLast)
		defer last.Stop()
		select {
		case <-last.C:
			cancel()
		case <-cleaning.Done():
		}
	})
	return cleaning, func() { given(); cancel() }
}
