package rollout_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

func (r *rig) set(change func(s *rollout.Settings)) {
	r.Helper()
	if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error { change(s); return nil }); err != nil {
		r.Fatal(err)
	}
}

// Somebody else's enforce that appears after the rollout began is never lowered by
// phase 3: it is adopted.
func TestForeignEnforceIsNeverLoweredByPhaseThree(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.HostPolicy)
	r.box.body = rollout.Body(policy("enforce", 604800).String())
	r.box.set(txtName, "TXT", "v=STSv1; id=theirs; x=1;")
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if shown.Drift == nil || len(shown.Drift.Adopt) == 0 || shown.Drift.RestoreRefused == "" || shown.Gate.Open {
		t.Fatalf("a plan is offered in place of adopting: %v", shown.Plan.Edits)
	}
	got, err := r.engine.Adopt(ctx, domain, "the other team was faster", adopting, nil)
	if err != nil || got.Phase != rollout.RaiseMaxAge || got.Mode() != mtasts.Enforce {
		t.Fatalf("adopted into %s, %s: %v", got.Phase, got.Mode(), err)
	}
	if _, err := r.engine.Adopt(ctx, domain, "again", adopting, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("adopted where nothing differs: %v", err)
	}
	// Its extension fields outlive what belay publishes over it.
	r.next()
	if txt := r.box.records[txtName+" TXT"].String(); r.load().Rung() == 604800 && !strings.Contains(txt, "id=theirs") || !strings.Contains(txt, "x=1") {
		t.Errorf("the record reads %s", txt)
	}
}

// A step back lowers somebody else's enforce too.
func TestStepBackFromAForeignEnforce(t *testing.T) {
	r := newRig(t)
	r.create(testSettings())
	r.to(rollout.ReviewReports)
	r.box.body = rollout.Body(policy("enforce", 31557600).String())
	r.box.set(txtName, "TXT", "v=STSv1; id=theirs;")
	if _, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	end := r.load()
	if strings.Contains(r.box.body.Body, "enforce") || end.Mode() != mtasts.Testing || !end.UsesID("theirs") {
		t.Errorf("serves %s; ids %v", r.box.body, end.UsedIDs)
	}
	if hold := end.Ledger.HeldUntil(r.box.clock.Now()); hold.Before(start.Add(rollout.LongestMaxAge * time.Second)) {
		t.Errorf("the foreign enforce may be held for a year; the ledger says until %s", hold)
	}
}

// Somebody who changed the body alone left the id as it was: once that is adopted,
// a new id tells the senders that hold the old policy.
func TestAdoptedBodyUnderAnOldIDGetsItsOwn(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	r.set(func(s *rollout.Settings) { s.Soak = testSettings().Soak })
	_, old, _ := r.load().Live()
	r.box.body = rollout.Body(policy("testing", 86400).String())
	restore, err := r.engine.ProposeRestore(ctx, domain, nil)
	if !errors.Is(err, rollout.ErrRefused) {
		t.Fatalf("restore would raise what is live and announced: %v, %v", err, restore.Plan.Edits)
	}
	if got, err := r.engine.Adopt(ctx, domain, "stepped back by hand", adopting, nil); err != nil || got.Phase != rollout.ReviewReports {
		t.Fatalf("adopt: %v", err)
	}
	r.next()
	end := r.load()
	if _, id, _ := end.Live(); id == old || end.Mode() != mtasts.Testing {
		t.Errorf("still announced under %s", id)
	}
	if p := r.next(); p.Applied {
		t.Error("and again")
	}
}

// A restore that was shown long ago is judged by what stands now: it does not enforce
// an MX host that has broken since, and puts back what is whole.
func TestRestoreIsJudgedByAFreshLook(t *testing.T) {
	for name, row := range map[string]struct {
		faults []finding.Finding
		wrote  bool
	}{
		"an MX host has broken since": {[]finding.Finding{finding.New("M09", "mx2.corp.test [192.0.2.12]", "the certificate expired")}, false},
		"nothing has broken since":    {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.create(hasty())
			r.to(rollout.RaiseMaxAge)
			r.box.body = rollout.Absent()
			restore, err := r.engine.ProposeRestore(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.box.clock.wind(30 * rollout.Day)
			r.box.faults = row.faults
			p, err := r.engine.CarryOut(ctx, restore.Plan, rollout.Consent{Shown: &restore.Plan}, nil)
			if err != nil || r.box.body.Exists != row.wrote || p.Applied != row.wrote || p.Gate.Open && !row.wrote {
				t.Fatalf("serves %s, wrote %v, want %v: %s, %v", r.box.body, p.Applied, row.wrote, reasons(p.Gate), err)
			}
			if !row.wrote && (p.Gate.Closed()[0].Code != "M09" || !p.Gate.Closed()[0].Final) {
				t.Errorf("held up by %s", reasons(p.Gate))
			}
		})
	}
}

// A restore does not enforce a broken MX host, when it is resumed either.
func TestRestoreIsNotResumedOverABrokenMX(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	r.box.body = rollout.Absent()
	restore, err := r.engine.ProposeRestore(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.box.fail = errors.New("disk full")
	if _, err := r.engine.CarryOut(ctx, restore.Plan, yes, nil); err == nil {
		t.Fatal("the host did not fail")
	}
	r.box.faults = []finding.Finding{finding.New("M09", "mx2.corp.test [192.0.2.12]", "the certificate expired")}
	if p := r.next(); r.box.body.Exists || p.Applied || !p.Gate.Closed()[0].Final {
		t.Errorf("restored enforce over a broken MX host: %s", reasons(p.Gate))
	}
	r.box.faults = nil
	r.box.clock.wind(time.Minute)
	if r.next(); !r.box.body.Exists {
		t.Error("not resumed once it is mended")
	}
}

// The policy host moves only to where the same policy is served; that is looked at
// right before the address is written, when a plan is resumed too.
func TestHostMovesOnlyWhereThePolicyIs(t *testing.T) {
	moving := func(t *testing.T, to ...string) *rig {
		r := newRig(t)
		r.create(hasty())
		r.to(rollout.ReviewReports)
		r.set(func(s *rollout.Settings) {
			s.Soak, s.HostAddresses = testSettings().Soak, nil
			for _, a := range to {
				s.HostAddresses = append(s.HostAddresses, netip.MustParseAddr(a))
			}
		})
		return r
	}
	t.Run("resumed when the new host is gone", func(t *testing.T) {
		r := moving(t, "192.0.2.99")
		r.box.newHost["192.0.2.99"] = r.box.body
		r.box.fail = errors.New("busy")
		if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil {
			t.Fatal("the provider did not fail")
		}
		delete(r.box.newHost, "192.0.2.99")
		r.box.clock.wind(time.Hour)
		if p := r.next(); p.Applied || r.box.records[host+" A"].Records[0] != "192.0.2.20" {
			t.Errorf("moved: %s", reasons(p.Gate))
		}
	})
	t.Run("one of two families serves another policy", func(t *testing.T) {
		r := moving(t, "192.0.2.99", "2001:db8::99")
		r.box.newHost["192.0.2.99"] = r.box.body
		r.box.newHost["2001:db8::99"] = rollout.Body(policy("testing", 86400, "old.corp.test").String())
		if p := r.next(); p.Applied {
			t.Error("moved")
		}
	})
	t.Run("a family without a route from here is unknown", func(t *testing.T) {
		r := moving(t, "192.0.2.99", "2001:db8::99")
		r.box.newHost["192.0.2.99"] = r.box.body
		r.box.noRoute = map[string]bool{"2001:db8::99": true}
		if p := r.next(); !p.Applied {
			t.Errorf("not moved: %s", reasons(p.Gate))
		}
	})
	t.Run("no family can be asked", func(t *testing.T) {
		r := moving(t, "2001:db8::99")
		r.box.noRoute = map[string]bool{"2001:db8::99": true}
		if p := r.next(); p.Applied {
			t.Error("moved")
		}
	})
	t.Run("one address less", func(t *testing.T) {
		r := newRig(t)
		s := hasty()
		s.HostAddresses = append(s.HostAddresses, netip.MustParseAddr("2001:db8::20"))
		r.create(s)
		r.to(rollout.ReviewReports)
		r.set(func(s *rollout.Settings) { s.HostAddresses = s.HostAddresses[:1] })
		if r.next(); r.box.records[host+" AAAA"].Exists || !r.box.records[host+" A"].Exists {
			t.Errorf("%v", r.box.records)
		}
	})
	t.Run("undone", func(t *testing.T) {
		r := moving(t, "192.0.2.99")
		r.box.newHost["192.0.2.99"] = r.box.body
		r.next()
		mode := r.load().Mode()
		back, err := r.engine.ProposeUndo(ctx, domain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil || p.Applied {
			t.Fatalf("the old host serves nothing, and undo points there: %v", err)
		}
		r.box.newHost["192.0.2.20"] = r.box.body
		if p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil || !p.Applied || r.box.records[host+" A"].Records[0] != "192.0.2.20" {
			t.Fatalf("not undone: %v %s", err, reasons(p.Gate))
		}
		if end := r.load(); end.Mode() != mode || end.HostMoved.IsZero() {
			t.Errorf("ends in %s", end.Mode())
		}
	})
}

// Belay puts the policy at another place first; that is no new policy, no new id,
// and no new beginning of the clean time.
func TestAnotherPlaceIsNoNewPolicy(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	before := r.to(rollout.ReviewReports)
	clean, _ := before.CleanSince(r.box.clock.Now())
	r.box.clock.wind(rollout.Day)
	body := r.box.body
	r.box.body = rollout.Absent() // what the new place holds
	r.box.served = &body
	r.box.newHost["192.0.2.99"] = body
	r.set(func(s *rollout.Settings) {
		s.Soak = testSettings().Soak
		s.Host.Place, s.HostAddresses = "/srv/new", []netip.Addr{netip.MustParseAddr("192.0.2.99")}
	})
	p := r.next()
	if !p.Applied || len(p.Edits) != 2 {
		t.Fatalf("moved by %d edits: %s", len(p.Edits), reasons(p.Gate))
	}
	r.box.served = nil
	end := r.load()
	if len(end.Ledger) != len(before.Ledger) || len(end.UsedIDs) != len(before.UsedIDs) {
		t.Errorf("%d bodies under %v", len(end.Ledger), end.UsedIDs)
	}
	if now, why := end.CleanSince(r.box.clock.Now()); !now.Equal(clean) {
		t.Errorf("clean since %s (%s), was %s", now, why, clean)
	}
	if back, err := r.engine.ProposeUndo(ctx, domain, nil); err != nil || slices.ContainsFunc(back.Plan.Edits, rollout.Edit.Announces) {
		t.Errorf("undoing a move publishes: %v", err)
	}
}

func TestOnePlaceHoweverItIsSpelt(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	for _, place := range []string{"/srv/www", "/srv/www/", "/srv/./www", "/srv/other/../www"} {
		s := hasty()
		s.Host.Place = place
		var taken *rollout.TakenError
		if _, err := r.engine.Create(ctx, "other.test", s, rollout.AdoptConsent{Given: true}, nil); !errors.As(err, &taken) || taken.Domain != domain {
			t.Errorf("%s: %v", place, err)
		}
	}
	// Set elsewhere and not moved yet: the policy is still served from there.
	r.set(func(s *rollout.Settings) { s.Host.Place = "/srv/new" })
	var taken *rollout.TakenError
	if _, err := r.engine.Create(ctx, "other.test", hasty(), rollout.AdoptConsent{Given: true}, nil); !errors.As(err, &taken) {
		t.Errorf("took the place of a policy that is still served: %v", err)
	}
}

// A body that one address alone serves may have been fetched there: it enters the
// ledger before a plan replaces it, and takes no other's place.
func TestABodyAtOneAddressEntersTheLedger(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.set(func(s *rollout.Settings) { s.Soak, s.MX = testSettings().Soak, []string{"*.corp.test"} })
	r.box.second = policy("enforce", 31557600).String()
	r.box.clock.wind(time.Hour)
	r.next()
	end := r.load()
	i := slices.IndexFunc(end.Ledger, func(e rollout.LedgerEntry) bool { return e.Foreign && e.MaxAge == 31557600 })
	if i < 0 || end.Ledger[i].Until.IsZero() || !end.Ledger[i].Live.IsZero() {
		t.Fatalf("the ledger has %+v", end.Ledger)
	}
	if hold := end.Ledger.HeldUntil(r.box.clock.Now()); hold.Before(start.Add(rollout.LongestMaxAge * time.Second)) {
		t.Errorf("held until %s", hold)
	}
	sound(t, end)
}

func TestAdoptingNeedsAReason(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	if _, err := r.engine.Adopt(ctx, domain, " ", adopting, nil); !errors.Is(err, rollout.ErrRefused) || !strings.Contains(err.Error(), "reason") {
		t.Errorf("adopted: %v", err)
	}
}
