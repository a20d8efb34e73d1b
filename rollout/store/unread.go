package store

import (
	"context"
	"database/sql"
	"time"

	"belay/rollout"
)

var _ rollout.Inboxes = (*Store)(nil)

// UnreadInboxes are the inboxes that could not be read when that was tried last, in
// the order of their names.
func (s *Store) UnreadInboxes(ctx context.Context) ([]rollout.UnreadInbox, error) {
	const what = "read which inboxes could not be read"
	rows, err := s.db.QueryContext(ctx, "SELECT source, since, tried, why FROM unread_inboxes ORDER BY source")
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer rows.Close()
	var out []rollout.UnreadInbox
	for rows.Next() {
		var u rollout.UnreadInbox
		var since, tried string
		if err := rows.Scan(&u.Source, &since, &tried, &u.Why); err != nil {
			return nil, s.explain(what, err)
		}
		for at, text := range map[*time.Time]string{&u.Since: since, &u.Tried: tried} {
			if *at, err = time.Parse(time.RFC3339Nano, text); err != nil {
				return nil, s.explain(what, err)
			}
		}
		out = append(out, u)
	}
	return out, s.explain(what, rows.Err())
}

// NoteInboxes notes, durably, that these inboxes were tried: read to their end, and
// unread were not. One that could not be read before either keeps its Since. Where
// nothing changes by it but for good readings, nothing is written.
func (s *Store) NoteInboxes(ctx context.Context, read []string, unread []rollout.UnreadInbox) error {
	before, err := s.UnreadInboxes(ctx)
	if err != nil || len(before)+len(unread) == 0 {
		return err
	}
	return s.write(ctx, "note which inboxes could not be read", func(tx *sql.Tx) error {
		for _, source := range read {
			if _, err := tx.ExecContext(ctx, "DELETE FROM unread_inboxes WHERE source = ?", source); err != nil {
				return err
			}
		}
		for _, u := range unread {
			_, err := tx.ExecContext(ctx, `INSERT INTO unread_inboxes (source, since, tried, why) VALUES (?, ?, ?, ?)
				ON CONFLICT (source) DO UPDATE SET tried = excluded.tried, why = excluded.why`,
				u.Source, moment(u.Since), moment(u.Tried), bounded(u.Why, mostName))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
