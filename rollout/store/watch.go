package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"belay/rollout"
)

// Watch is the eye of a server on what it is to answer with. It is cheap to ask
// again and again: one stat of the file, and on a connection of its own SQLite's
// count of what others have committed. Only when that moved are the rows read that
// are new.
//
// A store may be locked, taken away, damaged, put back from a copy, or brought to a
// newer version while a server runs. Each time Changes says so and reads the whole
// anew when there is something to read again. It never makes a store.
//
// A Watch is used by one goroutine at a time.
type Watch struct {
	dir  string
	file string

	db      *sql.DB
	conn    *sql.Conn // pinned: the count of commits is a connection's
	opened  fs.FileInfo
	commits int64

	change, entry int64 // up to where rows were read
	hosts         map[string]rollout.ServedHost
	named         map[string]int64 // by which entry of its journal a rollout names serve
}

// WatchServed watches the store in dir, which need not be there yet.
func WatchServed(dir string) *Watch {
	return &Watch{dir: dir, file: filepath.Join(dir, fileName)}
}

// Changes are what changed since it was asked before; the first time, and whenever
// the store is another one, that is everything. An error says why nothing can be
// known now: the store is gone (fs.ErrNotExist), ErrNewer, ErrCorrupt, or locked.
func (w *Watch) Changes(ctx context.Context) (rollout.ServedChanges, error) {
	changed, err := w.look(ctx)
	if err != nil {
		err = errors.Join(err, w.Close())
	}
	return changed, err
}

// Close lets go of the store. A later Changes opens it again.
func (w *Watch) Close() error {
	if w.db == nil {
		return nil
	}
	err := errors.Join(w.conn.Close(), w.db.Close())
	w.db, w.conn, w.opened = nil, nil, nil
	return err
}

func (w *Watch) look(ctx context.Context) (none rollout.ServedChanges, err error) {
	info, err := os.Stat(w.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return none, fmt.Errorf("read what is served: the store %s is gone: %w", w.file, fs.ErrNotExist)
	case err != nil:
		return none, fmt.Errorf("read what is served: %w", err)
	}
	if w.opened != nil && !os.SameFile(w.opened, info) {
		if err := w.Close(); err != nil {
			return none, err
		}
	}
	whole := w.opened == nil
	if whole {
		if err := w.open(ctx, info); err != nil {
			return none, err
		}
	}
	var commits int64
	if err := w.conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&commits); err != nil {
		return none, w.explain(err)
	}
	if !whole && commits == w.commits {
		return none, nil
	}
	changed, err := w.read(ctx, whole)
	if err != nil {
		return none, w.explain(err)
	}
	w.commits = commits
	return changed, nil
}

// open judges the store, brings it up to date and opens it for reading alone.
func (w *Watch) open(ctx context.Context, info fs.FileInfo) error {
	if info.Size() == 0 {
		return fmt.Errorf("read what is served: the store %s is empty: %w", w.file, fs.ErrNotExist)
	}
	s, err := Open(ctx, w.dir)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	db, err := connect(w.file, "ro")
	if err != nil {
		return w.explain(err)
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, "PRAGMA busy_timeout = 1000") // what is locked for longer is said to be
	}
	if err != nil {
		return errors.Join(w.explain(err), db.Close())
	}
	w.db, w.conn, w.opened = db, conn, info
	w.change, w.entry, w.hosts, w.named = 0, 0, map[string]rollout.ServedHost{}, map[string]int64{}
	return nil
}

// read takes in the rows that are new, in one transaction.
func (w *Watch) read(ctx context.Context, whole bool) (rollout.ServedChanges, error) {
	tx, err := w.conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return rollout.ServedChanges{}, err
	}
	defer tx.Rollback() // it only reads
	if err := w.judge(ctx, tx); err != nil {
		return rollout.ServedChanges{}, err
	}
	touched := map[string]bool{}
	for _, take := range []func(context.Context, *sql.Tx, map[string]bool) error{w.settings, w.forgotten, w.bodies} {
		if err := take(ctx, tx, touched); err != nil {
			return rollout.ServedChanges{}, err
		}
	}
	changed := rollout.ServedChanges{Whole: whole}
	for domain := range touched {
		h := w.hosts[domain]
		h.Domain = domain
		changed.Hosts = append(changed.Hosts, h)
		if !h.Known() {
			delete(w.hosts, domain)
		}
	}
	slices.SortFunc(changed.Hosts, func(a, b rollout.ServedHost) int { return strings.Compare(a.Domain, b.Domain) })
	return changed, nil
}

// judge refuses a store that a newer belay has taken over while this one ran, or
// whose rows begin anew.
func (w *Watch) judge(ctx context.Context, tx *sql.Tx) error {
	var has, last int64
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&has); err != nil {
		return err
	}
	if newest := newestMigration(); has != newest {
		return refusal(ErrNewer, "read what is served: the store %s has version %d now, this belay reads version %d: restart the server with the belay that wrote it", w.file, has, newest)
	}
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(change), 0) FROM served").Scan(&last); err != nil {
		return err
	}
	if last < w.change {
		return fmt.Errorf("read what is served: the store %s was put back to an earlier state; it is read anew", w.file)
	}
	return nil
}

// settings takes in which host each rollout names.
func (w *Watch) settings(ctx context.Context, tx *sql.Tx, touched map[string]bool) error {
	const query = `SELECT domain, seq, json_extract(entry, '$.settings.host.kind') FROM journal
		WHERE seq > ? AND kind IN ('created', 'set') ORDER BY seq`
	return each(ctx, tx, query, w.entry, func(domain string, seq int64, kind sql.NullString) {
		w.entry = seq
		_, known := w.hosts[domain]
		if wanted := kind.String == rollout.HostServe; wanted || known {
			w.want(domain, wanted, touched)
			w.named[domain] = seq
		}
	})
}

// forgotten takes in which rollouts were forgotten. There are few, ever.
func (w *Watch) forgotten(ctx context.Context, tx *sql.Tx, touched map[string]bool) error {
	return each(ctx, tx, "SELECT domain, until, NULL FROM forgotten WHERE until > ?", 0, func(domain string, until int64, _ sql.NullString) {
		if w.hosts[domain].Wanted && w.named[domain] <= until {
			w.want(domain, false, touched)
		}
	})
}

func (w *Watch) want(domain string, wanted bool, touched map[string]bool) {
	h := w.hosts[domain]
	h.Wanted = wanted
	w.hosts[domain], touched[domain] = h, true
}

// bodies takes in what is to be answered with.
func (w *Watch) bodies(ctx context.Context, tx *sql.Tx, touched map[string]bool) error {
	rows, err := tx.QueryContext(ctx, "SELECT domain, body, since, change FROM served WHERE change > ? ORDER BY change", w.change)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var domain, since string
		var body sql.NullString
		if err := rows.Scan(&domain, &body, &since, &w.change); err != nil {
			return err
		}
		h := w.hosts[domain]
		h.Body = rollout.Absent()
		if body.Valid {
			h.Body = rollout.Body(body.String)
		}
		if h.Since, err = time.Parse(time.RFC3339Nano, since); err != nil {
			return fmt.Errorf("the time since which %s is served: %w", domain, err)
		}
		w.hosts[domain], touched[domain] = h, true
	}
	return rows.Err()
}

// each runs a query for rows of a domain, a number and a word, from after on.
func each(ctx context.Context, tx *sql.Tx, query string, after int64, take func(string, int64, sql.NullString)) error {
	rows, err := tx.QueryContext(ctx, query, after)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var domain string
		var n int64
		var word sql.NullString
		if err := rows.Scan(&domain, &n, &word); err != nil {
			return err
		}
		take(domain, n, word)
	}
	return rows.Err()
}

func (w *Watch) explain(err error) error {
	return (&Store{file: w.file}).explain("read what is served", err)
}
