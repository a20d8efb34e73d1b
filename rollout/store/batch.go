package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"

	"belay/rollout"
)

// batch is one transaction over the report tables. It prepares each statement
// once and remembers the ids of policy texts, of which there are few.
type batch struct {
	ctx   context.Context
	tx    *sql.Tx
	ready map[string]*sql.Stmt
	texts map[string]int64
	loose map[ending]bool // whose sums changed
}

func newBatch(ctx context.Context, tx *sql.Tx) *batch {
	return &batch{ctx: ctx, tx: tx, ready: map[string]*sql.Stmt{}, texts: map[string]int64{}, loose: map[ending]bool{}}
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
	r.submitter, r.source, r.content, m.digest, r.mail, r.summary
	FROM reports r JOIN mails m ON m.id = r.mail `

func (b *batch) rows(where string, args ...any) ([]row, error) {
	st, err := b.prepare(rowColumns + where)
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
		out = append(out, r)
	}
	return out, found.Err()
}

// sameKey returns the reports with the key of r, whoever signed them.
func (b *batch) sameKey(r row) ([]row, error) {
	return b.rows("WHERE r.domain = ? AND r.report_id = ? AND r.organisation = ? AND r.begins = ? AND r.ends = ?",
		r.domain, r.reportID, r.organisation, r.begins, r.ends)
}

// ofMail returns the reports that came in one mail.
func (b *batch) ofMail(id int64) ([]row, error) { return b.rows("WHERE r.mail = ?", id) }

func (b *batch) addMail(a arrival) (int64, error) {
	pending := 0
	if a.report.Standing == rollout.Pending {
		pending = 1
	}
	done, err := b.exec("INSERT INTO mails (path, received, pending, digest, raw) VALUES (?, ?, ?, ?, ?)",
		bounded(a.report.Path, 4*mostName), a.report.Received.Unix(), pending, a.digest[:], a.raw)
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
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
	_, err := b.exec("DELETE FROM mails WHERE id = ? AND NOT EXISTS (SELECT 1 FROM reports WHERE mail = mails.id)", r.mail)
	return err
}

func (b *batch) restand(r row) error {
	_, err := b.exec("UPDATE reports SET standing = ?, signer = ? WHERE id = ?", string(r.standing), r.signer, r.id)
	return err
}

// count adds what r says to the sums by day, or with sign -1 takes it back.
// Sums without any report behind them are removed.
func (b *batch) count(r row, days []rollout.ReportDay, sign int64) error {
	for _, d := range days {
		day, err := b.day(r, d)
		if err != nil {
			return err
		}
		_, err = b.exec(`UPDATE days SET reports = reports + ?, success = success + ?, failure = failure + ?, unexplained = unexplained + ?,
			timed = timed + ?, late = late + ? WHERE id = ?`,
			sign*int64(d.Reports), sign*d.Success, sign*d.Failure, sign*d.Unexplained, sign*int64(d.Timed), sign*d.Late, day)
		if err != nil {
			return err
		}
		if err := b.loosen(ending{r.domain, d.Ends.Unix()}); err != nil {
			return err
		}
		for _, f := range d.Failures {
			_, err := b.exec(`INSERT INTO failures (day, type, mx, ip, reason, count) VALUES (?, ?, ?, ?, ?, ?)
				ON CONFLICT (day, type, mx, ip, reason) DO UPDATE SET count = count + excluded.count`,
				day, string(f.Type), f.MX, f.IP, f.Reason, sign*f.Count)
			if err != nil {
				return err
			}
		}
		if sign > 0 {
			continue
		}
		for _, q := range []string{
			"DELETE FROM failures WHERE day = ? AND (count <= 0 OR NOT EXISTS (SELECT 1 FROM days WHERE id = failures.day AND reports > 0))",
			"DELETE FROM days WHERE id = ? AND reports <= 0",
		} {
			if _, err := b.exec(q, day); err != nil {
				return err
			}
		}
	}
	return nil
}

// day finds the sums that d belongs to, or begins them. Where a report was found
// matters only while nothing better vouches for it.
func (b *batch) day(r row, d rollout.ReportDay) (int64, error) {
	text, err := b.text(d.PolicyText)
	if err != nil {
		return 0, err
	}
	source := r.source
	if r.standing.Proven() {
		source = ""
	}
	key := []any{r.domain, d.Ends.Unix(), d.Begins.Unix(), string(r.standing), r.signer, d.Submitter, source, d.PolicyType, text}
	find, err := b.prepare(`SELECT id FROM days WHERE domain = ? AND ends = ? AND begins = ? AND standing = ? AND signer = ?
		AND submitter = ? AND source = ? AND policy_type = ? AND policy_text = ?`)
	if err != nil {
		return 0, err
	}
	var id int64
	err = find.QueryRowContext(b.ctx, key...).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	done, err := b.exec(`INSERT INTO days (domain, ends, begins, standing, signer, submitter, source, policy_type, policy_text,
		reports, success, failure, unexplained) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)`, key...)
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
}

// text is the id of a policy text.
func (b *batch) text(text string) (int64, error) {
	if id, ok := b.texts[text]; ok {
		return id, nil
	}
	hash := sha256.Sum256([]byte(text))
	if _, err := b.exec("INSERT INTO policy_texts (hash, text) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING", hash[:], text); err != nil {
		return 0, err
	}
	find, err := b.prepare("SELECT id FROM policy_texts WHERE hash = ?")
	if err != nil {
		return 0, err
	}
	var id int64
	if err := find.QueryRowContext(b.ctx, hash[:]).Scan(&id); err != nil {
		return 0, err
	}
	b.texts[text] = id
	return id, nil
}
