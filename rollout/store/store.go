// Package store keeps what belay knows between two runs: the journal of every
// rollout, the newest look at each domain with the history of all looks, and the
// TLS reports with their sums by day. It is one SQLite file, belay.db, in a
// directory of its own, and beside it a lock file for each domain.
//
// # What a commit promises
//
// An intent is written before an edit is made, and its receipt after; both must
// be there after a power loss, or a resumed rollout would repeat an edit or
// forget one. So the store writes ahead to a log (WAL) with synchronous=FULL:
// when Append returns, the entries are on disk. The same holds for a batch of
// reports: either all of it is kept and counted, or nothing of it.
//
// # Nothing is rewritten
//
// The journal is append-only, and not by good manners: triggers refuse to change
// or remove an entry whoever asks. Forget, for a rollout of which nothing was
// published, is the one way out. It writes down what is forgotten first; the
// trigger lets exactly those entries go; and their numbers are never given
// again.
//
// # Several at once
//
// Any number of belay processes use one store at the same time. Readers never
// wait; writers wait for one another for a few seconds. Who may act on a domain
// is decided by Lock, a lock of the operating system that ends with its holder.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"belay/rollout"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Store is the rollouts and reports of one directory. It is safe for concurrent
// use. It is both a rollout.Store and a rollout.Reports.
type Store struct {
	dir  string
	file string
	db   *sql.DB
	pack *zstd.Encoder
	open *zstd.Decoder
}

var (
	_ rollout.Store   = (*Store)(nil)
	_ rollout.Reports = (*Store)(nil)
)

// fileName is the store's file in its directory.
const fileName = "belay.db"

// Open opens the store in dir, and makes both where they do not exist: the
// directory for its owner alone (0700), the file likewise (0600). A store of an
// earlier version is copied to belay.db.v<version> and brought up to date.
//
// It fails, having touched nothing, with an error that wraps ErrForeign where
// the file is not belay's, ErrNewer where a newer belay wrote it, and ErrCorrupt
// where it is damaged; and where the directory cannot be used.
func Open(ctx context.Context, dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := prepareDir(dir); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, file: filepath.Join(dir, fileName)}
	// One process at a time creates, judges or migrates a store.
	release, err := s.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer release()

	if err := s.prepareFile(ctx); err != nil {
		return nil, err
	}
	if s.db, err = connect(s.file, "rw"); err != nil {
		return nil, s.explain("open store", err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(s.explain("bring the store up to date", err), s.db.Close())
	}
	if err := s.openPacking(); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// Close ends the use of the store. What was committed stays.
func (s *Store) Close() error {
	s.open.Close()
	if err := errors.Join(s.pack.Close(), s.db.Close()); err != nil {
		return s.explain("close store", err)
	}
	return nil
}

// connections bounds how many of them one process opens: each has a cache of its
// own, and SQLite lets only one of them write anyway.
const connections = 4

// connect opens file. mode is SQLite's: "rw" writes durably, "ro" only reads.
// The file must exist.
func connect(file, mode string) (*sql.DB, error) {
	q := url.Values{}
	q.Set("mode", mode)
	q.Add("_pragma", "busy_timeout(15000)")
	q.Add("_pragma", "foreign_keys(1)")
	if mode == "rw" {
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "synchronous(FULL)")
		q.Set("_txlock", "immediate")
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(file), RawQuery: q.Encode()}
	if vol := filepath.VolumeName(file); vol != "" {
		u.Path = "/" + u.Path
	}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	return db, nil
}

// write runs do in one transaction, which commits durably or leaves nothing.
func (s *Store) write(ctx context.Context, what string, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(what, err)
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := do(tx); err != nil {
		return s.explain(what, err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain(what, err)
	}
	return nil
}

// openPacking readies the compression of raw reports: little memory, as they
// are small.
func (s *Store) openPacking() error {
	var err error
	s.pack, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(64<<10))
	if err != nil {
		return fmt.Errorf("ready compression: %w", err)
	}
	s.open, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(128<<20))
	if err != nil {
		return fmt.Errorf("ready decompression: %w", err)
	}
	return nil
}
