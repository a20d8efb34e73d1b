package rollout_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// after is a server that answers after d, or is not heard any more because the look
// was ended.
func after(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return errors.New("the look was ended before it answered")
		case <-time.After(d):
			return nil
		}
	}
}

// tarpit is a server that a probe leaves after a minute without an answer.
func tarpit(ctx context.Context) error {
	if err := after(time.Minute)(ctx); err != nil {
		return err
	}
	return errors.New("no answer in time")
}

// A server that takes longer than the walk's patience is heard all the same: it may
// serve the old body still, and then no id is announced.
func TestPatienceEndsNoLookThatHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(hasty())
		r.to(rollout.Enforce)
		_, before, _ := r.load().Live()
		old := r.box.body
		r.box.behind, r.box.late = &old, map[string]func(context.Context) error{"two": after(rollout.Propagation + 10*time.Second)}
		p := r.next()
		if _, id, _ := r.load().Live(); id != before || r.load().Mode() != mtasts.Testing {
			t.Errorf("id %s announces enforce, and a server that answers has the old body", id)
		}
		if p.Gate.Open || !strings.Contains(reasons(p.Gate), "two [invalid IP] still has") {
			t.Errorf("who holds it up is not told: %s", reasons(p.Gate))
		}
		r.box.behind, r.box.late = nil, nil
		r.box.clock.wind(time.Minute)
		if r.next(); r.load().Mode() != mtasts.Enforce {
			t.Error("the server has caught up, and nothing is announced")
		}
		sound(t, r.load())
	})
}

// A look that ctrl+c ended shows nothing live, whoever had answered by then: the next
// start looks again.
func TestALookThatWasEndedVerifiesNothing(t *testing.T) {
	for _, row := range []struct {
		shows  string
		behind bool // the server that was still being asked has the old value
	}{{"a server that lags", true}, {"a server that has it", false}} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			r.engine.Patience = time.Nanosecond
			r.create(hasty())
			r.to(rollout.Enforce)
			old := r.box.body
			if row.behind {
				r.box.behind = &old
			}
			cx, stop := context.WithCancel(ctx)
			asked := 0
			r.box.late = map[string]func(context.Context) error{"two": func(looking context.Context) error {
				asked++
				stop()
				<-looking.Done()
				return errors.New("the look was ended before it answered")
			}}
			p, err := r.engine.Next(cx, domain, yes, nil)
			busy, ok := r.load().Unfinished()
			if !ok || asked != 1 || p.Gate.Open || err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("asked %d times, %v: %s", asked, err, reasons(p.Gate))
			}
			for id, state := range busy.Edits {
				if !state.Verified.IsZero() {
					t.Errorf("edit %s is verified by a look that was ended", id)
				}
			}
			r.box.late = nil
			r.next()
			if enforces := r.load().Mode() == mtasts.Enforce; enforces == row.behind {
				t.Errorf("the next start: enforces %v", enforces)
			}
		})
	}
}

// What an edit needs is seen again before it begins, where that was long ago: where
// the look is ended, or nobody answers it, nothing is written.
func TestNothingBeginsOnALookThatWasNotWhole(t *testing.T) {
	half := func(t *testing.T) *rig {
		r := newRig(t)
		r.engine.Patience = time.Nanosecond
		r.create(hasty())
		r.to(rollout.HostPolicy)
		writes := 0
		r.box.die = func(instant string) {
			if writes++; writes == 3 {
				panic(instant) // the body is verified, its record not written
			}
		}
		func() {
			defer func() { _ = recover(); r.book.locked = map[string]bool{} }()
			r.next()
		}()
		r.box.die = func(string) {}
		r.box.clock.wind(2 * time.Minute)
		return r
	}
	t.Run("ended", func(t *testing.T) {
		r := half(t)
		cx, stop := context.WithCancel(ctx)
		r.box.late = map[string]func(context.Context) error{"two": func(context.Context) error {
			stop()
			return errors.New("the look was ended before it answered")
		}}
		_, err := r.engine.Next(cx, domain, yes, nil)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "is stopped after what is recorded") {
			t.Errorf("it ends with %v", err)
		}
		if r.box.records[txtName+" TXT"].Exists {
			t.Error("an id was announced")
		}
		r.box.late = nil
		r.to(rollout.ReviewReports)
	})
	t.Run("answered by nobody", func(t *testing.T) {
		r := half(t)
		r.engine.Looker = &cutOff{Looker: r.box, looks: 1}
		if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil || r.box.records[txtName+" TXT"].Exists {
			t.Errorf("an id was announced: %v", err)
		}
		r.to(rollout.ReviewReports)
	})
}

// What a vendor took is asked for again only where a whole look shows that senders are
// not served it.
func TestNobodyIsAskedAgainOnALookWithoutAnswer(t *testing.T) {
	r, v := patient(t)
	r.to(rollout.HostPolicy)
	nothing := rollout.Absent()
	v.after, r.box.served = 10*time.Minute, &nothing
	r.next()
	r.box.served = nil
	r.box.clock.wind(time.Hour)
	r.engine.Looker = &cutOff{Looker: r.box, looks: 1}
	if r.to(rollout.ReviewReports); v.asked != 1 {
		t.Errorf("asked %d times", v.asked)
	}
}

// An address that lets itself be asked for ever is silent after a minute: a step back
// takes that minute for each of its edits at most, and is done.
func TestATarpitHoldsAStepBackUpForItsLooksOnly(t *testing.T) {
	for _, row := range []struct {
		shows string
		moves bool
	}{{"in place", false}, {"to another host", true}} {
		t.Run(row.shows, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.create(hasty())
				r.to(rollout.RaiseMaxAge)
				if row.moves {
					r.set(func(s *rollout.Settings) {
						s.Host.Place = "/srv/elsewhere"
						s.HostAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.98"), netip.MustParseAddr("192.0.2.99")}
					})
				}
				back := r.stepBack()
				r.box.newHost["192.0.2.98"] = back.Plan.Edits[0].After
				slow := func(ctx context.Context) error {
					r.box.clock.wind(time.Minute)
					return tarpit(ctx)
				}
				r.box.late = map[string]func(context.Context) error{"two": slow, "192.0.2.99": slow}
				begun := time.Now()
				p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil)
				if err != nil || p.Phase != rollout.ReviewReports || r.load().Mode() != mtasts.Testing {
					t.Fatalf("%v, in %s: %s", err, p.Phase, reasons(p.Gate))
				}
				if took, most := time.Since(begun), time.Duration(len(back.Plan.Edits))*time.Minute; took > most {
					t.Errorf("it took %s, want %s at most", took, most)
				}
				if unseen := r.load().Plans[len(r.load().Plans)-1].Edits["1"].Unseen; len(unseen) != 1 || !strings.Contains(unseen[0], "no answer in time") {
					t.Errorf("who was not seen: %q", unseen)
				}
			})
		})
	}
}

// A web root that lags for seconds is seen to have caught up by the walk itself, though
// a silent address beside it drew the first look out beyond its patience.
func TestATarpitHidesNoServerThatCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(hasty())
		r.to(rollout.RaiseMaxAge)
		back := r.stepBack()
		old := r.box.body
		r.box.served = &old
		r.box.late = map[string]func(context.Context) error{"two": func(ctx context.Context) error {
			err := tarpit(ctx)
			r.box.served = nil
			return err
		}}
		p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil)
		if err != nil || p.Phase != rollout.ReviewReports || r.load().Mode() != mtasts.Testing {
			t.Errorf("%v, in %s: %s", err, p.Phase, reasons(p.Gate))
		}
	})
}
