package store

import (
	"cmp"
	"database/sql"
	"errors"
	"slices"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// sums are the sums of one ending while a batch adds to them. They are read once and
// written once, whatever number of reports comes between.
type sums struct {
	days     []rollout.ReportDay
	at       map[sumKey]int
	failures map[failureKey]int // their place in the failures of their sum
	apart    map[writer]*apart
	changed  bool
}

// sumKey is what tells one sum of an ending from another.
type sumKey struct {
	begins                    int64
	standing                  rollout.Standing
	signer, submitter, source string
	policyType, policyText    string
}

// failureKey is one failure of the sum that stands at day.
type failureKey struct {
	day             int
	kind            tlsrpt.ResultType
	mx, ip, because string
}

func keyOf(d rollout.ReportDay) sumKey {
	return sumKey{d.Begins.Unix(), d.Standing, d.Signer, d.Submitter, d.Source, d.PolicyType, d.PolicyText}
}

func newSums(days []rollout.ReportDay) *sums {
	s := &sums{days: days, at: make(map[sumKey]int, len(days)), failures: map[failureKey]int{}, apart: map[writer]*apart{}}
	for i, d := range days {
		key, has := keyOf(d), s.apartOf(d)
		s.at[key] = i
		has.addSum(key)
		for n, f := range d.Failures {
			key := failureKey{i, f.Type, f.MX, f.IP, f.Reason}
			s.failures[key] = n
			has.addFailure(key)
		}
	}
	return s
}

// add adds what a report says to the sums.
func (s *sums) add(d rollout.ReportDay) {
	s.changed = true
	i := s.place(d)
	tally(&s.days[i], d, +1)
	for _, f := range d.Failures {
		n := s.placeFailure(i, f)
		s.days[i].Failures[n].Count += f.Count
	}
}

// takeBack takes back what add added. What is not there was lost by an earlier belay.
func (s *sums) takeBack(d rollout.ReportDay) {
	i, ok := s.find(d)
	if !ok {
		return
	}
	s.changed = true
	tally(&s.days[i], d, -1)
	for _, f := range d.Failures {
		if n, ok := s.findFailure(i, f); ok {
			s.days[i].Failures[n].Count -= f.Count
		}
	}
}

// tally adds the counts of d, but for its failures, to a sum, sign times.
func tally(sum *rollout.ReportDay, d rollout.ReportDay, sign int64) {
	sum.Reports += int(sign) * d.Reports
	sum.Success += sign * d.Success
	sum.Failure += sign * d.Failure
	sum.Unexplained += sign * d.Unexplained
	sum.Timed += int(sign) * d.Timed
	sum.Late += sign * d.Late
}

// standing are the sums that reports stand behind, as they are packed: in the order
// of the periods' beginnings, the most frequent failures first.
func (s *sums) standing() []rollout.ReportDay {
	days := slices.DeleteFunc(slices.Clone(s.days), func(d rollout.ReportDay) bool { return d.Reports <= 0 })
	for i := range days {
		fs := slices.DeleteFunc(slices.Clone(days[i].Failures), func(f rollout.FailureCount) bool { return f.Count <= 0 })
		sortFailures(fs)
		days[i].Failures = fs
	}
	slices.SortStableFunc(days, func(a, b rollout.ReportDay) int { return a.Begins.Compare(b.Begins) })
	return days
}

func sortFailures(fs []rollout.FailureCount) {
	slices.SortFunc(fs, func(a, b rollout.FailureCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Type, b.Type), cmp.Compare(a.MX, b.MX), cmp.Compare(a.IP, b.IP), cmp.Compare(a.Reason, b.Reason))
	})
}

// count adds what r says to the sums, or with sign -1 takes it back. Where a report
// was found matters only while nothing better vouches for it.
func (b *batch) count(r row, days []rollout.ReportDay, sign int64) error {
	for _, d := range days {
		s, err := b.sumsOf(ending{r.domain, d.Ends.Unix()})
		if err != nil {
			return err
		}
		d.Standing, d.Signer, d.Source = r.standing, r.signer, r.source
		if r.standing.Proven() {
			d.Source = ""
		}
		if sign > 0 {
			s.add(d)
		} else {
			s.takeBack(d)
		}
	}
	return nil
}

// sumsOf reads the sums of one ending.
func (b *batch) sumsOf(at ending) (*sums, error) {
	if s, ok := b.sums[at]; ok {
		return s, nil
	}
	days, err := b.readSums(at)
	if err != nil {
		return nil, err
	}
	b.sums[at] = newSums(days)
	return b.sums[at], nil
}

// readSums reads what is packed of an ending. A store of an earlier version may have
// it loose; then it is packed first.
func (b *batch) readSums(at ending) ([]rollout.ReportDay, error) {
	var loose int
	count, err := b.prepare("SELECT count(*) FROM loose_days WHERE domain = ? AND ends = ?")
	if err != nil {
		return nil, err
	}
	if err := count.QueryRowContext(b.ctx, at.domain, at.ends).Scan(&loose); err != nil {
		return nil, err
	}
	if loose > 0 {
		if err := pack(b.ctx, b.tx, at); err != nil {
			return nil, err
		}
	}
	find, err := b.prepare("SELECT sums FROM packed_days WHERE domain = ? AND ends = ?")
	if err != nil {
		return nil, err
	}
	var packed []byte
	err = find.QueryRowContext(b.ctx, at.domain, at.ends).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return newUnpacker().unpack(nil, at.ends, packed)
}

// writeSums writes the sums that changed.
func (b *batch) writeSums() error {
	for at, s := range b.sums {
		if !s.changed {
			continue
		}
		if err := writePacked(b.exec, at, s.standing()); err != nil {
			return err
		}
	}
	return nil
}
