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
	"belay/rollout/tlsrpt"
)

// dieAt makes the next walk die at its nth write, before it is made or after.
func (r *rig) dieAt(n int) { r.dyingAt(n, func() { r.next() }) }

// dyingAt is dieAt for another walk than the next one's.
func (r *rig) dyingAt(n int, walk func()) {
	r.Helper()
	at := 0
	r.box.die = func(instant string) {
		if at++; at == n {
			panic(instant)
		}
	}
	func() {
		defer func() { _ = recover(); r.book.locked = map[string]bool{} }()
		walk()
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

// After an undo the gate waits for the edits that the next plan has, and names no others:
// in the phase that published them, in the one after, and while the undo is half done. What
// it made of the reports stays as it was.
func TestGateAndPlanNameTheSameEditsAfterAnUndo(t *testing.T) {
	for name, row := range map[string]struct {
		to    rollout.Phase
		half  bool
		edits []string
		holds string // the failure in the reports that holds the gate
	}{
		"the records of phase 2":                       {rollout.HostPolicy, false, []string{"_smtp._tls.corp.test TXT", "mta-sts.corp.test A"}, ""},
		"a second address, under a live policy":        {rollout.ReviewReports, false, []string{"mta-sts.corp.test AAAA"}, ""},
		"a second address, under a policy that failed": {rollout.ReviewReports, false, []string{"mta-sts.corp.test AAAA"}, "google.com/certificate-expired/mx1.corp.test"},
		"an undo that was cut short":                   {rollout.HostPolicy, true, []string{"mta-sts.corp.test A", "_smtp._tls.corp.test TXT"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.create(hasty())
			r.to(row.to)
			if row.to == rollout.ReviewReports {
				r.box.newHost["2001:db8::20"] = r.box.body
				r.set(func(s *rollout.Settings) {
					s.HostAddresses = append(s.HostAddresses, netip.MustParseAddr("2001:db8::20"))
				})
				r.next()
			}
			r.set(func(s *rollout.Settings) { s.Soak = testSettings().Soak })
			back, err := r.engine.ProposeUndo(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			if row.half {
				r.dyingAt(2, func() { _, err = r.engine.CarryOut(ctx, back.Plan, yes, nil) })
			} else {
				_, err = r.engine.CarryOut(ctx, back.Plan, yes, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			if row.holds != "" {
				today := r.box.clock.Now().UTC().Truncate(rollout.Day)
				on := func(day time.Time) func(*rollout.ReportDay) {
					return func(d *rollout.ReportDay) { d.Begins, d.Ends = day, day.Add(rollout.Day) }
				}
				r.book.reports = []rollout.ReportDay{
					report(1, google, met(tlsrpt.CertificateExpired, "mx1.corp.test", 3), on(today)),
					report(2, microsoft, on(today.Add(rollout.Day))),
				}
			}
			next, err := r.engine.Propose(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			var planned []string
			for _, e := range next.Plan.Edits {
				if busy, ok := next.Rollout.Unfinished(); !ok || !busy.Edits[e.ID].Settled() {
					planned = append(planned, e.Name+" "+e.Type)
				}
			}
			if !slices.Equal(planned, row.edits) {
				t.Errorf("the next plan has %q", planned)
			}
			for what, gate := range map[string]rollout.Gate{"the plan's gate": next.Gate, "status": r.engine.GateOf(r.load())} {
				var named []string
				for _, reason := range gate.Closed() {
					if reason.Code == rollout.ReasonEdits {
						named = append(named, reason.Subject)
					}
				}
				if !slices.Equal(named, planned) {
					t.Errorf("%s names %q, and the plan %q", what, named, planned)
				}
				if row.holds == "" {
					continue
				}
				if gate.CleanSince.IsZero() || !slices.Equal(gate.Counted, []string{microsoft}) || gate.Forecast == "" {
					t.Errorf("%s counts %q since %s: %q", what, gate.Counted, gate.CleanSince, gate.Forecast)
				}
				var holding []string
				for _, f := range r.load().Review(r.box.clock.Now()).Under(gate).Failures {
					holding = append(holding, f.Blocks...)
				}
				if !slices.Equal(holding, []string{row.holds}) || !strings.Contains(codes(gate.Closed()), "blocking "+row.holds) {
					t.Errorf("%s is held by %q, and closed by %s", what, holding, codes(gate.Closed()))
				}
			}
		})
	}
}
