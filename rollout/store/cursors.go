package store

import (
	"context"
	"database/sql"
)

// MailboxCursor is how far the mailbox source was read for all of these domains: up
// to the mail uid of the folder with this UIDVALIDITY. Both are 0 where it was never
// read for one of them, or not the same folder for all: then it is to be read from
// its beginning.
func (s *Store) MailboxCursor(ctx context.Context, source string, domains []string) (validity, uid uint32, err error) {
	what := "read how far " + bounded(source, mostName) + " was read"
	for i, domain := range domains {
		var v, u uint32
		err := s.db.QueryRowContext(ctx, "SELECT validity, uid FROM cursors WHERE source = ? AND domain = ?", source, domain).Scan(&v, &u)
		if err == sql.ErrNoRows {
			return 0, 0, nil
		}
		if err != nil {
			return 0, 0, s.explain(what, err)
		}
		if i > 0 && v != validity {
			return 0, 0, nil
		}
		if i == 0 || u < uid {
			validity, uid = v, u
		}
	}
	return validity, uid, nil
}

// KeepMailboxCursor notes, durably, how far source was read for these domains. It is
// called when what was read is on disk, so that a cursor never stands beyond it.
func (s *Store) KeepMailboxCursor(ctx context.Context, source string, domains []string, validity, uid uint32) error {
	return s.write(ctx, "note how far "+bounded(source, mostName)+" was read", func(tx *sql.Tx) error {
		for _, domain := range domains {
			_, err := tx.ExecContext(ctx, `INSERT INTO cursors (source, domain, validity, uid) VALUES (?, ?, ?, ?)
				ON CONFLICT (source, domain) DO UPDATE SET validity = excluded.validity, uid = excluded.uid`, source, domain, validity, uid)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
