package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"

	"belay/rollout"
)

// batch is one transaction over the report tables. It prepares each statement
// once, and reads and writes the sums of each ending once.
type batch struct {
	ctx   context.Context
	tx    *sql.Tx
	ready map[string]*sql.Stmt
	sums  map[ending]*sums
	known map[[2]string]bool // domains and report ids of which there may be reports
	mails map[mailKey]int64  // the mails that it added
	store *Store             // which unpacks
}

// mailKey tells the mails that one batch adds from one another.
type mailKey struct {
	digest [sha256.Size]byte
	path   string
}

// newBatch begins one in tx. A context that can end costs the driver a goroutine for
// each statement, and a batch is short: only what begins it asks ctx.
func (s *Store) newBatch(ctx context.Context, tx *sql.Tx) *batch {
	return &batch{ctx: context.WithoutCancel(ctx), tx: tx, ready: map[string]*sql.Stmt{}, sums: map[ending]*sums{}, mails: map[mailKey]int64{}, store: s}
}

func (b *batch) close() {
	for _, st := range b.ready {
		st.Close()
	}
}

func (b *batch) prepare(query string) (*sql.Stmt, error) {
	if st, ok := b.ready[query]; ok {
		return st, nil
	}
	st, err := b.tx.PrepareContext(b.ctx, query)
	if err == nil {
		b.ready[query] = st
	}
	return st, err
}

func (b *batch) exec(query string, args ...any) (sql.Result, error) {
	st, err := b.prepare(query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(b.ctx, args...)
}

const rowColumns = `SELECT r.id, r.domain, r.organisation, r.report_id, r.begins, r.ends, r.signer, r.standing,
	r.submitter, r.source, r.content, m.digest, r.mail, r.summary FROM `

// rows are the reports where holds.
func (b *batch) rows(where string, args ...any) ([]row, error) {
	return b.rowsOf("reports r JOIN mails m ON m.id = r.mail "+where, args...)
}

// rowsOf are the reports r, with their mails m, that from says.
func (b *batch) rowsOf(from string, args ...any) ([]row, error) {
	st, err := b.prepare(rowColumns + from)
	if err != nil {
		return nil, err
	}
	found, err := st.QueryContext(b.ctx, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var out []row
	for found.Next() {
		var r row
		err := found.Scan(&r.id, &r.domain, &r.organisation, &r.reportID, &r.begins, &r.ends, &r.signer, &r.standing,
			&r.submitter, &r.source, &r.content, &r.digest, &r.mail, &r.summary)
		if err != nil {
			return nil, err
		}
		if r.content, err = b.store.contentOf(r); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, found.Err()
}

// lookedUpAtOnce is how many report ids one statement asks for.
const lookedUpAtOnce = 100

// lookUp asks which of the report ids of rows are known already, so that the others,
// which are nearly all, need not be asked for one by one.
func (b *batch) lookUp(rows []row) error {
	b.known = make(map[[2]string]bool)
	for some := range slices.Chunk(rows, lookedUpAtOnce) {
		args := make([]any, 0, 2*len(some))
		for _, r := range some {
			args = append(args, r.domain, r.reportID)
		}
		query := "SELECT DISTINCT domain, report_id FROM reports WHERE (domain, report_id) IN (VALUES (?, ?)" + strings.Repeat(", (?, ?)", len(some)-1) + ")"
		st, err := b.prepare(query)
		if err != nil {
			return err
		}
		found, err := st.QueryContext(b.ctx, args...)
		if err != nil {
			return err
		}
		for found.Next() {
			var key [2]string
			if err := found.Scan(&key[0], &key[1]); err != nil {
				return errors.Join(err, found.Close())
			}
			b.known[key] = true
		}
		if err := found.Err(); err != nil {
			return err
		}
	}
	return nil
}

// ofMail returns the reports that came in one mail.
func (b *batch) ofMail(id int64) ([]row, error) { return b.rows("WHERE r.mail = ?", id) }

// addMail keeps the mail that a came in: once, where several reports came in it. An
// importer hands those over together.
func (b *batch) addMail(a arrival) (int64, error) {
	pending := 0
	if a.report.Standing == rollout.Pending {
		pending = 1
	}
	key := mailKey{a.digest, a.report.Path}
	if id, ok := b.mails[key]; ok {
		_, err := b.exec("UPDATE mails SET pending = max(pending, ?) WHERE id = ?", pending, id)
		return id, err
	}
	done, err := b.exec("INSERT INTO mails (path, received, pending, digest, raw) VALUES (?, ?, ?, ?, ?)",
		bounded(a.report.Path, 4*mostName), a.report.Received.Unix(), pending, a.digest[:], a.raw)
	if err != nil {
		return 0, err
	}
	id, err := done.LastInsertId()
	b.mails[key] = id
	return id, err
}

func (b *batch) addReport(r row, summary []byte) error {
	_, err := b.exec(`INSERT INTO reports (domain, organisation, report_id, begins, ends, signer, standing, submitter, source, content, summary, mail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.domain, r.organisation, r.reportID, r.begins, r.ends, r.signer, string(r.standing), r.submitter, r.source, r.content, summary, r.mail)
	return err
}

func (b *batch) removeReport(r row) error {
	if _, err := b.exec("DELETE FROM reports WHERE id = ?", r.id); err != nil {
		return err
	}
	done, err := b.exec("DELETE FROM mails WHERE id = ? AND NOT EXISTS (SELECT 1 FROM reports WHERE mail = mails.id)", r.mail)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err
	}
	maps.DeleteFunc(b.mails, func(_ mailKey, id int64) bool { return id == r.mail })
	return nil
}

func (b *batch) restand(r row) error {
	_, err := b.exec("UPDATE reports SET standing = ?, signer = ? WHERE id = ?", string(r.standing), r.signer, r.id)
	return err
}
