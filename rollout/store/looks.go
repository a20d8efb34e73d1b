package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"belay/rollout"
)

// overtaken is how far a look may lie before the kept one and be taken for one
// that was made at the same time and ended later. A look from further back was
// made by a clock that has been set back; it is the newest all the same.
const overtaken = time.Hour

// SaveEvidence keeps e as the newest look at its domain, unless one that began
// later was kept meanwhile, and folds it into the history in the same commit.
func (s *Store) SaveEvidence(ctx context.Context, e rollout.Evidence) error {
	return s.write(ctx, "keep the look at "+e.Domain, func(tx *sql.Tx) error {
		var at string
		var kept, past []byte
		err := tx.QueryRowContext(ctx, "SELECT at, evidence, history FROM looks WHERE domain = ?", e.Domain).Scan(&at, &kept, &past)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var h rollout.History
		if past != nil {
			if err := json.Unmarshal(past, &h); err != nil {
				return fmt.Errorf("history: %w", err)
			}
		}
		if past, err = json.Marshal(h.With(e)); err != nil {
			return err
		}
		if newest, err := time.Parse(time.RFC3339Nano, at); err != nil || !e.At.Before(newest) || newest.Sub(e.At) >= overtaken {
			at = moment(e.At)
			if kept, err = json.Marshal(e); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO looks (domain, at, evidence, history) VALUES (?, ?, ?, ?)
			ON CONFLICT (domain) DO UPDATE SET at = excluded.at, evidence = excluded.evidence, history = excluded.history`,
			e.Domain, at, string(kept), string(past))
		return err
	})
}

// Evidence is the newest look at domain; ok is false where there was none.
func (s *Store) Evidence(ctx context.Context, domain string) (e rollout.Evidence, ok bool, err error) {
	ok, err = s.look(ctx, domain, "evidence", &e)
	return e, ok, err
}

// History is what all looks at domain have shown; empty where there was none.
func (s *Store) History(ctx context.Context, domain string) (rollout.History, error) {
	var h rollout.History
	_, err := s.look(ctx, domain, "history", &h)
	return h, err
}

// look reads one column of the domain's row into v.
func (s *Store) look(ctx context.Context, domain, column string, v any) (bool, error) {
	what := "read the " + column + " of " + domain
	var text []byte
	err := s.db.QueryRowContext(ctx, "SELECT "+column+" FROM looks WHERE domain = ?", domain).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, s.explain(what, err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	return true, nil
}
