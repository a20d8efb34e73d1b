package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"belay/rollout"
)

// Domains are the domains with a journal, sorted.
func (s *Store) Domains(ctx context.Context) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT domain FROM journal ORDER BY domain")
	if err != nil {
		return nil, s.explain("list the rollouts", err)
	}
	defer rows.Close()
	var domains []string
	for rows.Next() {
		var d string
		if err := rows.Scan(&d); err != nil {
			return nil, s.explain("list the rollouts", err)
		}
		domains = append(domains, d)
	}
	return domains, s.explain("list the rollouts", rows.Err())
}

// Journal returns the entries of domain in order; none for a domain without a
// rollout.
func (s *Store) Journal(ctx context.Context, domain string) ([]rollout.Entry, error) {
	return s.journalIn(ctx, s.db, domain)
}

// querier is the database, or one transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (s *Store) journalIn(ctx context.Context, in querier, domain string) ([]rollout.Entry, error) {
	what := "read the journal of " + domain
	rows, err := in.QueryContext(ctx, "SELECT seq, entry FROM journal WHERE domain = ? ORDER BY seq", domain)
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer rows.Close()
	var entries []rollout.Entry
	for rows.Next() {
		var seq int64
		var text []byte
		if err := rows.Scan(&seq, &text); err != nil {
			return nil, s.explain(what, err)
		}
		var e rollout.Entry
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, fmt.Errorf("%s, entry %d: %w", what, seq, err)
		}
		e.Seq, e.Domain = seq, domain
		entries = append(entries, e)
	}
	return entries, s.explain(what, rows.Err())
}

// Append adds entries to the journal of domain in one durable commit and returns
// them with their numbers, which rise over all domains and are never given
// twice. after is the last number the caller saw, 0 for none; where the journal
// ends elsewhere, Append fails with rollout.ErrStale and nothing is written.
func (s *Store) Append(ctx context.Context, domain string, after int64, entries ...rollout.Entry) ([]rollout.Entry, error) {
	written := make([]rollout.Entry, len(entries))
	what := "write the journal of " + domain
	err := s.write(ctx, what, func(tx *sql.Tx) error {
		var last int64
		err := tx.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM journal WHERE domain = ?", domain).Scan(&last)
		if err != nil {
			return err
		}
		if last != after {
			return &storeError{fmt.Sprintf("the journal of %s ends at entry %d, not %d: %s", domain, last, after, rollout.ErrStale), rollout.ErrStale}
		}
		for i, e := range entries {
			e.Seq, e.Domain = 0, domain
			text, err := json.Marshal(e)
			if err != nil {
				return err
			}
			done, err := tx.ExecContext(ctx, "INSERT INTO journal (domain, at, kind, entry) VALUES (?, ?, ?, ?)",
				domain, moment(e.At), string(e.Kind), string(text))
			if err != nil {
				return err
			}
			if e.Seq, err = done.LastInsertId(); err != nil {
				return err
			}
			written[i] = e
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// Forget removes the journal and the looks of domain; its reports stay. That
// nothing of it was published is the caller's to know. The numbers of the
// entries are kept, so that a caller who still holds the old journal is stale
// rather than mistaken.
func (s *Store) Forget(ctx context.Context, domain string) error {
	return s.write(ctx, "forget "+domain, func(tx *sql.Tx) error {
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT max(seq) FROM journal WHERE domain = ?", domain).Scan(&last); err != nil {
			return err
		}
		if !last.Valid {
			return &storeError{fmt.Sprintf("forget %s: %s", domain, rollout.ErrNoRollout), rollout.ErrNoRollout}
		}
		for _, q := range []string{
			"INSERT INTO forgotten (domain, until) VALUES (?, ?)",
			"DELETE FROM journal WHERE domain = ? AND seq <= ?",
		} {
			if _, err := tx.ExecContext(ctx, q, domain, last.Int64); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM looks WHERE domain = ?", domain)
		return err
	})
}

// moment writes a time so that text sorts as time does.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }
