package rollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"belay/rollout"
)

// book is a store in memory. Entries go through JSON, as in the real one.
type book struct {
	mu       sync.Mutex
	lines    map[string][][]byte
	evidence map[string]rollout.Evidence
	history  map[string]rollout.History
	locked   map[string]bool
	reports  []rollout.ReportDay
	die      func(instant string)
}

func newBook() *book {
	return &book{lines: map[string][][]byte{}, evidence: map[string]rollout.Evidence{}, history: map[string]rollout.History{}, locked: map[string]bool{}, die: func(string) {}}
}

func (s *book) Domains(context.Context) ([]string, error) {
	var out []string
	for d := range s.lines {
		out = append(out, d)
	}
	slices.Sort(out)
	return out, nil
}

func (s *book) Journal(_ context.Context, d string) ([]rollout.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []rollout.Entry
	for _, line := range s.lines[d] {
		var e rollout.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (s *book) Append(_ context.Context, d string, after int64, entries ...rollout.Entry) ([]rollout.Entry, error) {
	s.die("before commit")
	s.mu.Lock()
	if int64(len(s.lines[d])) != after {
		s.mu.Unlock()
		return nil, rollout.ErrStale
	}
	for i := range entries {
		entries[i].Seq = after + int64(i) + 1
		line, err := json.Marshal(entries[i])
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		s.lines[d] = append(s.lines[d], line)
	}
	s.mu.Unlock()
	s.die("after commit")
	return entries, nil
}

func (s *book) SaveEvidence(_ context.Context, e rollout.Evidence) error {
	s.evidence[e.Domain] = e
	s.history[e.Domain] = s.history[e.Domain].With(e)
	return nil
}

func (s *book) Evidence(_ context.Context, d string) (rollout.Evidence, bool, error) {
	e, ok := s.evidence[d]
	return e, ok, nil
}
func (s *book) History(_ context.Context, d string) (rollout.History, error) {
	return s.history[d], nil
}
func (s *book) Forget(_ context.Context, d string) error {
	delete(s.lines, d)
	return nil
}
func (s *book) Lock(d, holder string) (func() error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locked[d] {
		return nil, &rollout.LockedError{Domain: d, Holder: "somebody"}
	}
	s.locked[d] = true
	return func() error { s.mu.Lock(); defer s.mu.Unlock(); s.locked[d] = false; return nil }, nil
}
func (s *book) AddReports(context.Context, []rollout.ReceivedReport) ([]rollout.Taken, error) {
	return nil, errors.New("not in this book")
}
func (s *book) ReportDays(context.Context, string, time.Time) ([]rollout.ReportDay, error) {
	return s.reports, nil
}
func (s *book) PendingReports(context.Context, int64, int) ([]rollout.PendingReport, error) {
	return nil, nil
}
func (s *book) SettlePending(context.Context, int64, rollout.Standing, string) error { return nil }
