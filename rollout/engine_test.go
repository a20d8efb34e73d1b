package rollout_test

import (
	"context"
	"errors"
	"maps"
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

	adopting = rollout.AdoptConsent{Given: true}
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
