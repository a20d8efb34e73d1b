package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"slices"

	"belay/rollout"
)

// KeptMails are some of the mails that reports about domain came in, or any reports
// where it is empty: at most limit, in the order in which they came, from the first
// behind after on.
func (s *Store) KeptMails(ctx context.Context, domain string, after int64, limit int) ([]rollout.KeptMail, error) {
	const what = "read kept mails"
	rows, err := s.db.QueryContext(ctx, `SELECT id, path, received, digest, raw FROM mails WHERE id > ?
		AND (? = '' OR EXISTS (SELECT 1 FROM reports WHERE mail = mails.id AND domain = ?)) ORDER BY id LIMIT ?`, after, domain, domain, limit)
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer rows.Close()
	var kept []rollout.KeptMail
	for size := 0; size < mostPending && rows.Next(); {
		var m rollout.KeptMail
		var received int64
		var digest, packed []byte
		if err := rows.Scan(&m.ID, &m.Path, &received, &digest, &packed); err != nil {
			return nil, s.explain(what, err)
		}
		m.Received = fromUnix(received)
		m.Raw, _ = s.openMail(packed, digest) // nil where it is damaged
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
	rows, err := s.db.QueryContext(ctx, "SELECT domain, standing FROM reports WHERE mail = ? ORDER BY id", m.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r rollout.KeptReport
		if err := rows.Scan(&r.Domain, &r.Standing); err != nil {
			return err
		}
		m.Reports = append(m.Reports, r)
	}
	return rows.Err()
}

// Reread puts what was read anew of a kept mail in the place of what stands there of
// it, in one durable commit, and says whether that was anything else. It replaces
// what stands about the domains that reports are about; about others it leaves all
// as it is. What proves a duplicate, of a report of this mail or of another, is
// dropped. Standing, signer and source of reports are not asked for: each is believed
// as what stands there of it now, which may have been settled since it was read.
func (s *Store) Reread(ctx context.Context, id int64, read rollout.Reading) (changed bool, err error) {
	err = s.write(ctx, "read a kept mail again", func(tx *sql.Tx) error {
		changed = false
		b := s.newBatch(ctx, tx)
		defer b.close()
		was, err := b.ofMail(id)
		if err != nil || len(was) == 0 {
			return err // it was replaced meanwhile
		}
		var now []anew
		for _, r := range read.Reports {
			a := arrive(r, keptMail{digest: sha256.Sum256(r.Raw)})
			for i, sh := range a.shares {
				n := anew{rowOf(a, sh), sh.days, a.summaries[i]}
				n.row.mail = id
				n.row.standAs(was)
				now = append(now, n)
			}
		}
		was = slices.DeleteFunc(was, func(old row) bool {
			return !slices.ContainsFunc(now, func(n anew) bool { return n.row.domain == old.domain })
		})
		if !read.Whole {
			was, now = recognised(was, now)
		}
		e, err := b.exchangeOf(was, now)
		if err != nil || e.nothing() {
			return err
		}
		changed = true
		if err := s.exchange(b, e); err != nil {
			return err
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

// standAs gives r the standing of what was read as the same report before, or of
// another one out of the same mail: what came together is believed alike.
func (r *row) standAs(was []row) {
	i := max(0, slices.IndexFunc(was, func(old row) bool { return old.domain == r.domain && old.reportID == r.reportID }))
	r.standing, r.signer, r.source = was[i].standing, was[i].signer, was[i].source
}

// recognised leaves in was what something in now takes the place of: the rest may
// stand in what could not be read. Where there is such a rest about a domain, nothing
// new about it is in now either, for that may be the rest, understood otherwise, and
// would count twice.
func recognised(was []row, now []anew) (goes []row, comes []anew) {
	of := make([]int, len(now)) // the place in was of what each is read of, from 1
	for _, same := range []func(row, row) bool{
		func(old, r row) bool { return old.sameKey(r) && bytes.Equal(old.content, r.content) },
		row.sameKey,
		func(old, r row) bool { return old.domain == r.domain && old.reportID == r.reportID },
	} {
		for i, n := range now {
			if of[i] == 0 {
				of[i] = 1 + slices.IndexFunc(was, func(old row) bool { return same(old, n.row) && !contains(goes, old.id) })
				if of[i] > 0 {
					goes = append(goes, was[of[i]-1])
				}
			}
		}
	}
	left := func(domain string) bool {
		return slices.ContainsFunc(was, func(old row) bool { return old.domain == domain && !contains(goes, old.id) })
	}
	for i, n := range now {
		if of[i] > 0 || !left(n.row.domain) {
			comes = append(comes, n)
		}
	}
	return goes, comes
}

// An exchange is what reading a mail again comes to: was goes, now comes.
type exchange struct {
	was      []row
	now      []anew
	replaced []row // of other mails
	joins    []join
}

// exchangeOf judges what was read anew as if what was there before had never come.
func (b *batch) exchangeOf(was []row, read []anew) (exchange, error) {
	e := exchange{was: was}
	for i, n := range read {
		same, err := b.sameKey(n.row)
		if err != nil {
			return e, err
		}
		same = slices.DeleteFunc(same, func(old row) bool { return contains(was, old.id) })
		for _, before := range e.now {
			if before.row.sameKey(n.row) {
				same = append(same, before.row)
			}
		}
		v := judge(n.row, same)
		if v.join != nil && !v.join.kept.isNew() && !slices.ContainsFunc(e.joins, func(j join) bool { return j.kept.id == v.join.kept.id }) {
			e.joins = append(e.joins, *v.join)
		}
		if v.duplicate {
			continue
		}
		crowded, err := b.crowdedBut(n.row, was, e.now)
		if err != nil {
			return e, err
		}
		if crowded {
			continue
		}
		for _, old := range v.replaced {
			e.now = slices.DeleteFunc(e.now, func(n anew) bool { return n.row.id == old.id })
			if !old.isNew() && !contains(e.replaced, old.id) {
				e.replaced = append(e.replaced, old)
			}
		}
		n.row.id = int64(-1 - i)
		e.now = append(e.now, n)
	}
	return e, nil
}

// crowdedBut reports whether r is one variant too many, where was goes and now comes.
// What is kept already has its place.
func (b *batch) crowdedBut(r row, was []row, now []anew) (bool, error) {
	goes, comes := 0, 0
	for _, old := range was {
		if old.sameKey(r) && old.standing == r.standing {
			goes++
		}
	}
	for _, n := range now {
		if n.row.sameKey(r) && n.row.standing == r.standing {
			comes++
		}
	}
	if comes < goes || !r.unproven() {
		return false, nil
	}
	n, err := b.variants(r, rollout.MostVariants+goes)
	return n-goes+comes >= rollout.MostVariants, err
}

// isNew reports whether r is not in the table yet: in an exchange such rows are
// numbered below zero.
func (r row) isNew() bool { return r.id < 0 }

func contains(rows []row, id int64) bool {
	return slices.ContainsFunc(rows, func(r row) bool { return r.id == id })
}

// nothing reports whether e leaves all as it is.
func (e exchange) nothing() bool {
	return len(e.replaced) == 0 && len(e.joins) == 0 && len(e.was) == len(e.now) && !slices.ContainsFunc(e.now, func(n anew) bool {
		return !slices.ContainsFunc(e.was, func(old row) bool {
			return old.sameKey(n.row) && old.submitter == n.row.submitter && bytes.Equal(old.content, n.row.content)
		})
	})
}

// exchange carries e out.
func (s *Store) exchange(b *batch, e exchange) error {
	for _, old := range e.replaced {
		if err := s.remove(b, old); err != nil {
			return err
		}
	}
	for _, j := range e.joins {
		if err := s.join(b, j); err != nil {
			return err
		}
	}
	for _, n := range e.now {
		if err := b.addReport(n.row, n.summary); err != nil {
			return err
		}
		if err := b.count(n.row, n.days, +1); err != nil {
			return err
		}
	}
	// The mail goes with the last report that came in it, so these go last.
	for _, old := range e.was {
		if err := s.remove(b, old); err != nil {
			return err
		}
	}
	return nil
}
