package rollout_test

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// crossing is a plan of any purpose that is killed at each instant of its walk.
type crossing struct {
	name string
	// ready brings a new rollout to where the plan is due.
	ready func(r *rig)
	// propose makes the plan; nil where next makes it.
	propose func(r *rig) (rollout.Proposal, error)
}

func crossings() []crossing {
	restore := func(r *rig) (rollout.Proposal, error) { return r.engine.ProposeRestore(ctx, domain, nil) }
	undo := func(r *rig) (rollout.Proposal, error) { return r.engine.ProposeUndo(ctx, domain, nil) }
	stepBack := func(r *rig) (rollout.Proposal, error) { return r.engine.ProposeStepBack(ctx, domain, nil) }
	at := func(phase rollout.Phase, then func(r *rig)) func(*rig) {
		return func(r *rig) {
			r.create(hasty())
			r.to(phase)
			if then != nil {
				then(r)
			}
			// From here on gates wait, so that nothing but the plan moves the phase.
			if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error { s.Soak = testSettings().Soak; return nil }); err != nil {
				r.Fatal(err)
			}
		}
	}
	set := func(change func(s *rollout.Settings)) func(*rig) {
		return func(r *rig) {
			if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error { change(s); return nil }); err != nil {
				r.Fatal(err)
			}
		}
	}
	return []crossing{
		{"restore of a replaced body in testing", at(rollout.ReviewReports, func(r *rig) { r.box.body = rollout.Body(policy("enforce", 31557600).String()) }), restore},
		{"restore of body and record in enforce", at(rollout.RaiseMaxAge, func(r *rig) {
			r.box.body = rollout.Body("gone\r\n")
			r.box.set(txtName, "TXT", "v=STSv1; id=foreign;", "somebody else's")
		}), restore},
		{"restore of the record alone", at(rollout.ReviewReports, func(r *rig) { r.box.records[txtName+" TXT"] = rollout.Absent() }), restore},
		{"step back from a rung", at(rollout.RaiseMaxAge, nil), stepBack},
		{"step back over a foreign body", at(rollout.RaiseMaxAge, func(r *rig) { r.box.body = rollout.Body("gone\r\n") }), stepBack},
		{"undo of enforce", at(rollout.RaiseMaxAge, nil), undo},
		{"undo of phase 2", at(rollout.HostPolicy, nil), undo},
		{"correction of the MX list", at(rollout.ReviewReports, set(func(s *rollout.Settings) { s.MX = []string{"*.corp.test"} })), nil},
		{"correction of where reports go", at(rollout.ReviewReports, set(func(s *rollout.Settings) { s.RUA = append(s.RUA, "mailto:more@corp.test") })), nil},
		{"move of the policy host", at(rollout.ReviewReports, func(r *rig) {
			r.box.newHost["192.0.2.99"] = r.box.body
			set(func(s *rollout.Settings) { s.HostAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.99")} })(r)
		}), nil},
		{"the second id after a step back", at(rollout.RaiseMaxAge, func(r *rig) {
			r.box.cache = time.Hour
			if _, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil); err != nil {
				r.Fatal(err)
			}
			r.box.clock.wind(2 * time.Hour)
		}), nil},
	}
}

// cross brings the plan to its end: accepts it where it is not accepted yet, goes
// on with it where it is.
func (c crossing) cross(r *rig, plans int) {
	r.Helper()
	for range 10 {
		now := r.load()
		_, busy := now.Unfinished()
		switch {
		case busy:
			r.next()
		case len(now.Plans) > plans:
			return
		case c.propose == nil:
			shown, err := r.engine.Propose(ctx, domain, nil)
			if err != nil || shown.Plan.Empty() {
				r.Fatalf("no plan is due: %v", err)
			}
			if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
				r.Fatal(err)
			}
		default:
			shown, err := c.propose(r)
			if err != nil {
				r.Fatal(err)
			}
			if _, err := r.engine.CarryOut(ctx, shown.Plan, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
				r.Fatal(err)
			}
		}
	}
	r.Fatal("the plan does not come to its end")
}

// TestEveryPlanSurvivesBeingKilled states the property for every kind of plan: for
// any instant at which belay dies, it comes to the same end, writes each place once
// and uses no id twice.
func TestEveryPlanSurvivesBeingKilled(t *testing.T) {
	for _, c := range crossings() {
		t.Run(c.name, func(t *testing.T) {
			calm := newRig(t)
			c.ready(calm)
			instants := 0
			count := func(string) { instants++ }
			plans := len(calm.load().Plans)
			calm.box.die, calm.book.die = count, count
			c.cross(calm, plans)
			want := calm.load()
			for k := 1; k <= instants; k++ {
				r := newRig(t)
				c.ready(r)
				left := k
				die := func(instant string) {
					if left--; left == 0 {
						panic(instant)
					}
				}
				r.box.die, r.book.die = die, die
				for alive := false; !alive; {
					alive = func() (alive bool) {
						defer func() {
							if recover() != nil {
								r.book.locked = map[string]bool{}
								r.box.clock.wind(time.Minute)
							}
						}()
						c.cross(r, plans)
						return true
					}()
				}
				got := r.load()
				if !maps.Equal(r.box.writes, calm.box.writes) {
					t.Errorf("killed at instant %d: writes %v, undisturbed %v", k, r.box.writes, calm.box.writes)
				}
				if got.Phase != want.Phase || got.Mode() != want.Mode() || got.Rung() != want.Rung() || r.box.body.String() != calm.box.body.String() {
					t.Errorf("killed at instant %d: ends in %s, %s at %d serving %s", k, got.Phase, got.Mode(), got.Rung(), r.box.body)
				}
				sound(t, got)
			}
		})
	}
}

// sound fails where a rollout's notes are not what they promise: an id used twice,
// a body served by two entries, more than one open entry while nothing is unfinished.
func sound(t *testing.T, r rollout.Rollout) {
	t.Helper()
	seen := map[string]bool{}
	open := 0
	for _, e := range r.Ledger {
		for _, id := range e.IDs {
			if seen[id] {
				t.Errorf("id %s was announced twice", id)
			}
			seen[id] = true
		}
		if e.Until.IsZero() {
			open++
		}
	}
	if _, busy := r.Unfinished(); !busy && open != 1 && r.Mode() != mtasts.None {
		t.Errorf("%d entries of the ledger are open", open)
	}
	if compact := slices.Compact(slices.Sorted(slices.Values(r.UsedIDs))); len(compact) != len(r.UsedIDs) {
		t.Errorf("ids used: %v", r.UsedIDs)
	}
}

// What an earlier walk wrote may have been put back before it was seen: going on
// reads it again and writes it again, or shows that somebody changed it.
func TestResumingReadsAgainWhatItWrote(t *testing.T) {
	half := func(t *testing.T) *rig {
		r := newRig(t)
		r.engine.Patience = time.Nanosecond
		r.create(hasty())
		r.to(rollout.HostPolicy)
		nothing := rollout.Absent()
		r.box.behind = &nothing
		r.next() // the body is written and not seen everywhere
		r.box.behind = nil
		return r
	}
	t.Run("put back", func(t *testing.T) {
		r := half(t)
		r.box.body = rollout.Absent()
		r.to(rollout.ReviewReports)
	})
	t.Run("changed by somebody else", func(t *testing.T) {
		r := half(t)
		r.box.body = rollout.Body("somebody else's\r\n")
		shown, err := r.engine.Propose(ctx, domain, nil)
		if err != nil || shown.Resumes || len(shown.Plan.Foreign()) == 0 {
			t.Errorf("%v; resumes %v %s", err, shown.Resumes, shown.Plan.Edits)
		}
	})
	t.Run("a verified body gone before its id", func(t *testing.T) {
		r := newRig(t)
		r.create(hasty())
		r.to(rollout.HostPolicy)
		r.box.fail = nil
		writes := 0
		r.box.die = func(instant string) {
			if writes++; writes == 3 {
				panic(instant) // before the record is written
			}
		}
		func() {
			defer func() { _ = recover(); r.book.locked = map[string]bool{} }()
			r.next()
		}()
		if r.box.records[txtName+" TXT"].Exists || !r.box.body.Exists {
			t.Fatal("the test needs a body whose id is still to come")
		}
		r.box.body = rollout.Absent()
		r.box.clock.wind(2 * time.Minute)
		r.to(rollout.ReviewReports)
		sound(t, r.load())
	})
}

// A plan that was accepted under other settings is made again, for it would be held
// up for ever.
func TestSettingsOutdateAnUnfinishedPlan(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.HostPolicy)
	r.box.fail = errors.New("disk full")
	if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil {
		t.Fatal("the host did not fail")
	}
	r.box.mx = append(r.box.mx, "mx3.corp.test")
	r.box.clock.wind(time.Minute)
	if p := r.next(); p.Applied || p.Gate.Closed()[0].Code != rollout.ReasonCover {
		t.Fatalf("a resumed plan leaves an MX host out: %s", reasons(p.Gate))
	}
	old := r.load().Plans[1].Plan.Edits[1].PolicyID
	if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error { s.MX = []string{"*.corp.test"}; return nil }); err != nil {
		t.Fatal(err)
	}
	r.to(rollout.ReviewReports)
	live, id, _ := r.load().Live()
	if !slices.Equal(live.MX, []string{"*.corp.test"}) || id == old {
		t.Errorf("published %v under %s", live.MX, id)
	}
	sound(t, r.load())
}

// Half a step back is made again where it cannot go on, and never turned into the
// phase's own plan, which would enforce anew.
func TestHalfAStepBackIsNeverEnforcedAnew(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	old := r.box.body
	r.box.behind = &old
	if _, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	r.box.behind = nil
	r.box.set(txtName, "TXT", append(r.box.records[txtName+" TXT"].Records, "somebody's word")...)
	r.box.clock.wind(time.Minute)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := shown.Plan.Policy(); shown.Plan.Purpose != rollout.ForStepBack || p.Mode == mtasts.Enforce {
		t.Fatalf("next offers %s: %v", shown.Plan.Purpose, shown.Plan.Edits)
	}
	if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
		t.Fatal(err)
	}
	if end := r.load(); end.Mode() != mtasts.Testing || end.Phase == rollout.RaiseMaxAge {
		t.Errorf("ends in %s, %s", end.Phase, end.Mode())
	}
}
