package rollout_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

var (
	ctx     = context.Background()
	txtName = mtasts.RecordName(domain)
	rptName = tlsrpt.RecordName(domain)
	host    = mtasts.PolicyHost(domain)
	yes     = rollout.Consent{Given: true}
)

func policy(mode mtasts.Mode, maxAge uint32, mx ...string) mtasts.Policy {
	if len(mx) == 0 {
		mx = []string{"mx1.corp.test", "mx2.corp.test"}
	}
	return mtasts.Policy{Version: mtasts.Version, Mode: mode, MaxAge: maxAge, MX: mx}
}

func TestWholeWay(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	var way []string
	for range 20 {
		p := r.next()
		if p.Moved {
			way = append(way, string(p.Phase))
		}
		if p.Phase == rollout.Holding {
			break
		}
		r.box.clock.wind(time.Minute)
	}
	want := "publish-dns host-policy review-reports enforce raise-max-age raise-max-age holding"
	if got := strings.Join(way, " "); got != want {
		t.Errorf("moves\n got %s\nwant %s", got, want)
	}
	end := r.load()
	if end.Rung() != rollout.MonthMaxAge || end.Mode() != mtasts.Enforce {
		t.Errorf("ends with %s at max_age %d", end.Mode(), end.Rung())
	}
	seen := map[string]bool{}
	for _, e := range end.Ledger {
		if len(e.IDs) != 1 || seen[e.IDs[0]] {
			t.Errorf("body in mode %s at %d was announced under %v; each body has one id of its own", e.Mode, e.MaxAge, e.IDs)
			continue
		}
		seen[e.IDs[0]] = true
	}
	if got := r.box.writes[txtName+" TXT"]; got != 4 {
		t.Errorf("the record was written %d times, want 4: testing, enforce, two rungs", got)
	}
	if p := r.next(); p.Applied || p.Moved {
		t.Errorf("a plan applied twice changed something: %+v", p)
	}
}

// TestKilledAnywhere kills the walk before and after every commit and every
// write, one kill a run, and goes on with a new engine.
func TestKilledAnywhere(t *testing.T) {
	calm := newRig(t)
	calm.create(hasty())
	instants := 0
	count := func(string) { instants++ }
	calm.box.die, calm.book.die = count, count
	calm.to(rollout.Holding)
	for k := 1; k <= instants; k++ {
		r := newRig(t)
		r.create(hasty())
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
						r.book.locked = map[string]bool{} // death frees the lock
					}
				}()
				r.to(rollout.Holding)
				return true
			}()
		}
		if !maps.Equal(r.box.writes, calm.box.writes) {
			t.Errorf("killed at instant %d: writes %v, undisturbed %v", k, r.box.writes, calm.box.writes)
		}
		end := r.load()
		if end.Phase != rollout.Holding || end.Rung() != rollout.MonthMaxAge {
			t.Errorf("killed at instant %d: ends in %s at %d", k, end.Phase, end.Rung())
		}
	}
}

func TestAdoptedAtStart(t *testing.T) {
	for _, row := range []struct {
		name  string
		body  string
		txt   string
		phase rollout.Phase
		aim   uint32
	}{
		{"nothing", "", "", rollout.CheckMX, 0},
		{"testing", policy("testing", 86400).String(), "v=STSv1; id=1;", rollout.ReviewReports, 0},
		{"enforce for a day", policy("enforce", 86400).String(), "v=STSv1; id=1;", rollout.Enforce, 0},
		{"enforce for a week", policy("enforce", 604800).String(), "v=STSv1; id=1;", rollout.RaiseMaxAge, 604800},
		{"enforce at the target", policy("enforce", 2592000).String(), "v=STSv1; id=1;", rollout.Holding, 0},
		{"none", policy("none", 86400).String(), "v=STSv1; id=1;", rollout.CheckMX, 0},
		{"body without record", policy("enforce", 86400).String(), "", rollout.CheckMX, 0},
		{"record without body", "", "v=STSv1; id=1;", rollout.CheckMX, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			if row.body != "" {
				r.box.body = rollout.Body(row.body)
			}
			if row.txt != "" {
				r.box.set(txtName, "TXT", row.txt)
			}
			got := r.create(testSettings())
			if got.Phase != row.phase || got.Aim != row.aim {
				t.Errorf("starts in %s aiming at %d, want %s at %d", got.Phase, got.Aim, row.phase, row.aim)
			}
			if row.body+row.txt == "" {
				return
			}
			hold := got.Ledger.HeldUntil(r.box.clock.Now())
			if want := start.Add(rollout.LongestMaxAge * time.Second); hold.Before(want) {
				t.Errorf("senders may hold a policy from before belay for a year; the ledger says until %s", hold)
			}
			day := uint32(86400)
			set, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error { s.HeldBefore = &day; return nil })
			if err != nil {
				t.Fatal(err)
			}
			if hold := set.Ledger.HeldUntil(r.box.clock.Now()); hold.After(start.Add(rollout.LongestMaxAge * time.Second / 2)) {
				t.Errorf("the operator said a day, the ledger says until %s", hold)
			}
		})
	}
}

func TestForeignValueNeedsAShownPlan(t *testing.T) {
	r := newRig(t)
	r.box.set(rptName, "TXT", "v=TLSRPTv1; rua=mailto:old@corp.test", "unrelated")
	r.create(hasty())
	r.to(rollout.PublishDNS)
	if _, err := r.engine.Next(ctx, domain, yes, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Fatalf("--yes changed a value nobody was shown: %v", err)
	}
	if len(r.box.writes) > 0 {
		t.Fatalf("refused, yet wrote %v", r.box.writes)
	}
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
		t.Fatal(err)
	}
	got := r.box.records[rptName+" TXT"]
	if !slices.Contains(got.Records, "unrelated") || !strings.Contains(got.String(), "old@corp.test") || !strings.Contains(got.String(), "tlsrpt@corp.test") {
		t.Errorf("existing addresses and strangers' records must be kept; it reads %s", got)
	}
}

func TestStalePlanIsRefused(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.PublishDNS)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.box.set(host, "A", "198.51.100.1")
	if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("the record changed since the plan was shown, and it went through: %v", err)
	}
	if len(r.box.writes) > 0 {
		t.Errorf("wrote %v", r.box.writes)
	}
}

func TestLaggingServerIsWaitedFor(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.HostPolicy)
	old := rollout.Absent()
	r.box.behind = &old
	p := r.next()
	if p.Moved || p.Gate.Open {
		t.Fatalf("went on although a server is behind: %+v", p.Gate)
	}
	if r.box.records[txtName+" TXT"].Exists {
		t.Fatal("the id was announced before the body was seen everywhere")
	}
	r.box.behind = nil
	if p := r.next(); !p.Moved {
		t.Fatalf("stuck: %s", reasons(p.Gate))
	}
	if got := r.box.writes[mtasts.PolicyURL(domain)+" policy"]; got != 1 {
		t.Errorf("the body was written %d times", got)
	}
}

func TestSilentServerHoldsNothingUp(t *testing.T) {
	r := newRig(t)
	r.box.silent = true
	r.create(hasty())
	r.to(rollout.ReviewReports)
	if unseen := r.load().Plans[0].Edits["1"].Unseen; len(unseen) != 1 {
		t.Errorf("the server that gave no answer is not named: %v", unseen)
	}
}

func TestDrift(t *testing.T) {
	foreign := policy("enforce", 31557600)
	milder := policy("testing", 3600)
	for _, row := range []struct {
		name      string
		change    func(b *box)
		restore   bool
		adopt     rollout.Phase // empty where adopting is refused
		restoring int           // writes of the record by a restore
	}{
		{"body replaced", func(b *box) { b.body = rollout.Body(foreign.String()) }, true, rollout.Holding, 2},
		{"body gone", func(b *box) { b.body = rollout.Absent() }, true, "", 2},
		{"record gone", func(b *box) { b.records[txtName+" TXT"] = rollout.Absent() }, true, "", 2},
		{"record under a foreign id", func(b *box) { b.set(txtName, "TXT", "v=STSv1; id=foreign;") }, true, rollout.ReviewReports, 2},
		{"milder policy announced", func(b *box) {
			b.body = rollout.Body(milder.String())
			b.set(txtName, "TXT", "v=STSv1; id=milder;")
		}, false, rollout.ReviewReports, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.create(testSettings())
			r.to(rollout.ReviewReports)
			row.change(r.box)
			if p := r.next(); p.Applied || p.Moved || p.Gate.Open {
				t.Fatalf("next acted unasked: %+v", p)
			}
			shown, err := r.engine.Propose(ctx, domain, nil)
			if err != nil || shown.Drift == nil {
				t.Fatalf("no drift is shown: %v", err)
			}
			if got := shown.Drift.AdoptRefused == ""; got != (row.adopt != "") {
				t.Errorf("adopt offered: %v (%s)", got, shown.Drift.AdoptRefused)
			}
			restore, err := r.engine.ProposeRestore(ctx, domain, nil)
			if (err == nil) != row.restore {
				t.Fatalf("restore: %v", err)
			}
			if !row.restore {
				got, err := r.engine.Adopt(ctx, domain, "the other team did it", nil)
				if err != nil || got.Phase != row.adopt {
					t.Fatalf("adopt: %v, %s", err, got.Phase)
				}
				return
			}
			before := slices.Clone(r.load().UsedIDs)
			if p, err := r.engine.CarryOut(ctx, restore.Plan, rollout.Consent{Shown: &restore.Plan}, nil); err != nil || len(p.Edits) == 0 {
				t.Fatalf("restore: %v %s", err, reasons(p.Gate))
			}
			end := r.load()
			live, id, _ := end.Live()
			if live.Mode != mtasts.Testing || slices.Contains(before, id) || r.box.writes[txtName+" TXT"] != row.restoring {
				t.Errorf("restored to %s under %s with %d writes", live.Mode, id, r.box.writes[txtName+" TXT"])
			}
			if len(end.Drifted(*end.Evidence)) > 0 || end.Phase != rollout.ReviewReports {
				t.Errorf("still drifted, or in %s", end.Phase)
			}
			if row.name == "body replaced" && !end.Ledger.HeldUntil(r.box.clock.Now()).After(start.Add(300*rollout.Day)) {
				t.Error("the foreign body may have been fetched for a year and is not in the ledger")
			}
		})
	}
}

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

func TestIDWaitsForASharedCache(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.Enforce)
	r.box.cache = 3 * time.Hour
	p := r.next()
	if p.Moved || p.Gate.Until.Sub(r.box.clock.Now()) != 3*time.Hour {
		t.Fatalf("gate %+v", p.Gate)
	}
	r.box.clock.wind(time.Hour)
	if p := r.next(); p.Moved || r.load().Mode() == mtasts.Enforce {
		t.Fatal("the id did not wait")
	}
	if _, err := r.engine.Mended(ctx, domain, time.Time{}, "purged the cache"); err != nil {
		t.Fatal(err)
	}
	if r.next(); r.load().Mode() != mtasts.Enforce {
		t.Error("the cache was purged, and the id still waits")
	}
}

func TestIDWaitsForTheOldAddress(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	at := r.to(rollout.ReviewReports)
	body := r.box.body
	if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error {
		s.HostAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.99")}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if p := r.next(); p.Applied || r.box.records[host+" A"].Records[0] != "192.0.2.20" {
		t.Fatalf("moved to a host that serves nothing: %s", reasons(p.Gate))
	}
	r.box.newHost["192.0.2.99"] = body
	if p := r.next(); !p.Applied {
		t.Fatalf("not moved although the new host serves the same: %s", reasons(p.Gate))
	}
	if r.load().Phase.Before(at.Phase) {
		t.Error("the phase went back")
	}
	r.to(rollout.Enforce)
	if p := r.next(); p.Gate.Open || !p.Gate.Until.After(r.box.clock.Now()) {
		t.Errorf("the id does not wait for the old address's TTL: %+v", p.Gate)
	}
	r.box.clock.wind(10 * time.Minute)
	r.next()
	if r.load().Mode() != mtasts.Enforce {
		t.Error("the TTL is over, and the id still waits")
	}
}

func TestBrokenMXIsNeverEnforced(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.Enforce)
	r.box.faults = []finding.Finding{finding.New("M09", "mx2.corp.test [192.0.2.12]", "the certificate expired")}
	p := r.next()
	if p.Applied || r.load().Mode() == mtasts.Enforce {
		t.Fatal("enforced over a broken MX host")
	}
	if _, err := r.engine.Override(ctx, domain, "I know better"); err == nil {
		if p := r.next(); p.Applied {
			t.Fatal("an override enforced a broken MX host")
		}
	}
	if p.Gate.Closed()[0].Code != "M09" || !p.Gate.Closed()[0].Final {
		t.Errorf("the gate says %s", reasons(p.Gate))
	}
}

func TestOverrideOfPhaseOne(t *testing.T) {
	r := newRig(t)
	bad := finding.New("M09", "mx2.corp.test [192.0.2.12]", "the certificate expired")
	r.box.faults = []finding.Finding{bad}
	r.create(hasty())
	if p := r.next(); p.Moved {
		t.Fatal("left phase 1 with a broken MX host")
	}
	if _, err := r.engine.Override(ctx, domain, ""); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("an override without a reason: %v", err)
	}
	if _, err := r.engine.Override(ctx, domain, "mx2 goes next week"); err != nil {
		t.Fatal(err)
	}
	r.box.faults = append(r.box.faults, finding.New("M07", "mx1.corp.test [192.0.2.11]", "no STARTTLS"))
	if p := r.next(); p.Moved {
		t.Fatal("an override covered a reason that was not there when it was written")
	}
	r.box.faults = []finding.Finding{bad}
	if p := r.next(); !p.Moved {
		t.Errorf("the override does not hold: %s", reasons(p.Gate))
	}
}

func TestPolicyMustCoverTheMXSet(t *testing.T) {
	r := newRig(t)
	s := hasty()
	s.MX = []string{"mx1.corp.test"}
	r.create(s)
	r.to(rollout.HostPolicy)
	p := r.next()
	if p.Applied || r.box.body.Exists || p.Gate.Closed()[0].Code != rollout.ReasonCover {
		t.Errorf("published a policy that leaves mx2 out: %s", reasons(p.Gate))
	}
}

func TestCorrectionChangesOneThing(t *testing.T) {
	r := newRig(t)
	r.box.body = rollout.Body(policy("testing", 604800).String())
	r.box.set(txtName, "TXT", "v=STSv1; id=theirs;")
	r.box.set(host, "A", "192.0.2.20")
	s := hasty()
	s.MX = []string{"*.corp.test"}
	r.create(s)
	want := []mtasts.Policy{policy("testing", 604800, "*.corp.test"), policy("testing", 86400, "*.corp.test"), policy("enforce", 86400, "*.corp.test")}
	var got []mtasts.Policy
	for range 12 {
		shown, err := r.engine.Propose(ctx, domain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := shown.Plan.Policy(); ok {
			got = append(got, p)
		}
		if len(got) == len(want) {
			break
		}
		if _, err := r.engine.Next(ctx, domain, rollout.Consent{Given: true, Shown: &shown.Plan}, nil); err != nil {
			t.Fatal(err)
		}
		r.box.clock.wind(time.Minute)
	}
	for i := range want {
		if i >= len(got) || !got[i].Equal(want[i]) {
			t.Fatalf("policies in order\n got %v\nwant %v", got, want)
		}
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

func TestOneAtATime(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	release, err := r.book.Lock(domain, "bert@elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	var locked *rollout.LockedError
	if _, err := r.engine.Next(ctx, domain, yes, nil); !errors.As(err, &locked) {
		t.Errorf("two walk at once: %v", err)
	}
	if _, err := r.engine.Propose(ctx, domain, nil); err != nil {
		t.Errorf("looking needs no lock: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestOnePlaceOneRollout(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	var taken *rollout.TakenError
	if _, err := r.engine.Create(ctx, "other.test", hasty(), rollout.AdoptConsent{Given: true}, nil); !errors.As(err, &taken) || taken.Domain != domain {
		t.Errorf("two rollouts write one place: %v", err)
	}
}

func TestClockSetBackClosesGatesThatWait(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.box.clock.wind(-time.Hour)
	p := r.next()
	if p.Moved || !slices.ContainsFunc(p.Gate.Closed(), func(x rollout.Reason) bool { return x.Code == rollout.ReasonClock }) {
		t.Errorf("moved by a clock that was set back: %s", reasons(p.Gate))
	}
}

func TestForgetOnlyWhatWasNeverPublished(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.HostPolicy)
	if err := r.engine.Forget(ctx, domain); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("forgot what was published: %v", err)
	}
	r = newRig(t)
	r.create(hasty())
	if err := r.engine.Forget(ctx, domain); err != nil {
		t.Error(err)
	}
	if _, err := r.engine.Load(ctx, domain); !errors.Is(err, rollout.ErrNoRollout) {
		t.Errorf("still there: %v", err)
	}
}

func TestProviderThatSaysNoIsTriedAgain(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.PublishDNS)
	r.box.fail = errors.New("429 too many requests")
	if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil || !strings.Contains(err.Error(), "429") {
		t.Fatalf("the provider's word is lost: %v", err)
	}
	r.to(rollout.HostPolicy)
}

func TestNewPlanSupersedesAnUnfinishedOne(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.HostPolicy)
	r.box.fail = errors.New("disk full")
	if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil {
		t.Fatal("the host did not fail")
	}
	abandoned := r.load().Plans[1].Plan.Edits[1].PolicyID
	r.box.body = rollout.Body("somebody else's\r\n") // the accepted plan is stale now
	r.box.clock.wind(time.Minute)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || shown.Resumes {
		t.Fatalf("a stale plan is resumed: %v", err)
	}
	if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
		t.Fatal(err)
	}
	end := r.load()
	if _, id, _ := end.Live(); id == abandoned || !end.UsesID(abandoned) || !end.Plans[1].Edits["2"].Abandoned {
		t.Errorf("live under %s; abandoned was %s", id, abandoned)
	}
}

func TestBodyMustAnswerEvenWhereThePlanDoesNotWriteIt(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.HostPolicy)
	r.box.body = rollout.Body(policy("testing", 86400).String()) // stands in the web root already
	nothing := rollout.Absent()
	r.box.behind = &nothing // and is not served at the second address
	if p := r.next(); p.Moved || r.box.records[txtName+" TXT"].Exists {
		t.Fatalf("an id was announced whose body does not answer: %s", reasons(p.Gate))
	}
	r.box.behind = nil
	if p := r.next(); !p.Moved {
		t.Fatalf("stuck: %s", reasons(p.Gate))
	}
	if live, _, ok := r.load().Live(); !ok || live.Mode != mtasts.Testing {
		t.Error("the body that was there is not in the ledger")
	}
}

func TestProviderAndServersMustAgree(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.PublishDNS)
	r.box.answers = map[string]rollout.Value{rptName + " TXT": rollout.Records("v=TLSRPTv1; rua=mailto:elsewhere@corp.test")}
	p := r.next()
	if p.Applied || len(r.box.writes) > 0 || p.Gate.Closed()[0].Code != "P03" {
		t.Errorf("wrote to a zone that nobody asks: %v %s", r.box.writes, reasons(p.Gate))
	}
}

func TestHigherTargetGoesOnFromHolding(t *testing.T) {
	r := newRig(t)
	s := hasty()
	s.MaxAge = rollout.WeekMaxAge
	r.create(s)
	r.to(rollout.Holding)
	if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error { s.MaxAge = rollout.MonthMaxAge; return nil }); err != nil {
		t.Fatal(err)
	}
	if end := r.to(rollout.Holding); end.Rung() != rollout.MonthMaxAge {
		t.Errorf("holds at %d", end.Rung())
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

func TestDomainWithoutMailIsRefused(t *testing.T) {
	r := newRig(t)
	r.box.mx = nil
	if _, err := r.engine.Create(ctx, domain, hasty(), rollout.AdoptConsent{Given: true}, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("a rollout of a domain that receives no mail: %v", err)
	}
}

func TestRecordMadeByHandIsReadByItsMeaning(t *testing.T) {
	edit := rollout.Edit{Kind: rollout.Record, Name: rptName, Type: "TXT", After: rollout.Records("v=TLSRPTv1; rua=mailto:a@corp.test;")}
	for _, row := range []struct {
		stands string
		live   bool
	}{
		{"v=TLSRPTv1; rua=mailto:a@corp.test;", true},
		{"v=TLSRPTv1;rua=mailto:a@corp.test", true},
		{"v=TLSRPTv1; rua=mailto:b@corp.test;", false},
		{"v=TLSRPTv1 rua=mailto:a@corp.test", false},
	} {
		seen := []rollout.Sighting{{Where: "ns1", Answered: true, Value: rollout.Records(row.stands)}}
		if got := rollout.Live(edit, seen); got != row.live {
			t.Errorf("%q is live: %v", row.stands, got)
		}
	}
	sts := rollout.Edit{Kind: rollout.Record, Name: txtName, Type: "TXT", After: rollout.Records("v=STSv1; id=1;")}
	if !rollout.Live(sts, []rollout.Sighting{{Answered: true, Value: rollout.Records("v=STSv1;id=1")}}) {
		t.Error("a record without its last semicolon says the same")
	}
	if rollout.Live(sts, []rollout.Sighting{{Answered: true, Value: rollout.Records("v=STSv1; id=2;")}}) {
		t.Error("another id is not the same")
	}
}

func TestPageOfAnErrorIsNoPolicy(t *testing.T) {
	r := newRig(t)
	r.box.page = "404 page not found"
	r.create(hasty())
	if end := r.to(rollout.ReviewReports); len(end.Ledger) != 1 {
		t.Errorf("the ledger has %d entries, want the one policy that was published", len(end.Ledger))
	}
}
