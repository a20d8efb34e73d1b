package rollout_test

import (
	"errors"
	"testing"
	"time"

	"belay/rollout"
)

// What an outdated plan left behind, of which nothing is left to be done, is told as any
// other difference, and put back or adopted.
func TestWhatAnOutdatedPlanLeftBehindIsFaced(t *testing.T) {
	for _, row := range []struct {
		shows string
		way   func(r *rig) error
		mx    int
	}{
		{"restored", func(r *rig) error {
			restore, err := r.engine.ProposeRestore(ctx, domain, nil)
			if err == nil {
				_, err = r.engine.CarryOut(ctx, restore.Plan, yes, nil)
				sound(r.T, r.load())
			}
			return err
		}, 2},
		{"adopted", func(r *rig) error { _, err := r.engine.Adopt(ctx, domain, "it may stay", adopting, nil); return err }, 1},
	} {
		t.Run(row.shows, func(t *testing.T) { whatIsLeftIsFaced(t, row.way, row.mx) })
	}
}

func whatIsLeftIsFaced(t *testing.T, way func(r *rig) error, mx int) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.ReviewReports)
	patterns := r.load().Settings.MX
	r.set(func(s *rollout.Settings) { s.MX = []string{"*.corp.test"} })
	old := r.box.body
	r.box.behind = &old
	r.next() // the body of the correction is written and not seen
	r.box.behind = nil
	r.set(func(s *rollout.Settings) { s.MX = patterns })
	r.box.clock.wind(time.Minute)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || shown.Drift == nil {
		t.Fatalf("the body of the plan that was given up stands, and nobody is told: %v %v", err, shown.Plan.Edits)
	}
	if err := way(r); err != nil {
		t.Fatal(err)
	}
	if live, _, _ := r.load().Live(); len(live.MX) != mx || live.Mode != "testing" {
		t.Errorf("%s is live for %v", live.Mode, live.MX)
	}
	r.box.clock.wind(time.Minute)
	r.to(rollout.Enforce)
}

// Where a plan is half done and somebody replaced its body, what plan offers to
// restore can be restored.
func TestWhatAHalfDonePlanMetIsRestored(t *testing.T) {
	r := half(t, rollout.Enforce)
	r.box.body = rollout.Body("somebody else's\r\n")
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || shown.Drift == nil || shown.Drift.RestoreRefused != "" {
		t.Fatalf("restore is not offered: %v, %+v", err, shown.Drift)
	}
	restore, err := r.engine.ProposeRestore(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.CarryOut(ctx, restore.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if end := r.load(); end.Mode() != "testing" || !r.box.body.SamePolicy(rollout.Body(policy("testing", rollout.TestingMaxAge).String())) {
		t.Errorf("ends in %s, serving %s", end.Mode(), r.box.body)
	}
	sound(t, r.load())
}

// half is a rollout in phase whose newest plan came as far as its body, which is
// written and not seen.
func half(t *testing.T, phase rollout.Phase) *rig {
	t.Helper()
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(phase)
	old := r.box.body
	r.box.behind = &old
	r.next()
	r.box.behind = nil
	if busy, unfinished := r.load().Unfinished(); !unfinished || busy.Edits["1"].Receipt.Outcome != rollout.Applied {
		t.Fatal("the test needs a plan that is half done")
	}
	r.box.clock.wind(time.Minute)
	return r
}

// A restore takes the MX list of the settings where the MX set has outgrown the policy
// that was verified last: else it could never be carried out.
func TestARestoreCoversTheMXSet(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.box.body = rollout.Absent()
	r.box.mx = append(r.box.mx, "mx3.corp.test")
	r.box.clock.wind(time.Minute)
	restore, err := r.engine.ProposeRestore(ctx, domain, nil)
	if err != nil || restore.Gate.Open {
		t.Fatalf("%v: %s", err, reasons(restore.Gate))
	}
	r.set(func(s *rollout.Settings) { s.MX = []string{"*.corp.test"} })
	if restore, err = r.engine.ProposeRestore(ctx, domain, nil); err != nil || !restore.Gate.Open {
		t.Fatalf("%v: %s", err, reasons(restore.Gate))
	}
	if _, err := r.engine.CarryOut(ctx, restore.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if live, _, _ := r.load().Live(); len(live.MX) != 1 || live.Mode != "testing" || live.MaxAge != rollout.TestingMaxAge {
		t.Errorf("restored %s at %d for %v", live.Mode, live.MaxAge, live.MX)
	}
}

// Where the place holds what was verified and is announced, and senders are served
// another body, there is nothing that belay could put back.
func TestARestoreOfWhatStandsIsRefused(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	other := rollout.Body(policy("testing", 604800).String())
	r.box.served = &other
	r.box.clock.wind(time.Minute)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || shown.Drift == nil || shown.Drift.RestoreRefused == "" {
		t.Errorf("%v: %+v", err, shown.Drift)
	}
	if restore, err := r.engine.ProposeRestore(ctx, domain, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("%v: %v", err, restore.Plan.Edits)
	}
}
