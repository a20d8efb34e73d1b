package certs

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"strings"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// Records are the TXT records at _acme-challenge of one policy host: the one place
// at which they write, and only belay's own values.
type Records interface {
	// Put adds value to what stands there.
	Put(ctx context.Context, value string) error
	// Await returns when every authoritative server that answers shows value.
	Await(ctx context.Context, value string) error
	// Remove takes value away, and nothing else.
	Remove(ctx context.Context, value string) error
}

// proofByDNS answers DNS-01 through Records. It implements acmez.Solver and
// acmez.Waiter. What it puts is written down before, so that it can be taken away
// though the machine went down in between.
type proofByDNS struct {
	records Records
	storage certmagic.Storage
	log     *slog.Logger
	// left are proofs of orders that were never ended.
	left []string
}

// putKey is where it is written down that value was put for host.
func putKey(host, value string) string {
	return folderOf(host) + "/dns-" + value
}

// leftFor are the proofs that were put for host and not taken away.
func leftFor(ctx context.Context, s certmagic.Storage, host string) []string {
	var out []string
	for _, key := range standing(ctx, s, host) {
		if value, ok := strings.CutPrefix(path.Base(key), "dns-"); ok {
			out = append(out, value)
		}
	}
	return out
}

// Present puts the record, and takes away what was left there.
func (p proofByDNS) Present(ctx context.Context, c acme.Challenge) error {
	for _, value := range p.left {
		if err := p.remove(ctx, c.Identifier.Value, value); err != nil {
			p.log.Warn("a proof of an order that was not ended could not be removed", "host", c.Identifier.Value, "error", err.Error())
		}
	}
	value := c.DNS01KeyAuthorization()
	if err := p.storage.Store(ctx, putKey(c.Identifier.Value, value), []byte(c.DNS01TXTRecordName()+"\n")); err != nil {
		return fmt.Errorf("write down that a challenge record is put: %w", err)
	}
	return p.records.Put(ctx, value)
}

// Wait waits until the CA will see the record.
func (p proofByDNS) Wait(ctx context.Context, c acme.Challenge) error {
	return p.records.Await(ctx, c.DNS01KeyAuthorization())
}

// CleanUp takes the record away, though the order was given up.
func (p proofByDNS) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := cleaning(ctx)
	defer cancel()
	return p.remove(ctx, c.Identifier.Value, c.DNS01KeyAuthorization())
}

func (p proofByDNS) remove(ctx context.Context, host, value string) error {
	if err := p.records.Remove(ctx, value); err != nil {
		return err
	}
	return p.storage.Delete(ctx, putKey(host, value))
}
