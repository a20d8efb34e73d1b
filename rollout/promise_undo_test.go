package rollout_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// dieAt makes the next walk die at its nth write, before it is made or after.
func (r *rig) dieAt(n int) {
	r.Helper()
	at := 0
	r.box.die = func(instant string) {
		if at++; at == n {
			panic(instant)
		}
	}
	func() {
		defer func() { _ = recover(); r.book.locked = map[string]bool{} }()
		r.next()
	}()
	r.box.die = func(string) {}
	r.box.clock.wind(time.Minute)
}

// A rung whose body is served and whose id is still to come is undone to the
// policy that is announced, not to the one before it.
func TestUndoOfHalfARung(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	live, _, _ := r.load().Live()
	r.dieAt(3)
	if r.box.body.Body == live.Body {
		t.Fatal("the test needs the next rung's body")
	}
	r.set(func(s *rollout.Settings) { s.Soak = testSettings().Soak })
	back, err := r.engine.ProposeUndo(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	end := r.load()
	if end.Mode() != mtasts.Enforce || end.Rung() != live.MaxAge || r.box.body.Body != live.Body {
		t.Errorf("undone to %s at %d", end.Mode(), end.Rung())
	}
	sound(t, end)
}

// Half a step back is not undone: that would enforce.
func TestUndoOfHalfAStepBackIsRefused(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	old := r.box.body
	r.box.behind = &old
	if _, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if back, err := r.engine.ProposeUndo(ctx, domain, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("undo of a step back: %v %v", err, back.Plan.Edits)
	}
}

// What took an alias's place is undone in the other order, the removal first.
func TestUndoPutsAnAliasBackInOrder(t *testing.T) {
	for _, row := range []struct {
		name string
		at   string
		typ  string
	}{
		{"the policy host's", host, "A"},
		{"the report record's", tlsrpt.RecordName(domain), "TXT"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.box.set(row.at, "CNAME", "elsewhere.example")
			r.create(hasty())
			r.to(rollout.PublishDNS)
			shown, err := r.engine.Propose(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
				t.Fatal(err)
			}
			back, err := r.engine.ProposeUndo(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			removed := ""
			for _, e := range back.Plan.Edits {
				if e.Name == row.at && e.Type == row.typ {
					removed = e.ID
				}
				if e.Name == row.at && e.Type == "CNAME" && (len(e.Needs) != 1 || e.Needs[0] != removed || removed == "") {
					t.Errorf("the alias comes back before %s is gone: needs %v", row.typ, e.Needs)
				}
			}
			if _, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil {
				t.Fatal(err)
			}
			if got := r.box.records[row.at+" CNAME"].String(); got != "elsewhere.example" {
				t.Errorf("the alias is %s", got)
			}
		})
	}
}

// A second address that was added is taken away again; the last one is not.
func TestUndoTakesAwayWhatWasAddedAsLongAsAnAddressIsLeft(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.box.newHost["2001:db8::20"] = r.box.body
	r.set(func(s *rollout.Settings) {
		s.Soak = testSettings().Soak
		s.HostAddresses = append(s.HostAddresses, netip.MustParseAddr("2001:db8::20"))
	})
	r.next()
	if !r.box.records[host+" AAAA"].Exists {
		t.Fatal("the test needs a second address")
	}
	back, err := r.engine.ProposeUndo(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if r.box.records[host+" AAAA"].Exists || !r.box.records[host+" A"].Exists {
		t.Errorf("%v", r.box.records)
	}
}
