package store

import (
	"context"
	"database/sql"
	"slices"

	"belay/rollout"
)

// ending is what sums are packed by: a domain and when the periods end, in seconds
// since 1970.
type ending struct {
	domain string
	ends   int64
}

// packedAtOnce is how many endings are packed in one commit, for which other
// writers wait.
const packedAtOnce = 16

// Pack packs the sums that a store of an earlier version has loose. ReportDays is
// right without it, and faster with it. Each few days are a commit of their own.
func (s *Store) Pack(ctx context.Context) error {
	const what = "pack the sums of reports"
	for {
		loose, err := s.looseEndings(ctx)
		if err != nil {
			return s.explain(what, err)
		}
		if len(loose) == 0 {
			return nil
		}
		err = s.write(ctx, what, func(tx *sql.Tx) error {
			for _, at := range loose {
				if err := pack(ctx, tx, at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// looseEndings are some of those whose sums are not packed.
func (s *Store) looseEndings(ctx context.Context) ([]ending, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT domain, ends FROM loose_days LIMIT ?", packedAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []ending
	for rows.Next() {
		var at ending
		if err := rows.Scan(&at.domain, &at.ends); err != nil {
			return nil, err
		}
		out = append(out, at)
	}
	return out, rows.Err()
}

// pack packs the sums of one ending.
func pack(ctx context.Context, tx *sql.Tx, at ending) error {
	days, err := readLoose(ctx, tx, at.domain, at.ends-1, at.ends)
	if err != nil {
		return err
	}
	exec := func(query string, args ...any) (sql.Result, error) { return tx.ExecContext(ctx, query, args...) }
	if err := writePacked(exec, at, days); err != nil {
		return err
	}
	for _, q := range []string{
		"DELETE FROM failures WHERE day IN (SELECT id FROM days WHERE domain = ? AND ends = ?)",
		"DELETE FROM days WHERE domain = ? AND ends = ?",
		"DELETE FROM loose_days WHERE domain = ? AND ends = ?",
	} {
		if _, err := exec(q, at.domain, at.ends); err != nil {
			return err
		}
	}
	return nil
}

// writePacked writes the sums of one ending.
func writePacked(exec func(string, ...any) (sql.Result, error), at ending, days []rollout.ReportDay) (err error) {
	if len(days) == 0 {
		_, err = exec("DELETE FROM packed_days WHERE domain = ? AND ends = ?", at.domain, at.ends)
	} else {
		_, err = exec(`INSERT INTO packed_days (domain, ends, sums) VALUES (?, ?, ?)
			ON CONFLICT (domain, ends) DO UPDATE SET sums = excluded.sums`, at.domain, at.ends, packSums(days))
	}
	return err
}

// readPacked reads the sums about domain whose period ends after since, but for the
// loose ones, in the order of their ends.
func readPacked(ctx context.Context, tx *sql.Tx, domain string, since int64) ([]rollout.ReportDay, error) {
	pieces := 0
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM packed_days WHERE domain = ? AND ends > ?", domain, since).Scan(&pieces); err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT ends, sums FROM packed_days p WHERE domain = ? AND ends > ?
		AND NOT EXISTS (SELECT 1 FROM loose_days l WHERE l.domain = p.domain AND l.ends = p.ends) ORDER BY ends`, domain, since)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	u := newUnpacker()
	var days []rollout.ReportDay
	for rows.Next() {
		var ends int64
		var sums sql.RawBytes
		if err := rows.Scan(&ends, &sums); err != nil {
			return nil, err
		}
		if days, err = u.unpack(days, ends, sums); err != nil {
			return nil, err
		}
		if pieces > 1 { // the others will be about as large as the first
			days = slices.Grow(days, min(len(days)*pieces*9/8, 1<<16))
			pieces = 0
		}
	}
	return days, rows.Err()
}
