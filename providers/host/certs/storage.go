package certs

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/caddyserver/certmagic"
)

// whole is a storage in which a certificate, its key and what belongs to them are
// one value. certmagic writes them one after the other and, where one fails,
// deletes those before it: with a disk that is full in the middle of a renewal, the
// key of the certificate in use would be gone. Here the parts are gathered until the
// last has come and then replace the old ones at once, or not at all.
type whole struct {
	certmagic.Storage

	mu       sync.Mutex
	gathered map[string]bundle // by the key without its ending
}

func newWhole(s certmagic.Storage) *whole {
	return &whole{Storage: s, gathered: map[string]bundle{}}
}

// bundle is a certificate as it is stored.
type bundle struct {
	Key   []byte          `json:"key"`
	Chain []byte          `json:"chain"`
	Meta  json.RawMessage `json:"meta"`
}

// The endings of a certificate's three keys at certmagic, and that of the one value
// in their place.
const (
	keyPart   = ".key"
	chainPart = ".crt"
	metaPart  = ".json"
	bundled   = ".certificate"
)

// partOf takes a key of certmagic's apart; ok is false for what is no part of a
// certificate.
func partOf(key string) (stem, part string, ok bool) {
	if !strings.HasPrefix(key, "certificates/") || strings.Count(key, "/") != 3 {
		return "", "", false
	}
	part = path.Ext(key)
	switch part {
	case keyPart, chainPart, metaPart:
		return strings.TrimSuffix(key, part), part, true
	}
	return "", "", false
}

// Store gathers the parts of a certificate; the metadata, which comes last, stores
// them together.
func (w *whole) Store(ctx context.Context, key string, value []byte) error {
	stem, part, ok := partOf(key)
	if !ok {
		return w.Storage.Store(ctx, key, value)
	}
	w.mu.Lock()
	b := w.gathered[stem]
	switch part {
	case keyPart:
		b.Key = value
	case chainPart:
		b.Chain = value
	case metaPart:
		b.Meta = value
	}
	w.gathered[stem] = b
	w.mu.Unlock()
	if part != metaPart {
		return nil
	}
	if len(b.Key) == 0 || len(b.Chain) == 0 {
		return fmt.Errorf("store %s: its key and chain have not come before", key)
	}
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	if err := w.Storage.Store(ctx, stem+bundled, text); err != nil {
		return err
	}
	w.forget(stem)
	return nil
}

// Delete takes back a part that is being gathered, as certmagic does with those
// that came before one which failed; a stored certificate goes only with its folder.
func (w *whole) Delete(ctx context.Context, key string) error {
	stem, _, ok := partOf(key)
	if !ok {
		return w.Storage.Delete(ctx, key)
	}
	w.forget(stem)
	return nil
}

func (w *whole) forget(stem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.gathered, stem)
}

// Load gives one part of a stored certificate.
func (w *whole) Load(ctx context.Context, key string) ([]byte, error) {
	stem, part, ok := partOf(key)
	if !ok {
		return w.Storage.Load(ctx, key)
	}
	b, err := w.bundle(ctx, stem)
	switch {
	case err != nil:
		return nil, err
	case part == keyPart:
		return b.Key, nil
	case part == chainPart:
		return b.Chain, nil
	}
	return b.Meta, nil
}

// bundle reads a stored certificate, all parts of one moment.
func (w *whole) bundle(ctx context.Context, stem string) (bundle, error) {
	text, err := w.Storage.Load(ctx, stem+bundled)
	if err != nil {
		return bundle{}, err
	}
	var b bundle
	if err := json.Unmarshal(text, &b); err != nil || len(b.Key) == 0 || len(b.Chain) == 0 {
		// What cannot be read is as good as not there: a new one is obtained.
		return bundle{}, fmt.Errorf("%s%s is damaged: %w", stem, bundled, fs.ErrNotExist)
	}
	return b, nil
}

// Exists reports whether a certificate is there, whichever part is asked for.
func (w *whole) Exists(ctx context.Context, key string) bool {
	stem, _, ok := partOf(key)
	if !ok {
		return w.Storage.Exists(ctx, key)
	}
	_, err := w.bundle(ctx, stem)
	return err == nil
}

// Stat describes the stored certificate that key is a part of.
func (w *whole) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	if stem, _, ok := partOf(key); ok {
		info, err := w.Storage.Stat(ctx, stem+bundled)
		info.Key = key
		return info, err
	}
	return w.Storage.Stat(ctx, key)
}

// stem is where the certificate of host by an issuer is stored.
func stem(issuerKey, host string) string {
	return strings.TrimSuffix(certmagic.StorageKeys.SiteCert(issuerKey, host), chainPart)
}
