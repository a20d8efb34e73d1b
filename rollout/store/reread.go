package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"belay/rollout"
)

// KeptMails are some of the mails that reports about domain came in, or any reports
// where it is empty: at most limit, in the order in which they came, from the first
// behind after on.
func (s *Store) KeptMails(ctx context.Context, domain string, after int64, limit int) ([]rollout.KeptMail, error) {
	const what = "read kept mails"
	rows, err := s.db.QueryContext(ctx, `SELECT id, path, received, raw FROM mails WHERE id > ?
		AND (? = '' OR EXISTS (SELECT 1 FROM reports WHERE mail = mails.id AND domain = ?)) ORDER BY id LIMIT ?`, after, domain, domain, limit)
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer rows.Close()
	var kept []rollout.KeptMail
	for size := 0; size < mostPending && rows.Next(); {
		var m rollout.KeptMail
		var received int64
		var packed []byte
		if err := rows.Scan(&m.ID, &m.Path, &received, &packed); err != nil {
			return nil, s.explain(what, err)
		}
		m.Received = fromUnix(received)
		if m.Raw, err = s.open.DecodeAll(packed, nil); err != nil {
			return nil, fmt.Errorf("%s: unpack number %d: %w", what, m.ID, err)
		}
		kept = append(kept, m)
		size += len(m.Raw)
	}
	if err := rows.Err(); err != nil {
		return nil, s.explain(what, err)
	}
	for i := range kept {
		if err := s.reportsOf(ctx, &kept[i]); err != nil {
			return nil, s.explain(what, err)
		}
	}
	return kept, nil
}

func (s *Store) reportsOf(ctx context.Context, m *rollout.KeptMail) error {
	rows, err := s.db.QueryContext(ctx, "SELECT domain, report_id, standing, signer, source FROM reports WHERE mail = ? ORDER BY id", m.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r rollout.KeptReport
		if err := rows.Scan(&r.Domain, &r.ReportID, &r.Standing, &r.Signer, &r.Source); err != nil {
			return err
		}
		m.Reports = append(m.Reports, r)
	}
	return rows.Err()
}

// Reread puts what was read anew of a kept mail in the place of what stands there of
// it, in one durable commit, and says whether that was anything else. It replaces
// what stands about the domains that reports are about; about others it leaves all
// as it is. What proves a duplicate of a report that came in another mail is dropped.
func (s *Store) Reread(ctx context.Context, id int64, reports []rollout.ReceivedReport) (changed bool, err error) {
	err = s.write(ctx, "read a kept mail again", func(tx *sql.Tx) error {
		changed = false
		b := newBatch(ctx, tx)
		defer b.close()
		was, err := b.ofMail(id)
		if err != nil || len(was) == 0 {
			return err // it was replaced meanwhile
		}
		var now []anew
		for _, r := range reports {
			a := s.arrive(r)
			for i, sh := range a.shares {
				now = append(now, anew{rowOf(a, sh), sh.days, a.summaries[i]})
			}
		}
		was = slices.DeleteFunc(was, func(old row) bool {
			return !slices.ContainsFunc(now, func(n anew) bool { return n.row.domain == old.domain })
		})
		if sameReports(was, now) {
			return nil
		}
		changed = true
		for _, n := range now {
			if err := s.putAnew(b, n, id); err != nil {
				return err
			}
		}
		for _, old := range was {
			if err := s.remove(b, old); err != nil {
				return err
			}
		}
		return b.writeSums()
	})
	return changed && err == nil, err
}

// anew is a report as it was read again.
type anew struct {
	row     row
	days    []rollout.ReportDay
	summary []byte
}

// sameReports says whether was and now say the same.
func sameReports(was []row, now []anew) bool {
	return len(was) == len(now) && !slices.ContainsFunc(now, func(n anew) bool {
		return !slices.ContainsFunc(was, func(old row) bool {
			return old.domain == n.row.domain && old.organisation == n.row.organisation && old.reportID == n.row.reportID &&
				old.begins == n.row.begins && old.ends == n.row.ends && old.submitter == n.row.submitter && bytes.Equal(old.content, n.row.content)
		})
	})
}

// putAnew adds a report of a mail that is kept already.
func (s *Store) putAnew(b *batch, n anew, mail int64) error {
	same, err := b.sameKey(n.row)
	if err != nil {
		return err
	}
	v := judge(n.row, slices.DeleteFunc(same, func(old row) bool { return old.mail == mail }))
	if v.duplicate {
		return nil
	}
	for _, old := range v.replaced {
		if err := s.remove(b, old); err != nil {
			return err
		}
	}
	n.row.mail = mail
	if err := b.addReport(n.row, n.summary); err != nil {
		return err
	}
	return b.count(n.row, n.days, +1)
}
