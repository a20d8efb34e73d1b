package rollout_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// The place holds the new body already, and what senders are served is still the
// old one: the id waits for the new one, and the gate knows what it would enforce.
func TestAnIDAnnouncesTheBodyOfItsPlan(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	old := rollout.Body(policy("testing", 86400).String())
	r.box.body = old
	r.box.set(txtName, "TXT", "v=STSv1; id=theirs;")
	r.box.set(host, "A", "192.0.2.20")
	r.create(hasty())
	r.to(rollout.Enforce)
	r.box.served = &old
	r.box.body = rollout.Body(policy("enforce", 86400).String())
	for _, soak := range []rollout.Soak{testSettings().Soak, hasty().Soak} {
		r.set(func(s *rollout.Settings) { s.Soak = soak })
		shown, err := r.engine.Propose(ctx, domain, nil)
		if err != nil || shown.Drift != nil {
			t.Fatalf("the test needs a plan: %v", err)
		}
		if p, ok := shown.Plan.Policy(); !ok || p.Mode != mtasts.Enforce {
			t.Errorf("the plan announces %v", p)
		}
		if open := soak.Testing == 0; shown.Gate.Open != open && !shown.Resumes {
			t.Errorf("the gate is open: %v", shown.Gate.Open)
		}
		if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
			t.Fatal(err)
		}
		if r.box.writes[txtName+" TXT"] != 0 {
			t.Error("an id was announced whose body does not answer")
		}
	}
	r.box.served = nil
	r.box.clock.wind(time.Minute)
	if r.next(); r.load().Mode() != mtasts.Enforce {
		t.Error("the body answers, and its id is not announced")
	}
	sound(t, r.load())
}

// The old address runs out with the longer of what the provider and the servers
// say: a provider may keep a word of its own for a TTL it chooses.
func TestOldAddressRunsOutAsTheServersSay(t *testing.T) {
	seen := rollout.Evidence{Domain: domain, Zone: rollout.Zone{Apex: domain, Exists: true}}
	seen.Names = []rollout.NameSeen{{Name: host, Type: "A", Sightings: []rollout.Sighting{{Answered: true, TTL: 3600, Value: rollout.Records("192.0.2.20")}}}}
	for _, typ := range []string{"A", "AAAA", "CNAME"} {
		h := rollout.Held{Name: host, Type: typ, TTL: 1}
		if typ == "A" {
			h.Value = rollout.Records("192.0.2.20")
		}
		seen.Held = append(seen.Held, h)
	}
	s := testSettings()
	s.RUA, s.HostAddresses = nil, []netip.Addr{netip.MustParseAddr("192.0.2.99")}
	p, err := rollout.Rollout{Domain: domain, Settings: s}.PublishRecords(seen, start)
	if err != nil || len(p.Edits) != 1 || p.Edits[0].BeforeTTL != 3600 || p.Edits[0].TTL != 1 {
		t.Errorf("%v: %+v", err, p.Edits)
	}
}

// A cache that was purged before the body changed keeps the old one still.
func TestOnlyAPurgeAfterTheChangeEndsTheWait(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.Enforce)
	r.box.cache = 3 * time.Hour
	r.next()
	r.box.clock.wind(time.Minute)
	if _, err := r.engine.Mended(ctx, domain, r.box.clock.Now().Add(-time.Hour), "mx2 was down"); err != nil {
		t.Fatal(err)
	}
	if r.next(); r.load().Mode() == mtasts.Enforce {
		t.Error("the wait ended by what was mended before it began")
	}
}

// A record that belay replaced told of an id: it is never used, whoever wrote it.
func TestReplacedIDsAreNeverUsed(t *testing.T) {
	r := newRig(t)
	r.box.set(txtName, "TXT", "v=STSv1; id=20260601T100000Z; ext=kept;") // without a body: phase 3 replaces it
	r.create(hasty())
	r.to(rollout.HostPolicy)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
		t.Fatal(err)
	}
	if !r.load().UsesID("20260601T100000Z") {
		t.Error("the foreign id could be used again")
	}
	if txt := r.box.records[txtName+" TXT"].String(); !strings.Contains(txt, "ext=kept") {
		t.Errorf("an extension field was lost: %s", txt)
	}
}

// A saved plan is carried out as it was shown: nothing but its id may differ from
// what would be planned now.
func TestASavedPlanIsTheOneShown(t *testing.T) {
	for name, tamper := range map[string]func(p *rollout.Plan){
		"the id before its body": func(p *rollout.Plan) { p.Edits[1].Needs = nil },
		"another record":         func(p *rollout.Plan) { p.Edits[1].After = rollout.Records("v=STSv1; id=x; more=1;") },
		"another purpose":        func(p *rollout.Plan) { p.Purpose = rollout.ForStepBack },
		"another TTL":            func(p *rollout.Plan) { p.Edits[1].TTL = 86400 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.create(hasty())
			r.to(rollout.HostPolicy)
			shown, err := r.engine.Propose(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			shown.Plan.Edits = append([]rollout.Edit(nil), shown.Plan.Edits...)
			tamper(&shown.Plan)
			if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); !errors.Is(err, rollout.ErrRefused) {
				t.Errorf("carried out: %v", err)
			}
			if r.box.body.Exists {
				t.Error("and wrote")
			}
		})
	}
}

// Two who show the same plan at the same moment have the same id in it: the second
// to carry it out is refused.
func TestAnIDIsUsedOnce(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	one, two := r.stepBack(), r.stepBack()
	if _, err := r.engine.CarryOut(ctx, one.Plan, yes, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.CarryOut(ctx, two.Plan, yes, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("the same id twice: %v", err)
	}
	sound(t, r.load())
}

// A plan whose id was written before another plan took its place has told senders:
// the ledger knows, and what follows is no drift.
func TestAnAbandonedIDThatStandsWasAnnounced(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.Enforce)
	dies := 0
	r.box.die = func(instant string) {
		if dies++; dies == 4 {
			panic(instant) // the record is written, and nobody knows
		}
	}
	func() {
		defer func() { _ = recover(); r.book.locked = map[string]bool{} }()
		r.next()
	}()
	r.box.die = func(string) {}
	r.box.clock.wind(time.Minute)
	r.set(func(s *rollout.Settings) { s.Soak, s.MX = testSettings().Soak, []string{"*.corp.test"} })
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || shown.Drift != nil {
		t.Fatalf("its own id is taken for somebody else's: %v", err)
	}
	if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err != nil {
		t.Fatal(err)
	}
	end := r.load()
	told := 0
	for _, e := range end.Ledger {
		told += len(e.IDs)
	}
	if told != 3 {
		t.Errorf("%d ids were announced, want those of testing, of enforce, and of the correction", told)
	}
	sound(t, end)
}
