package dns

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
)

// shelf is a provider's records; it fails at the call with this number.
type shelf struct {
	records []stored
	last    int
	calls   int
	failAt  int
	// empty says that the shelf was empty at some moment.
	empty bool
}

var errShelf = errors.New("refused")

func (s *shelf) step() error {
	s.calls++
	if s.calls == s.failAt {
		return errShelf
	}
	return nil
}

func (s *shelf) create(_ context.Context, _ Zone, want RRset, value string) error {
	if err := s.step(); err != nil {
		return err
	}
	s.last++
	s.records = append(s.records, stored{id: "n" + strconv.Itoa(s.last), value: value, ttl: want.TTL})
	return nil
}

func (s *shelf) rewrite(_ context.Context, _ Zone, want RRset, id, value string) error {
	if err := s.step(); err != nil {
		return err
	}
	i := slices.IndexFunc(s.records, func(r stored) bool { return r.id == id })
	s.records[i].value, s.records[i].ttl = value, want.TTL
	return nil
}

func (s *shelf) remove(_ context.Context, _ Zone, id string) error {
	if err := s.step(); err != nil {
		return err
	}
	s.records = slices.DeleteFunc(s.records, func(r stored) bool { return r.id == id })
	s.empty = s.empty || len(s.records) == 0
	return nil
}

func (s *shelf) values() []string {
	var out []string
	for _, r := range s.records {
		out = append(out, r.value)
	}
	slices.Sort(out)
	return out
}

// TestMoves: whatever stands, the moves lead to what is wanted with one TTL, by
// the fewest calls, and never by way of an empty set.
func TestMoves(t *testing.T) {
	for _, tc := range []struct {
		shows  string
		stands []string
		ttl    uint32
		want   []string
		calls  int
	}{
		{"nothing to one", nil, 600, []string{"a"}, 1},
		{"one to another, in place", []string{"a"}, 600, []string{"b"}, 1},
		{"one to nothing", []string{"a"}, 600, nil, 1},
		{"two to one of them", []string{"a", "b"}, 600, []string{"b"}, 1},
		{"two to another", []string{"a", "b"}, 600, []string{"c"}, 2},
		{"one to two others", []string{"a"}, 600, []string{"b", "c"}, 2},
		{"a foreign one beside ours is not touched", []string{"foreign", "a"}, 600, []string{"foreign", "b"}, 1},
		{"another TTL alone", []string{"a", "b"}, 300, []string{"a", "b"}, 2},
		{"another TTL for what stays", []string{"a"}, 300, []string{"a", "b"}, 2},
		{"one that stands twice", []string{"a", "a"}, 600, []string{"a"}, 1},
		{"what is wanted already", []string{"a", "b"}, 600, []string{"b", "a"}, 0},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			var s shelf
			for i, v := range tc.stands {
				s.records = append(s.records, stored{id: strconv.Itoa(i), value: v, ttl: tc.ttl})
			}
			want := RRset{TTL: 600, Values: tc.want}
			if err := movesTo(s.records, want).carryOut(t.Context(), &s, Zone{}, want); err != nil {
				t.Fatal(err)
			}
			sorted := slices.Clone(tc.want)
			slices.Sort(sorted)
			if got := s.values(); !slices.Equal(got, sorted) || s.calls != tc.calls {
				t.Errorf("%q after %d calls, want %q after %d", got, s.calls, sorted, tc.calls)
			}
			if slices.ContainsFunc(s.records, func(r stored) bool { return r.ttl != 600 }) {
				t.Errorf("TTLs in %v", s.records)
			}
			if s.empty && len(tc.want) > 0 {
				t.Error("the set was empty in between")
			}
		})
	}
}

// TestMovesStopAtTheFirstFailure: and leave no set empty that held something.
func TestMovesStopAtTheFirstFailure(t *testing.T) {
	stands := []stored{{"1", "a", 600}, {"2", "b", 600}, {"3", "c", 600}}
	want := RRset{TTL: 600, Values: []string{"c", "d"}}
	for fail := 1; fail <= 2; fail++ {
		s := shelf{records: slices.Clone(stands), failAt: fail}
		if err := movesTo(s.records, want).carryOut(t.Context(), &s, Zone{}, want); !errors.Is(err, errShelf) || s.calls != fail {
			t.Errorf("failing at call %d: %v after %d calls", fail, err, s.calls)
		}
		if s.empty || len(s.records) < len(want.Values) {
			t.Errorf("failing at call %d leaves %v", fail, s.records)
		}
	}
}
