package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

var _ rollout.Served = (*Store)(nil)

// Served is the body that belay's own server answers with for domain; Absent where
// there is none.
func (s *Store) Served(ctx context.Context, domain string) (rollout.Value, error) {
	v, err := servedIn(ctx, s.db, domain)
	return v, s.explain("read the served policy of "+domain, err)
}

// Serve puts after in place of before, as rollout.Served asks: what stands and what
// the journal bears are judged in the transaction that writes.
func (s *Store) Serve(ctx context.Context, domain string, before, after rollout.Value, at time.Time) (rollout.Value, error) {
	stands := rollout.Absent()
	what := "serve the policy of " + domain
	err := s.write(ctx, what, func(tx *sql.Tx) error {
		var err error
		if stands, err = servedIn(ctx, tx, domain); err != nil {
			return err
		}
		if !stands.Equal(before) {
			return refusal(rollout.ErrStale, "%s: where %s was seen, %s is served now", what, shown(before), shown(stands))
		}
		if err := s.bears(ctx, tx, domain, after); err != nil {
			return err
		}
		body := sql.NullString{String: after.Body, Valid: after.Exists}
		_, err = tx.ExecContext(ctx, `INSERT INTO served (domain, body, since, change)
			VALUES (?, ?, ?, (SELECT coalesce(max(change), 0) + 1 FROM served))
			ON CONFLICT (domain) DO UPDATE SET body = excluded.body, since = excluded.since, change = excluded.change`,
			domain, body, moment(at))
		return err
	})
	if err != nil {
		return stands, err
	}
	return after, nil
}

// bears refuses what the journal of domain does not bear.
func (s *Store) bears(ctx context.Context, tx *sql.Tx, domain string, after rollout.Value) error {
	entries, err := s.journalIn(ctx, tx, domain)
	if err != nil {
		return err
	}
	r, err := rollout.Fold(domain, entries)
	if err != nil {
		return err
	}
	if err := r.MayServe(after); err != nil {
		return refusal(err, "%s", err)
	}
	return nil
}

// refusal is a sentence that stays as it is over what callers tell apart.
func refusal(cause error, format string, args ...any) error {
	return &storeError{fmt.Sprintf(format, args...), cause}
}

func shown(v rollout.Value) string {
	if !v.Exists {
		return "nothing"
	}
	return finding.Quote(v.String(), 200)
}

// rower is the database, one transaction or one connection of it.
type rower interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func servedIn(ctx context.Context, in rower, domain string) (rollout.Value, error) {
	var body sql.NullString
	err := in.QueryRowContext(ctx, "SELECT body FROM served WHERE domain = ?", domain).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if err != nil || !body.Valid {
		return rollout.Absent(), err
	}
	return rollout.Body(body.String), nil
}
