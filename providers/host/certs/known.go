package certs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"belay/rollout"

	"github.com/caddyserver/certmagic"
)

// knownKey is where what is known of a host stands in the storage.
func knownKey(host string) string { return "hosts/" + certmagic.StorageKeys.Safe(host) + ".json" }

// Known is what the servers that share a storage know of the certificate of host. ok
// is false where no server ever managed it there.
func Known(ctx context.Context, s certmagic.Storage, host string) (known rollout.HostCertificate, ok bool, err error) {
	known, err = readKnown(ctx, s, host)
	if errors.Is(err, fs.ErrNotExist) {
		return known, false, nil
	}
	return known, err == nil, err
}

func readKnown(ctx context.Context, s certmagic.Storage, host string) (rollout.HostCertificate, error) {
	text, err := s.Load(ctx, knownKey(host))
	if err != nil {
		return rollout.HostCertificate{}, err
	}
	var known rollout.HostCertificate
	if err := json.Unmarshal(text, &known); err != nil {
		return rollout.HostCertificate{}, fmt.Errorf("read what is known of the certificate of %s: %w", host, err)
	}
	return known, nil
}

// keepKnown stores what is known of a host. What fails here loses nothing that
// cannot be seen again.
func (c *Certificates) keepKnown(ctx context.Context, known rollout.HostCertificate) {
	text, err := json.Marshal(known)
	if err == nil {
		err = c.s.Storage.Store(context.WithoutCancel(ctx), knownKey(known.Host), text)
	}
	if err != nil {
		c.log.Warn("what is known of a certificate could not be stored", "host", known.Host, "error", err.Error())
	}
}
