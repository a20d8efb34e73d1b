package rollout_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// A body of which nobody knows whether it was written is not unwritten because a later
// attempt did not come so far: its host, once it is back, may serve it while the name
// leads there. It stays in the ledger, for whoever may fetch it holds it.
func TestABodyThatMayBeWrittenIsNotForgottenByAFailure(t *testing.T) {
	for _, row := range []struct {
		shows string
		write func(r *rig)
	}{
		{"belay was killed after the write", func(r *rig) {
			r.box.die = func(instant string) {
				if instant == "after write" {
					panic(instant)
				}
			}
			defer func() { _ = recover(); r.book.locked, r.box.die = map[string]bool{}, func(string) {} }()
			r.next()
		}},
		{"the answer was lost", func(r *rig) {
			r.box.lost = errors.New("it is not known whether it was written")
			_, _ = r.engine.Next(ctx, domain, yes, nil)
		}},
	} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			r.engine.Patience = time.Nanosecond
			g := &gone{box: r.box, accounts: map[string]bool{}}
			r.engine.Accounts = g
			r.create(hasty())
			r.to(rollout.Enforce)
			row.write(r)
			begun := len(r.load().Plans) - 1

			// The host goes down, and is left for another one, which does not serve yet.
			nothing := rollout.Absent()
			g.accounts["webroot:/srv/www"], r.box.served = true, &nothing
			if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil {
				t.Fatal("the test needs an attempt that fails")
			}
			r.set(func(s *rollout.Settings) {
				s.Host.Place, s.HostAddresses = "/srv/elsewhere", []netip.Addr{netip.MustParseAddr("192.0.2.99")}
			})
			r.box.body = nothing // of the new place
			r.box.clock.wind(time.Minute)
			_, _ = r.engine.Next(ctx, domain, yes, nil)

			end := r.load()
			left := end.Plans[begun].Edits["1"]
			if !left.Abandoned || left.Receipt.Outcome != rollout.Unknown {
				t.Errorf("what became of it: abandoned %v, %s", left.Abandoned, left.Receipt.Outcome)
			}
			if !slices.ContainsFunc(end.Ledger, func(e rollout.LedgerEntry) bool { return e.Mode == mtasts.Enforce && e.Until.IsZero() }) {
				t.Errorf("the ledger says that no sender can fetch it: %+v", end.Ledger)
			}
		})
	}
}

// An attempt that read first what the plan saw, and then failed, shows that nothing of
// the earlier one stands there.
func TestAnAttemptThatReadFirstSettlesALostOne(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.Enforce)
	r.box.lost = errors.New("it is not known whether it was written")
	_, first := r.engine.Next(ctx, domain, yes, nil)
	r.box.fail = errors.New("disk full")
	_, second := r.engine.Next(ctx, domain, yes, nil)
	busy, ok := r.load().Unfinished()
	if first == nil || second == nil || !ok || busy.Edits["1"].Receipt.Outcome != rollout.Failed {
		t.Errorf("%v, %v: it became %s", first, second, busy.Edits["1"].Receipt.Outcome)
	}
}

// What was begun and has no receipt may have been written: an undo that finds nothing of
// it does not say that it is undone.
func TestUndoDoesNotReachPastWhatWasBegun(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.set(func(s *rollout.Settings) { s.RUA = append(s.RUA, "mailto:more@corp.test") })
	r.box.die = func(instant string) { panic(instant) }
	func() {
		defer func() { _ = recover(); r.book.locked, r.box.die = map[string]bool{}, func(string) {} }()
		r.next()
	}()
	if _, err := r.engine.ProposeUndo(ctx, domain, nil); err == nil || !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), "it is not known whether") {
		t.Errorf("undo of it: %v", err)
	}
}
