package store

import (
	"context"
	"database/sql"
	"time"

	"belay/rollout"
)

var _ rollout.Inboxes = (*Store)(nil)

// UnreadInboxes are the inboxes that could not be read when that was tried last and
// had not been read for rollout.ReadWithin then, in the order of their names.
func (s *Store) UnreadInboxes(ctx context.Context) ([]rollout.UnreadInbox, error) {
	const what = "read which inboxes could not be read"
	rows, err := s.db.QueryContext(ctx, "SELECT source, since, tried, why, read FROM unread_inboxes ORDER BY source")
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer rows.Close()
	var out []rollout.UnreadInbox
	for rows.Next() {
		var u rollout.UnreadInbox
		var since, tried string
		var read sql.NullString
		if err := rows.Scan(&u.Source, &since, &tried, &u.Why, &read); err != nil {
			return nil, s.explain(what, err)
		}
		var last time.Time
		for at, text := range map[*time.Time]string{&u.Since: since, &u.Tried: tried, &last: read.String} {
			if text == "" {
				continue // it was not read since
			}
			if *at, err = time.Parse(time.RFC3339Nano, text); err != nil {
				return nil, s.explain(what, err)
			}
		}
		if u.Tried.Sub(last) >= rollout.ReadWithin {
			out = append(out, u)
		}
	}
	return out, s.explain(what, rows.Err())
}

// NoteInboxes notes, durably, that these inboxes were tried at the moment at: read to
// their end, and unread were not. One that could not be read before either keeps its
// Since. Of an inbox that could always be read nothing is written.
func (s *Store) NoteInboxes(ctx context.Context, at time.Time, read []string, unread []rollout.UnreadInbox) error {
	const what = "note which inboxes could not be read"
	var once bool
	if err := s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM unread_inboxes)").Scan(&once); err != nil || !once && len(unread) == 0 {
		return s.explain(what, err)
	}
	return s.write(ctx, what, func(tx *sql.Tx) error {
		for _, source := range read {
			if _, err := tx.ExecContext(ctx, "UPDATE unread_inboxes SET read = ? WHERE source = ?", moment(at), source); err != nil {
				return err
			}
		}
		for _, u := range unread {
			// Whoever reads it well beside those who cannot makes it no new failure each time.
			_, err := tx.ExecContext(ctx, `INSERT INTO unread_inboxes (source, since, tried, why) VALUES (?, ?, ?, ?)
				ON CONFLICT (source) DO UPDATE SET tried = excluded.tried, why = excluded.why,
					since = CASE WHEN read IS NULL OR tried > read THEN since ELSE excluded.since END`,
				u.Source, moment(u.Since), moment(u.Tried), bounded(u.Why, mostName))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
