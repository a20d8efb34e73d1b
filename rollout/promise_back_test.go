package rollout_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// The emergency exit works whatever else does not.
func TestStepBackAlwaysWorks(t *testing.T) {
	for _, row := range []struct {
		name string
		when func(r *rig)
	}{
		{"a look that is cut short", func(r *rig) { r.box.cut = errors.New("deadline") }},
		{"every MX host broken", func(r *rig) { r.box.faults = append(r.box.faults, brokenMX2) }},
		{"an MX host that no pattern covers", func(r *rig) { r.box.mx = append(r.box.mx, "mx3.corp.test") }},
		{"somebody else's words at every place", func(r *rig) {
			r.box.body = rollout.Body("not a policy\r\n")
			r.box.set(txtName, "TXT", "v=STSv1; id=theirs;", "v=STSv1; id=again;")
		}},
		{"nothing at any place", func(r *rig) { r.box.body, r.box.records[txtName+" TXT"] = rollout.Absent(), rollout.Absent() }},
		{"a half-walked plan for the next rung", func(r *rig) { r.dieAt(3) }},
		{"a begun edit whose place cannot be read", func(r *rig) {
			r.set(func(s *rollout.Settings) { s.RUA = append(s.RUA, "mailto:more@corp.test") })
			r.dieAt(1)
			r.box.unread = map[string]error{rptName + " TXT": errors.New("401")}
		}},
		{"a junk body in the ledger", func(r *rig) {
			r.box.body = rollout.Body("not a policy\r\n")
			restore, err := r.engine.ProposeRestore(ctx, domain, nil)
			if err != nil {
				r.Fatal(err)
			}
			r.box.fail = errors.New("disk full")
			if _, err := r.engine.CarryOut(ctx, restore.Plan, yes, nil); err == nil {
				r.Fatal("the host did not fail")
			}
		}},
		{"a wait of an hour", func(r *rig) { r.box.cache = time.Hour }},
		{"a clock that was set back", func(r *rig) { r.box.clock.wind(-48 * time.Hour) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.create(hasty())
			r.to(rollout.RaiseMaxAge)
			_, before, _ := r.load().Live()
			row.when(r)
			_, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil)
			if err != nil && r.box.cut == nil {
				t.Fatal(err)
			}
			end := r.load()
			_, id, _ := end.Live()
			if end.Mode() != mtasts.Testing || strings.Contains(r.box.body.Body, "enforce") || id == before || end.Phase != rollout.ReviewReports {
				t.Errorf("ends in %s, %s, serving %s under %s", end.Phase, end.Mode(), r.box.body, id)
			}
			sound(t, end)
		})
	}
}

// A restore or an undo needs to have seen the MX hosts.
func TestOnlyTheStepBackGoesByACutLook(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	r.box.body = rollout.Absent()
	r.box.cut = errors.New("deadline")
	if _, err := r.engine.ProposeRestore(ctx, domain, nil); !errors.Is(err, r.box.cut) {
		t.Errorf("restore by half a look: %v", err)
	}
}

// A body whose writing failed stands nowhere: it closes when a new plan takes its
// place, and is not what belay takes for served.
func TestABodyThatWasNeverWrittenIsNotServed(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	r.box.fail = errors.New("disk full")
	if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil {
		t.Fatal("the host did not fail")
	}
	r.set(func(s *rollout.Settings) { s.Soak, s.RUA = testSettings().Soak, append(s.RUA, "mailto:more@corp.test") })
	r.set(func(s *rollout.Settings) { s.MaxAge = rollout.WeekMaxAge - 1 })
	r.box.clock.wind(time.Minute)
	r.next()
	end := r.load()
	serving, _ := end.Serving()
	if serving.Body != r.box.body.Body {
		t.Errorf("the ledger takes max_age %d for served", serving.MaxAge)
	}
	sound(t, end)
}
