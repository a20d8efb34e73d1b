package certs

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
)

// listing is a storage of which only List is asked.
type listing struct {
	certmagic.Storage
	list func() []string
}

func (l listing) List(context.Context, string, bool) ([]string, error) { return l.list(), nil }

// asked asks e once as a CA does, as long as a CA may wait, and says whether it was
// answered before it left.
func asked(t *testing.T, e *elsewhere, a *answers, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e.find(ctx, a, "mta-sts.corp.test", "key")
	return ctx.Err() == nil
}

// TestAReadingThatFailsHoldsNobodyUp: where the storage panics, or does not heed its
// context, those who ask later are answered by a reading of their own.
func TestAReadingThatFailsHoldsNobodyUp(t *testing.T) {
	for _, tc := range []struct {
		shows string
		fails func(until chan struct{})
	}{
		{"panics", func(chan struct{}) { panic("the storage is broken") }},
		{"does not end", func(until chan struct{}) { <-until }},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				until, lists := make(chan struct{}), 0
				storage := listing{list: func() []string {
					if lists++; lists == 1 {
						tc.fails(until)
					}
					return nil
				}}
				a, e := newAnswers(storage, slog.New(slog.DiscardHandler)), &elsewhere{}
				first := make(chan struct{})
				go func() {
					defer close(first)
					defer func() { _ = recover() }()
					asked(t, e, a, time.Minute)
				}()
				synctest.Wait()
				if !asked(t, e, a, 2*readingFor) || lists != 2 {
					t.Errorf("after %d readings who asked next was not answered", lists)
				}
				close(until)
				<-first
				if len(a.turns) != 0 || e.waiting != 0 {
					t.Errorf("%d turns are held, %d wait", len(a.turns), e.waiting)
				}
			})
		})
	}
}

// TestEveryTurnHeldHoldsNobodyForEver: other hosts' readings that do not end cost one
// host its answer, not its goroutines.
func TestEveryTurnHeldHoldsNobodyForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, e := newAnswers(listing{list: func() []string { return nil }}, slog.New(slog.DiscardHandler)), &elsewhere{}
		for range readingsAtOnce {
			a.turns <- struct{}{}
		}
		if !asked(t, e, a, 2*readingFor) {
			t.Error("who asks waits for ever")
		}
		for range readingsAtOnce {
			<-a.turns
		}
		if !asked(t, e, a, 2*readingFor) {
			t.Error("with the turns free, who asks is not answered")
		}
	})
}

// TestAnOldReadingAnswersNobody, however many wait: a reading that began within
// readingPause does.
func TestAnOldReadingAnswersNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, e := newAnswers(listing{list: func() []string { return nil }}, slog.New(slog.DiscardHandler)), &elsewhere{}
		e.waiting = mostWaiting
		if r, leads := e.join(); r == nil || !leads {
			t.Errorf("before any reading, who asks is given %v", r)
		} else {
			e.carryOut(a, "mta-sts.corp.test", r)
		}
		if r, leads := e.join(); r != e.last || leads {
			t.Error("one too many is not answered out of a reading that has just begun")
		}
		time.Sleep(readingPause)
		if r, leads := e.join(); r == e.last || !leads {
			t.Error("one too many is answered out of an old reading")
		}
	})
}
