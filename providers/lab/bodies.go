package lab

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// A place is one file of one host name: "mta-sts.corp.test",
// ".well-known/mta-sts.txt".
type place struct{ host, file string }

// bodies are the files that a policy host serves: as they stand, as they stood
// when an address fell behind, or as a shared cache remembers them.
type bodies struct {
	roots map[string]string // folder by host name

	mu     sync.Mutex
	frozen map[place][]byte
	kept   map[place]keptBody
}

// keptBody is a body in the shared cache.
type keptBody struct {
	bytes []byte
	at    time.Time
}

const (
	fileLimit  = 1 << 20   // bytes of the largest file that is served
	cacheFor   = time.Hour // by the lab's clock
	policyFile = ".well-known/mta-sts.txt"
)

func newBodies(roots map[string]string) *bodies {
	return &bodies{roots: roots, frozen: map[place][]byte{}, kept: map[place]keptBody{}}
}

// fresh reads a file below its host's folder, and never one outside it.
func (b *bodies) fresh(p place) ([]byte, error) {
	root, known := b.roots[p.host]
	if !known {
		return nil, fs.ErrNotExist
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.Open(p.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return nil, errors.Join(err, fs.ErrNotExist)
	}
	return io.ReadAll(io.LimitReader(f, fileLimit))
}

// freeze keeps every policy as it stands now for stale, or lets them go.
func (b *bodies) freeze(on bool) {
	now := map[place][]byte{}
	for host := range b.roots {
		at := place{host, policyFile}
		if body, err := b.fresh(at); on && err == nil {
			now[at] = body
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frozen = now
}

// stale is a policy as it stood at freeze.
func (b *bodies) stale(p place) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, ok := b.frozen[p]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return body, nil
}

// cached is a file as a shared cache in front of the host answers at now, and how
// old that answer is.
func (b *bodies) cached(p place, now time.Time) (body []byte, age time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k, ok := b.kept[p]; ok && now.Sub(k.at) < cacheFor {
		return k.bytes, now.Sub(k.at), nil
	}
	if body, err = b.fresh(p); err == nil {
		b.kept[p] = keptBody{body, now}
	}
	return body, 0, err
}

// empty purges the shared cache.
func (b *bodies) empty() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.kept)
}
