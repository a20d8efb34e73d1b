package rollout_test

import (
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// A shared cache leaves its mark on what it had, not on what it fetched: an id waits
// for one that was met in the look before the plan, or by a walk that ended before the
// body was seen everywhere.
func TestAnIDWaitsForASharedCacheWhereverItsMarkWasMet(t *testing.T) {
	for _, row := range []struct {
		shows string
		meet  func(r *rig)
	}{
		{"in the look before the plan", func(r *rig) {
			r.box.looking = func() { r.box.met = 0 } // the look after it is all that misses
			r.box.met = 3 * time.Hour
		}},
		{"by a walk that ended before the body was seen", func(r *rig) {
			old := r.box.body
			r.box.behind, r.box.cache = &old, 3*time.Hour
			r.next()
			r.box.behind, r.box.cache = nil, 0
		}},
	} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			r.engine.Patience = time.Nanosecond
			r.create(hasty())
			r.to(rollout.Enforce)
			row.meet(r)
			until := r.box.clock.Now().Add(3 * time.Hour)
			r.box.clock.wind(10 * time.Minute)
			if p := r.next(); r.load().Mode() == mtasts.Enforce || p.Gate.Until.Before(until) {
				t.Errorf("the id does not wait until %s: %s", until, reasons(p.Gate))
			}
			r.box.clock.wind(4 * time.Hour)
			if r.next(); r.load().Mode() != mtasts.Enforce {
				t.Error("the wait is over, and the id still waits")
			}
		})
	}
}

// A first body takes the place of none that a cache could have.
func TestAFirstIDWaitsForNoCache(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.HostPolicy)
	r.box.cache, r.box.met = time.Hour, time.Hour
	if r.next(); r.load().Mode() != mtasts.Testing {
		t.Error("a first publication waits for a cache")
	}
}

// A step back that writes to another place than the one that serves announces at once,
// and anew when the cache before both has run out.
func TestAStepBackToAnEmptyPlaceKnowsTheCacheBeforeIt(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	r.set(func(s *rollout.Settings) { s.Host.Place = "/srv/elsewhere" })
	old := r.box.body
	r.box.served, r.box.body, r.box.cache = &old, rollout.Absent(), time.Hour
	back := r.stepBack()
	if back.Plan.Edits[0].Before.Exists {
		t.Fatal("the test needs a place that is empty")
	}
	r.box.die = func(instant string) {
		if instant == "after write" {
			r.box.served = nil
		}
	}
	if p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil || p.Phase != rollout.ReviewReports {
		t.Fatalf("%v: %s", err, reasons(p.Gate))
	}
	if due := r.load().Reannounce; !due.Equal(r.box.clock.Now().Add(time.Hour)) {
		t.Errorf("the second id is due at %s", due)
	}
}

// Whoever purged the cache before the body was seen everywhere said so once: the marks
// that are met after it keep nothing from before. A purge while the old body stood
// helps nobody.
func TestAPurgeBeforeTheBodyIsSeenIsNotForgotten(t *testing.T) {
	for _, row := range []struct {
		shows  string
		byHand bool
		lags   bool // one address still lags when belay looks next
	}{{"an address lags still", false, true}, {"all have it at once", false, false}, {"but a body that was put up after it", true, false}} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			r.engine.Patience = time.Nanosecond
			r.create(hasty())
			r.to(rollout.Enforce)
			old := r.box.body
			r.box.behind, r.box.cache, r.box.met = &old, 24*time.Hour, 24*time.Hour
			if r.box.byHand = row.byHand; row.byHand {
				r.box.only = "webroot:/srv/www"
			}
			r.next()
			r.box.clock.wind(time.Hour)
			if _, err := r.engine.Mended(ctx, domain, time.Time{}, "purged the cache"); err != nil {
				t.Fatal(err)
			}
			if row.byHand {
				busy, _ := r.load().Unfinished()
				r.box.body = busy.Plan.Edits[0].After
			}
			r.box.clock.wind(time.Minute)
			if row.lags {
				r.next()
				r.box.clock.wind(time.Minute)
			}
			r.box.behind = nil
			if p := r.next(); (r.load().Mode() == mtasts.Enforce) == row.byHand {
				t.Errorf("the id waits until %s: %s", r.load().CachedUntil, reasons(p.Gate))
			}
		})
	}
}
