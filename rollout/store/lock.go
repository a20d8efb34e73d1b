package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// errHeld says that another open file holds the lock.
var errHeld = errors.New("held")

// Lock takes the lock of domain for holder, a name for people such as
// "ann@mail, process 4711", and returns its release. It does not wait: where the
// lock is held, by another process or by this one, it fails with
// *rollout.LockedError.
//
// The lock is the operating system's, on an open file, so that it ends when its
// holder does, however that ends. The name in the file is information only; one
// that a dead holder left behind means nothing.
func (s *Store) Lock(domain, holder string) (release func() error, err error) {
	if !isName(domain) {
		return nil, fmt.Errorf("lock %s: it is no domain in its ASCII form", finding.Quote(domain, 100))
	}
	path := filepath.Join(s.dir, "locks", domain+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lock %s: %w", domain, err)
	}
	release, err = lockFile(path, holder)
	if errors.Is(err, errHeld) {
		return nil, &rollout.LockedError{Domain: domain, Holder: holderOf(path)}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", domain, err)
	}
	return release, nil
}

// lockFile takes the lock on the file at path, which it makes where it is not
// there, or fails with errHeld. The file stays when the lock is released: if it
// were removed, two could hold locks on two files of one name.
func lockFile(path, holder string) (release func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := takeLock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	// Not being able to leave a name is no reason to do without the lock.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(holder+"\n"), 0)
	}
	return func() error {
		_ = f.Truncate(0)
		return errors.Join(dropLock(f), f.Close())
	}, nil
}

// holderOf reads who holds the lock; empty where nobody can tell.
func holderOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	name, err := io.ReadAll(io.LimitReader(f, 1000))
	if err != nil {
		return ""
	}
	return finding.Clean(string(name), 200)
}

// isName reports whether domain can be a file's name: lower-case letters, digits,
// dots, hyphens and underscores, no leading dot.
func isName(domain string) bool {
	if domain == "" || len(domain) > 253 || domain[0] == '.' {
		return false
	}
	return strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// alone waits until this process is the only one that opens the store. Others
// do so for moments only; a migration may take longer.
func (s *Store) alone(ctx context.Context) (release func(), err error) {
	path := filepath.Join(s.dir, "belay.lock")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for {
		drop, err := lockFile(path, "")
		if err == nil {
			return func() { _ = drop() }, nil
		}
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("open store %s: %w; check who owns the directory, or name another by --state", s.file, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("open store %s while another belay opens it: %w", s.file, ctx.Err())
		case <-patience.C:
			return nil, fmt.Errorf("open store %s: another belay has been opening it for a minute; wait until it is done", s.file)
		case <-tick.C:
		}
	}
}
