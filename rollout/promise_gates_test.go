package rollout_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

var (
	brokenMX2 = finding.New("M09", "mx2.corp.test [192.0.2.12]", "the certificate expired")
	unseenMX2 = func() finding.Finding {
		f := finding.New("M05", "mx2.corp.test [2001:db8::12]", "no route from here").As(finding.Warn)
		f.Unknown = true
		return f
	}()
)

func has(g rollout.Gate, code string) bool {
	return slices.ContainsFunc(g.Closed(), func(x rollout.Reason) bool { return x.Code == code })
}

// A plan that enforces is resumed an hour later: the gate that led in is computed
// again, before the next intent, whatever was written before.
func TestResumedEnforceWaitsAtTheGateThatLedIn(t *testing.T) {
	for _, row := range []struct {
		name string
		dies int // instant of the walk at which belay dies
	}{
		{"before anything was written", 1},
		{"with the body written and its id to come", 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.create(hasty())
			r.to(rollout.Enforce)
			dies := 0
			r.box.die = func(instant string) {
				if dies++; dies == row.dies {
					panic(instant)
				}
			}
			func() {
				defer func() { _ = recover(); r.book.locked = map[string]bool{} }()
				r.next()
			}()
			r.box.die = func(string) {}
			before := r.box.writes[txtName+" TXT"]
			r.box.clock.wind(time.Hour)
			r.box.faults = []finding.Finding{brokenMX2}
			if _, busy := r.load().Unfinished(); !busy {
				t.Fatal("the test needs an unfinished plan")
			}
			if p := r.next(); !has(p.Gate, "M09") || r.box.writes[txtName+" TXT"] != before {
				t.Fatalf("went on: %s", reasons(p.Gate))
			}
			if _, err := r.engine.Override(ctx, domain, "I know better"); !errors.Is(err, rollout.ErrRefused) {
				t.Errorf("overridden: %v", err)
			}
			// The way out stands open all the while.
			if strings.Contains(r.box.body.Body, "enforce") {
				if _, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil); err != nil || strings.Contains(r.box.body.Body, "enforce") {
					t.Errorf("step back: %v", err)
				}
				sound(t, r.load())
				return
			}
			r.box.faults = nil
			r.box.clock.wind(time.Minute)
			if r.next(); r.load().Mode() != mtasts.Enforce {
				t.Error("mended, and still waiting")
			}
		})
	}
}

// The gate that is shown is the gate that is overridden: in phase 5, before the
// mode is turned, the one that led in.
func TestOverrideCoversTheGateThatLedIn(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.Enforce)
	r.set(func(s *rollout.Settings) { s.Soak = testSettings().Soak })
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || shown.Gate.Open {
		t.Fatalf("the test needs a closed gate: %v", err)
	}
	g, err := r.engine.Override(ctx, domain, "the board decided")
	if err != nil || !g.Open {
		t.Fatalf("override: %v %s", err, reasons(g))
	}
	r.box.clock.wind(time.Minute)
	if r.next(); r.load().Mode() != mtasts.Enforce {
		t.Fatal("the override does not hold")
	}
	// It ended with the plan: the way out of phase 5 has its own time.
	r.box.clock.wind(time.Minute)
	if p := r.next(); p.Moved || p.Gate.Open {
		t.Error("an override of gate 4 opened gate 5")
	}
}

// An override covers the reasons that a gate lists; an old look lists none.
func TestOverrideNeedsAFreshLook(t *testing.T) {
	r := newRig(t)
	r.create(testSettings())
	r.to(rollout.ReviewReports)
	r.box.clock.wind(2 * time.Hour)
	if _, err := r.engine.Override(ctx, domain, "the board decided"); !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), "belay check") {
		t.Errorf("overrode what nobody saw: %v", err)
	}
	if _, err := r.engine.Check(ctx, domain, nil); err != nil {
		t.Fatal(err)
	}
	if g, err := r.engine.Override(ctx, domain, "the board decided"); err != nil || !g.Open {
		t.Errorf("%v %s", err, reasons(g))
	}
}

// A waived unknown is waived at every later gate until its subject answers; it
// never covers a failure of the same subject, nor the same unknown come again.
func TestWaivedUnknown(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.box.faults = []finding.Finding{unseenMX2}
	if p := r.next(); p.Moved || !has(p.Gate, "M05") {
		t.Fatalf("an unknown holds nothing: %s", reasons(p.Gate))
	}
	if _, err := r.engine.Override(ctx, domain, "we have no IPv6 here"); err != nil {
		t.Fatal(err)
	}
	r.to(rollout.RaiseMaxAge)
	r.box.faults = []finding.Finding{finding.New("M05", unseenMX2.Subject, "nothing answers")}
	r.box.clock.wind(time.Minute)
	if p := r.next(); p.Applied || p.Moved {
		t.Fatal("a waived unknown covered a failure")
	}
	r.box.faults = nil
	r.box.clock.wind(time.Minute)
	r.set(func(s *rollout.Settings) { s.Soak = testSettings().Soak })
	r.next()
	r.box.faults = []finding.Finding{unseenMX2}
	r.box.clock.wind(time.Minute)
	if p := r.next(); !has(p.Gate, "M05") {
		t.Errorf("it answered meanwhile, and the old waiver covers it: %s", reasons(p.Gate))
	}
}

// A correction of an enforced policy raises nothing, whatever the place holds.
func TestACorrectionRaisesNothing(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	rung := r.load().Rung()
	r.set(func(s *rollout.Settings) { s.Soak, s.MX = testSettings().Soak, []string{"*.corp.test"} })
	r.next()
	if end := r.load(); end.Rung() != rung || end.Mode() != mtasts.Enforce {
		t.Errorf("corrected to %s at %d from %d", end.Mode(), end.Rung(), rung)
	}
}

// Lists are lists in JSON, and times are UTC.
func TestJSONHasNoNullLists(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	for range 4 {
		b, err := json.Marshal(r.next())
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range []string{`"edits":null`, `"reasons":null`, `"findings":null`} {
			if strings.Contains(string(b), list) {
				t.Errorf("%s in %s", list, b)
			}
		}
		r.box.clock.wind(time.Minute)
	}
	for _, line := range r.book.lines[domain] {
		if !strings.Contains(string(line), `Z"`) || strings.Contains(string(line), "+0") {
			t.Errorf("a time that is not UTC: %s", line)
		}
	}
}

// A look without a lock that began before another belay's walk shows what is no
// more: it is not kept, and no drift.
func TestALookOvertakenByAWalkIsNotKept(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.set(func(s *rollout.Settings) { s.MX = []string{"*.corp.test"} })
	r.box.looking = func() {
		r.box.clock.wind(time.Second)
		r.next() // another belay corrects the policy meanwhile
	}
	seen, err := r.engine.Check(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := r.load()
	if now.Evidence.At.Before(now.Changed) {
		t.Error("the older look was kept")
	}
	for _, fs := range [][]finding.Finding{seen.Findings, now.Evidence.Findings} {
		if slices.ContainsFunc(fs, func(f finding.Finding) bool { return f.Code == "O12" }) {
			t.Error("another belay's own work was taken for drift")
		}
	}
	if slices.ContainsFunc(now.History.Runs, func(run rollout.Run) bool { return run.Code == "O12" }) {
		t.Error("drift stands in the history")
	}
}

// What the provider held at an earlier look is no word about now.
func TestDriftThatWasMendedByHandIsSeenByACheck(t *testing.T) {
	r := newRig(t)
	r.create(testSettings())
	r.to(rollout.ReviewReports)
	good := r.box.records[txtName+" TXT"]
	r.box.set(txtName, "TXT", "v=STSv1; id=foreign;")
	r.next()
	r.box.records[txtName+" TXT"] = good
	r.box.clock.wind(time.Minute)
	seen, err := r.engine.Check(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if g := r.engine.GateOf(r.load()); has(g, rollout.ReasonDrift) || len(seen.Findings) > 0 {
		t.Errorf("still drifted: %v %s", seen.Findings, reasons(g))
	}
}

// A journal that lacks what its kind must name is an error that names the entry.
func TestFoldNamesABrokenEntry(t *testing.T) {
	for _, kind := range []rollout.EntryKind{rollout.Created, rollout.Set, rollout.Accepted, rollout.Received, rollout.Intended, "later"} {
		_, err := rollout.Fold(domain, []rollout.Entry{{Seq: 7, Kind: kind}})
		if err == nil || !strings.Contains(err.Error(), "entry 7 ("+string(kind)+")") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
