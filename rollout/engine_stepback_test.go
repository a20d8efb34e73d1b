package rollout_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

func TestStepBack(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	back, err := r.engine.ProposeStepBack(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.box.silent = true
	p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil)
	if err != nil {
		t.Fatal(err)
	}
	end := r.load()
	if p.Phase != rollout.ReviewReports || end.Mode() != mtasts.Testing || end.Rung() > 86400 {
		t.Errorf("stepped back to %s, %s at %d", p.Phase, end.Mode(), end.Rung())
	}
	if _, err := r.engine.ProposeStepBack(ctx, domain, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("a second step back has nothing to do: %v", err)
	}
}

func TestStepBackFromHalfAnEnforce(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.Enforce)
	testing := r.box.body
	r.box.behind = &testing // the second address still serves testing: the walk waits
	r.next()
	if r.load().Mode() != mtasts.Testing || !strings.Contains(r.box.body.Body, "enforce") {
		t.Fatal("the test needs an enforce body whose id is not announced")
	}
	r.box.behind = nil
	back, err := r.engine.ProposeStepBack(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.box.body.Body, "enforce") || r.load().Phase != rollout.ReviewReports {
		t.Errorf("serves %s in %s", r.box.body, r.load().Phase)
	}
}

func TestStepBackDoesNotWaitAndAnnouncesTwice(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	r.box.cache = time.Hour
	back, err := r.engine.ProposeStepBack(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil || p.Phase != rollout.ReviewReports {
		t.Fatalf("a shared cache held the step back up: %v %s", err, reasons(p.Gate))
	}
	_, first, _ := r.load().Live()
	if r.load().Reannounce.IsZero() {
		t.Fatal("no second id is due")
	}
	r.box.clock.wind(2 * time.Hour)
	p := r.next()
	_, second, _ := r.load().Live()
	if !p.Applied || second == first || !r.load().Reannounce.IsZero() {
		t.Errorf("the second id: applied %v, %s after %s", p.Applied, second, first)
	}
}

func TestUndo(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.HostPolicy)
	back, err := r.engine.ProposeUndo(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if r.box.records[rptName+" TXT"].Exists || r.box.records[host+" A"].Exists {
		t.Errorf("undo left %v", r.box.records)
	}
	r.to(rollout.ReviewReports)
	if _, err := r.engine.ProposeUndo(ctx, domain, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("a first publication was undone: %v", err)
	}
	r.to(rollout.RaiseMaxAge)
	back, err = r.engine.ProposeUndo(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := len(r.load().UsedIDs)
	if _, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if end := r.load(); end.Mode() != mtasts.Testing || len(end.UsedIDs) != ids+1 || end.Phase != rollout.ReviewReports {
		t.Errorf("undo of enforce: %s in %s with %d ids", end.Mode(), end.Phase, len(end.UsedIDs))
	}
	if _, err := r.engine.ProposeUndo(ctx, domain, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("undo turned the mode to enforce: %v", err)
	}
}

func TestUndoDoesNotTakeTheHostAway(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.HostPolicy)
	r.box.body = rollout.Body(policy("testing", 86400, "mx1.corp.test", "mx2.corp.test").String())
	r.next()
	journal, _ := r.book.Journal(ctx, domain)
	got, err := rollout.Fold(domain, journal)
	if err != nil {
		t.Fatal(err)
	}
	got.Plans = got.Plans[:1] // as if the address were the newest plan
	seen := *r.load().Evidence
	if _, err := got.Undo(seen, r.box.clock.Now()); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("undo took away the address of a policy that senders hold: %v", err)
	}
}

func TestResumedStepBackDoesNotLeadOn(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	enforcing := r.box.body
	r.box.behind = &enforcing // the second address does not follow
	back, err := r.engine.ProposeStepBack(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil)
	if err != nil || p.Gate.Open {
		t.Fatalf("the step back did not wait: %v", err)
	}
	if strings.Contains(reasons(p.Gate), "no sender can be told") {
		t.Errorf("one address serves the new body: %s", reasons(p.Gate))
	}
	r.box.behind = nil
	if p := r.next(); p.Phase != rollout.ReviewReports {
		t.Errorf("led on to %s in the same breath", p.Phase)
	}
}
