package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that Open tells apart. In each case nothing was touched.
var (
	// ErrForeign says that belay.db is not belay's. Another directory is to be
	// named.
	ErrForeign = errors.New("not a store of belay's")
	// ErrNewer says that a newer belay wrote the store. That belay is to be used.
	ErrNewer = errors.New("written by a newer belay")
	// ErrCorrupt says that the store is damaged. A copy is to be put back.
	ErrCorrupt = errors.New("damaged")
)

// explain puts an error of the database into words: what was attempted, on which
// file, why it failed and what to do. An error that is none of the database's
// own stays as it is.
func (s *Store) explain(what string, err error) error {
	var explained *storeError
	if err == nil || errors.As(err, &explained) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s in %s: %w", what, s.file, err)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if errors.Is(err, fs.ErrPermission) {
			return &storeError{fmt.Sprintf("%s in %s: no permission; run belay as the owner of this directory, or name another by --state", what, s.file), err}
		}
		return fmt.Errorf("%s in %s: %w", what, s.file, err)
	}
	var why string
	code := e.Code() & 0xff
	if e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE {
		code = sqlite3.SQLITE_FULL // no room for the file that connections share
	}
	switch code {
	case sqlite3.SQLITE_FULL:
		why = "the disk is full, and nothing of this was kept; make room and run belay again"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		why = "it cannot be written to; check who owns the file and whether its file system is mounted read-only"
	case sqlite3.SQLITE_CANTOPEN:
		why = "it cannot be opened; check that the directory exists and is yours"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		why = "another belay has been writing for too long; wait until it is done"
	case sqlite3.SQLITE_IOERR:
		why = "the disk could not be read or written; look at the system's log, and run belay again"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return &storeError{fmt.Sprintf("%s: %s", what, damaged(s.file)), fmt.Errorf("%w: %w", ErrCorrupt, err)}
	default:
		return fmt.Errorf("%s in %s: %w", what, s.file, err)
	}
	return &storeError{fmt.Sprintf("%s in %s: %s", what, s.file, why), err}
}

// damaged is the one sentence about a damaged store.
func damaged(file string) string {
	return fmt.Sprintf("the store %s is damaged; move it away and put back a copy, or begin anew: belay adopts what is live", file)
}

// storeError is a sentence for people over the error it explains.
type storeError struct {
	text  string
	cause error
}

func (e *storeError) Error() string { return e.text }
func (e *storeError) Unwrap() error { return e.cause }
