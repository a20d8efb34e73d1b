package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"sync"
	"sync/atomic"

	"belay/rollout"
)

// AddReports takes reports in one durable commit, keeps each as it came, adds it
// to the sums by day, and says what became of each in order.
//
// A report is known by organisation, report id, period and policy domain, within
// one signer. A verified one of a known key is a duplicate; one whose key only
// unverified reports of the same submitter have takes their place, and what they
// counted is taken back. An unverified one displaces nothing: it is a duplicate
// where a verified one of the same submitter, or an unverified one that says the
// same, is there; else it stands beside, as up to rollout.MostVariants of one source
// do. An unverified one that was found in several sources counts once, as of all of
// them. A pending one stands beside everything but itself until SettlePending judges
// it. A report without an id is known by what it says.
//
// A report about several domains is new where it is new for any of them.
func (s *Store) AddReports(ctx context.Context, rs []rollout.ReceivedReport) ([]rollout.Taken, error) {
	return s.addReports(ctx, rs, nil)
}

// Paced is the store for an importer that shares the processor with a screen:
// its AddReports calls pause before each report of a batch, which may take a few
// milliseconds, for other writers wait meanwhile.
func (s *Store) Paced(pause func()) rollout.Reports { return paced{s, pause} }

type paced struct {
	*Store
	pause func()
}

func (p paced) AddReports(ctx context.Context, rs []rollout.ReceivedReport) ([]rollout.Taken, error) {
	return p.addReports(ctx, rs, p.pause)
}

func (s *Store) addReports(ctx context.Context, rs []rollout.ReceivedReport, pause func()) ([]rollout.Taken, error) {
	// Everything that needs no database is done before the others must wait.
	incoming := s.arriveAll(rs, pause)
	taken := make([]rollout.Taken, len(rs))
	err := s.write(ctx, "keep reports", func(tx *sql.Tx) error {
		b := s.newBatch(ctx, tx)
		defer b.close()
		rows := make([]row, 0, len(incoming))
		for _, a := range incoming {
			for _, sh := range a.shares {
				rows = append(rows, rowOf(a, sh))
			}
		}
		if err := b.lookUp(rows); err != nil {
			return err
		}
		for i, a := range incoming {
			if pause != nil {
				pause()
			}
			var err error
			if taken[i], err = s.take(b, a, rows[:len(a.shares)]); err != nil {
				return err
			}
			rows = rows[len(a.shares):]
		}
		return b.writeSums()
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// arriveAll readies reports to be written: by two goroutines, or with a pause before
// each by this one.
func (s *Store) arriveAll(rs []rollout.ReceivedReport, pause func()) []arrival {
	out := make([]arrival, len(rs))
	// Reports that came in one mail are handed over together: it is packed once.
	mails := make([]func() keptMail, len(rs))
	for i, r := range rs {
		if i > 0 && sameBytes(r.Raw, rs[i-1].Raw) {
			mails[i] = mails[i-1]
			continue
		}
		mails[i] = sync.OnceValue(func() keptMail { return keptMail{sha256.Sum256(r.Raw), s.packMail(r.Raw)} })
	}
	if pause != nil {
		for i, r := range rs {
			pause()
			out[i] = arrive(r, mails[i]())
		}
		return out
	}
	var next atomic.Int64
	ready := func() {
		for i := next.Add(1) - 1; i < int64(len(rs)); i = next.Add(1) - 1 {
			out[i] = arrive(rs[i], mails[i]())
		}
	}
	var other sync.WaitGroup
	if len(rs) > 1 {
		other.Go(ready)
	}
	ready()
	other.Wait()
	return out
}

// sameBytes reports whether a and b are the same bytes in memory.
func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
}

// arrival is a report ready to be written.
type arrival struct {
	keptMail
	report    rollout.ReceivedReport
	shares    []share
	summaries [][]byte // of each share, packed
}

// keptMail is the mail that a report came in.
type keptMail struct {
	digest [sha256.Size]byte
	raw    []byte // packed
}

func arrive(r rollout.ReceivedReport, mail keptMail) arrival {
	a := arrival{keptMail: mail, report: r, shares: shares(r)}
	for _, sh := range a.shares {
		if late(sh.days, r.Arrived) {
			sh.packed = packSums(sh.days)
		}
		a.summaries = append(a.summaries, sh.packed)
	}
	return a
}

// take writes one report, of which rows are the shares.
func (s *Store) take(b *batch, a arrival, rows []row) (rollout.Taken, error) {
	taken := rollout.TakenDuplicate
	mail := int64(0)
	for i, sh := range a.shares {
		row := rows[i]
		v, err := b.compare(row)
		if err != nil {
			return "", err
		}
		if v.join != nil {
			if err := s.join(b, *v.join); err != nil {
				return "", err
			}
		}
		switch {
		case v.differs && taken == rollout.TakenDuplicate:
			taken = rollout.TakenDiffers
		case v.dropped && taken == rollout.TakenDuplicate:
			taken = rollout.TakenDropped
		}
		if v.duplicate || v.dropped {
			continue
		}
		for _, old := range v.replaced {
			if err := s.remove(b, old); err != nil {
				return "", err
			}
		}
		switch {
		case len(v.replaced) == 0:
			taken = rollout.TakenNew
		case taken != rollout.TakenNew:
			taken = rollout.TakenReplaced
		}
		if mail == 0 {
			if mail, err = b.addMail(a); err != nil {
				return "", err
			}
		}
		row.mail = mail
		if err := b.addReport(row, a.summaries[i]); err != nil {
			return "", err
		}
		if err := b.count(row, sh.days, +1); err != nil {
			return "", err
		}
	}
	return taken, nil
}

// remove takes a report out, and out of the sums, and its mail with it when no
// other report came in it.
func (s *Store) remove(b *batch, old row) error {
	days, err := s.unpackDays(old)
	if err != nil {
		return err
	}
	if err := b.count(old, days, -1); err != nil {
		return err
	}
	return b.removeReport(old)
}

// mostPending bounds the bytes of mails that PendingReports hands out at once; one
// is handed out however large it is.
const mostPending = 8 << 20

// PendingReports are some of the reports whose signature is to be verified again:
// at most limit, oldest first, from the first behind after on. Their ID is for
// SettlePending.
func (s *Store) PendingReports(ctx context.Context, after int64, limit int) ([]rollout.PendingReport, error) {
	const what = "read pending reports"
	rows, err := s.db.QueryContext(ctx, "SELECT id, received, digest, raw FROM mails WHERE pending = 1 AND id > ? ORDER BY id LIMIT ?", after, limit)
	if err != nil {
		return nil, s.explain(what, err)
	}
	defer rows.Close()
	var pending []rollout.PendingReport
	for size := 0; size < mostPending && rows.Next(); {
		var p rollout.PendingReport
		var received int64
		var digest, packed []byte
		if err := rows.Scan(&p.ID, &received, &digest, &packed); err != nil {
			return nil, s.explain(what, err)
		}
		p.Received = fromUnix(received)
		p.Raw, _ = s.openMail(packed, digest) // nil where it is damaged
		pending = append(pending, p)
		size += len(p.Raw)
	}
	return pending, s.explain(what, rows.Err())
}

// SettlePending gives a pending report the standing that verifying it again
// showed, and counts it anew as AddReports would have counted it: it may prove a
// duplicate, or take an unverified one's place. rollout.Pending leaves it as it
// is. An id that is not pending, because another process settled it, is left
// alone.
func (s *Store) SettlePending(ctx context.Context, id int64, standing rollout.Standing, signer string) error {
	if standing == rollout.Pending {
		return nil
	}
	if !standing.Proven() {
		signer = ""
	}
	return s.write(ctx, "settle a pending report", func(tx *sql.Tx) error {
		b := s.newBatch(ctx, tx)
		defer b.close()
		waiting, err := b.ofMail(id)
		if err != nil {
			return err
		}
		// Without a mail that is pending there is nothing to settle.
		if _, err := tx.ExecContext(ctx, "UPDATE mails SET pending = 0 WHERE id = ? AND pending = 1", id); err != nil {
			return err
		}
		for _, old := range waiting {
			if old.standing != rollout.Pending {
				continue
			}
			if err := s.settle(b, old, standing, signer); err != nil {
				return err
			}
		}
		return b.writeSums()
	})
}

// settle counts one pending report under its new standing.
func (s *Store) settle(b *batch, old row, standing rollout.Standing, signer string) error {
	settled := old
	settled.standing, settled.signer = standing, signer
	v, err := b.compare(settled)
	if err != nil {
		return err
	}
	if v.join != nil {
		if err := s.join(b, *v.join); err != nil {
			return err
		}
	}
	for _, replaced := range v.replaced {
		if err := s.remove(b, replaced); err != nil {
			return err
		}
	}
	if v.duplicate || v.dropped {
		return s.remove(b, old)
	}
	days, err := s.unpackDays(old)
	if err != nil {
		return err
	}
	if err := b.count(old, days, -1); err != nil {
		return err
	}
	if err := b.restand(settled); err != nil {
		return err
	}
	return b.count(settled, days, +1)
}
