package rollout_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// strict is a box whose provider refuses some edits for a reason that does not
// show at their places, as DNS hosts refuse a record beside a CNAME.
type strict struct {
	*box
	refuses func(rollout.Edit) string // why; "" for an edit that it takes
}

func (s *strict) Open(context.Context, string, rollout.Settings) (rollout.Writer, error) {
	return s, nil
}

func (s *strict) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	if why := s.refuses(e); why != "" {
		return rollout.Receipt{Outcome: rollout.Refused, Saw: s.at(e), Detail: why}, rollout.ErrStale
	}
	return s.box.Apply(ctx, e)
}

// beside refuses a TXT record where an alias stands, and says so with a bell.
func (s *strict) beside(e rollout.Edit) string {
	if alias := s.records[e.Name+" CNAME"]; e.Type == "TXT" && e.After.Exists && alias.Exists {
		return "CNAME " + alias.String() + " stands\a at the same name"
	}
	return ""
}

// A CNAME that appears where an accepted plan is to write a TXT makes the plan a
// stale one, though the TXT reads as it did: the cause is told, and the new plan
// takes the alias away first.
func TestARefusedEditMakesItsPlanStale(t *testing.T) {
	for _, row := range []struct {
		shows string
		until rollout.Phase
		plan  func(r *rig)
	}{
		{"of a phase", rollout.HostPolicy, func(*rig) {}},
		{"of a step back", rollout.RaiseMaxAge, func(r *rig) {
			old := r.box.body
			r.box.behind = &old
			if _, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil); err != nil {
				r.Fatal(err)
			}
			r.box.behind = nil
		}},
	} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			r.engine.Patience = time.Nanosecond
			s := &strict{box: r.box}
			s.refuses = s.beside
			r.engine.Accounts = s
			r.create(hasty())
			r.to(row.until)
			row.plan(r)
			nothing := rollout.Absent()
			if _, busy := r.load().Unfinished(); !busy {
				r.box.behind = &nothing
				r.next() // the body is written and not seen everywhere
				r.box.behind = nil
			}
			r.box.set(txtName, "CNAME", "sts.vendor.test")
			purpose := r.load().Plans[len(r.load().Plans)-1].Plan.Purpose
			r.box.clock.wind(time.Minute)
			_, err := r.engine.Next(ctx, domain, yes, nil)
			if err == nil || !strings.Contains(err.Error(), "CNAME sts.vendor.test stands at the same name") || strings.Contains(err.Error(), "\a") {
				t.Errorf("the cause is not told: %v", err)
			}
			if half, _ := r.load().Unfinished(); strings.Contains(half.HalfState(), "already find its policy") {
				t.Errorf("of an id that was refused: %s", half.HalfState())
			}

			gate, err := r.engine.Mended(ctx, domain, time.Time{}, "nothing to the matter")
			if err != nil || !slices.ContainsFunc(gate.Reasons, func(x rollout.Reason) bool {
				return x.Code == rollout.ReasonBusy && strings.Contains(x.Fix, "belay next makes it again")
			}) {
				t.Errorf("%v; what becomes of the plan: %+v", err, gate.Reasons)
			}
			shown, err := r.engine.Propose(ctx, domain, nil)
			if err != nil || shown.Resumes || shown.Plan.Purpose != purpose || len(shown.Plan.Foreign()) == 0 || shown.Plan.Edits[0].Type != "CNAME" {
				t.Fatalf("%v; resumes %v, %s: %v", err, shown.Resumes, shown.Plan.Purpose, shown.Plan.Edits)
			}
			if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
				t.Fatal(err)
			}
			if end := r.load(); end.Phase != rollout.ReviewReports || r.box.records[txtName+" CNAME"].Exists {
				t.Errorf("ends in %s, with %s", end.Phase, r.box.records[txtName+" CNAME"])
			}
			sound(t, r.load())
		})
	}
}

// A plan that announces a body it does not write is stale when another body took
// that one's place.
func TestAnIDWhoseBodyIsGoneIsStale(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.set(func(s *rollout.Settings) { s.Soak = testSettings().Soak })
	r.box.records[txtName+" TXT"] = rollout.Absent()
	restore, err := r.engine.ProposeRestore(ctx, domain, nil)
	if err != nil || len(restore.Plan.Edits) != 1 {
		t.Fatalf("%v: %v", err, restore.Plan.Edits)
	}
	r.box.fail = errors.New("not now")
	if _, err := r.engine.CarryOut(ctx, restore.Plan, yes, nil); err == nil {
		t.Fatal("the provider did not fail")
	}
	r.box.body = rollout.Body(policy("testing", 604800).String())
	r.box.clock.wind(time.Minute)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || shown.Resumes || shown.Drift == nil {
		t.Fatalf("%v: resumes %v %v", err, shown.Resumes, shown.Plan.Edits)
	}
	if restore, err = r.engine.ProposeRestore(ctx, domain, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.CarryOut(ctx, restore.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if end := r.load(); end.Rung() != rollout.TestingMaxAge || !r.box.body.SamePolicy(rollout.Body(policy("testing", rollout.TestingMaxAge).String())) {
		t.Errorf("ends at %d, serving %s", end.Rung(), r.box.body)
	}
	sound(t, r.load())
}

// What a writer refused was not written by belay: it is nothing to be undone.
func TestUndoLeavesWhatWasRefused(t *testing.T) {
	r := newRig(t)
	s := &strict{box: r.box}
	s.refuses = func(e rollout.Edit) string {
		if e.Name == host {
			r.box.set(host, "A", "192.0.2.66") // somebody else was faster
			return "there stands 192.0.2.66"
		}
		return ""
	}
	r.engine.Accounts = s
	r.create(hasty())
	r.to(rollout.PublishDNS)
	if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil || !r.box.records[rptName+" TXT"].Exists {
		t.Fatalf("the test needs a plan half refused: %v", err)
	}
	undo, err := r.engine.ProposeUndo(ctx, domain, nil)
	if err != nil || len(undo.Plan.Edits) != 1 || undo.Plan.Edits[0].Name != rptName {
		t.Fatalf("%v: %v", err, undo.Plan.Edits)
	}
}
