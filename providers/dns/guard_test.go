package dns

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestGuardedCatchesAPanic(t *testing.T) {
	s := make(seat, 1)
	_, err := guarded(t.Context(), s, time.Minute, func(context.Context) (int, error) {
		var info *struct{ n int }
		return info.n, nil
	})
	if err == nil || !strings.Contains(err.Error(), "broke down") {
		t.Fatalf("error %v", err)
	}
	if v, err := guarded(t.Context(), s, time.Minute, func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
		t.Fatalf("the next call gave %d, %v", v, err)
	}
}

// TestGuardedKeepsTheSeat: a call that ignores its deadline is given up, and
// nothing else is asked of the provider until it has really ended.
func TestGuardedKeepsTheSeat(t *testing.T) {
	s, release := make(seat, 1), make(chan struct{})
	_, err := guarded(t.Context(), s, time.Millisecond, func(context.Context) (int, error) {
		<-release
		return 1, nil
	})
	if !errors.Is(err, errUnended) {
		t.Fatalf("error %v", err)
	}
	_, err = guarded(t.Context(), s, time.Millisecond, func(context.Context) (int, error) {
		t.Error("a second call ran beside the first")
		return 2, nil
	})
	if !errors.Is(err, errUnended) {
		t.Fatalf("error %v", err)
	}
	close(release)
	if v, err := guarded(t.Context(), s, time.Minute, func(context.Context) (int, error) { return 3, nil }); v != 3 || err != nil {
		t.Fatalf("after it ended: %d, %v", v, err)
	}
}

// stubborn is a source whose write never ends by itself.
type stubborn struct {
	Source
	release chan struct{}
	panics  bool
	read    func() // what a reading sets off; nil for nothing
}

func (s *stubborn) Label() string { return "Stubborn" }
func (s *stubborn) Zone(context.Context, string) (Zone, error) {
	return Zone{Name: "corp.test"}, nil
}
func (s *stubborn) At(context.Context, Zone, string) ([]RRset, error) {
	if s.read != nil {
		s.read()
	}
	return nil, nil
}
func (s *stubborn) Replace(context.Context, Zone, RRset, RRset) error {
	if s.panics {
		panic("index out of range")
	}
	<-s.release
	return nil
}
