package rollout_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// A step back from a host that is gone moves to the host that the settings name:
// the policy is put and seen there before the name points there, and announced
// last. A new host that does not answer yet holds it, and nothing is announced.
func TestStepBackMovesToTheHostThatTheSettingsName(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	_, before, _ := r.load().Live()
	if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error {
		s.Host.Place, s.HostAddresses = "/srv/elsewhere", []netip.Addr{netip.MustParseAddr("192.0.2.99")}
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	back := r.stepBack()
	var order []string
	for _, e := range back.Plan.Edits {
		order = append(order, e.Name+" "+e.Type)
	}
	if want := []string{mtasts.PolicyURL(domain) + " policy", host + " A", mtasts.RecordName(domain) + " TXT"}; !slices.Equal(order, want) {
		t.Fatalf("the plan is %v, want %v", order, want)
	}
	p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil)
	if err != nil || !tellsNobody(p.Gate) {
		t.Fatalf("a new host that does not answer: %v, %s", err, reasons(p.Gate))
	}
	if _, id, _ := r.load().Live(); id != before || r.box.records[host+" A"].Records[0] != "192.0.2.20" {
		t.Fatalf("announced %s, pointed at %s, before the new host answers", id, r.box.records[host+" A"])
	}

	// The policy lies there already now; the second plan only points and announces.
	r.box.newHost["192.0.2.99"] = r.box.body
	p, err = r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil)
	if err != nil {
		t.Fatal(err)
	}
	end := r.load()
	if _, id, _ := end.Live(); p.Phase != rollout.ReviewReports || end.Mode() != mtasts.Testing || id == before {
		t.Errorf("stepped back to %s, %s under id %s: %s", p.Phase, end.Mode(), id, reasons(p.Gate))
	}
	if got := r.box.records[host+" A"]; got.Records[0] != "192.0.2.99" {
		t.Errorf("the policy host is at %s", got)
	}
	if r.box.writes[mtasts.PolicyURL(domain)+" policy"] == 0 || end.Reannounce.IsZero() {
		t.Error("a second id is due when the old address has run out of caches")
	}
}

// However often it is tried, a step back that reaches no host says that nobody can
// be told, and until when senders may hold the policy.
func TestStepBackSaysEachTimeThatNobodyCanBeTold(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	old := r.box.body
	r.box.served = &old // no address takes the new body up
	for try := range 3 {
		p, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil)
		if err != nil || !tellsNobody(p.Gate) {
			t.Errorf("try %d: %v, %s", try+1, err, reasons(p.Gate))
		}
	}
	if p := r.next(); !tellsNobody(p.Gate) {
		t.Errorf("next, which takes it up again: %s", reasons(p.Gate))
	}
}

func (r *rig) stepBack() rollout.Proposal {
	r.Helper()
	back, err := r.engine.ProposeStepBack(ctx, domain, nil)
	if err != nil {
		r.Fatal(err)
	}
	return back
}

func tellsNobody(g rollout.Gate) bool {
	return !g.Open && slices.ContainsFunc(g.Reasons, func(x rollout.Reason) bool {
		return x.Code == rollout.ReasonHost && strings.Contains(x.Text, "no sender can be told") && strings.Contains(x.Fix, "--host")
	})
}

// While the name leads to the old host, senders fetch there what it serves: the ledger
// holds that open however long the move hangs, and until the old address has run out
// of caches after it.
func TestTheOldHostServesUntilTheNameLeadsElsewhere(t *testing.T) {
	for _, row := range []struct {
		shows string
		again bool // the body lies at the new host already when the plan is made again
	}{
		{"one plan puts the body and moves", false},
		{"a second plan moves", true},
	} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			r.engine.Patience = time.Nanosecond
			r.create(hasty())
			r.to(rollout.RaiseMaxAge)
			r.set(func(s *rollout.Settings) {
				s.Host.Place, s.HostAddresses = "/srv/elsewhere", []netip.Addr{netip.MustParseAddr("192.0.2.99")}
			})
			back := r.stepBack()
			r.box.newHost["192.0.2.99"] = back.Plan.Edits[0].After
			old := rollout.Records("192.0.2.20")
			r.box.behind = &old // the name leads to the old host still
			if p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil); err != nil || p.Gate.Open {
				t.Fatalf("the test needs a move that hangs: %v", err)
			}
			r.box.clock.wind(100 * 24 * time.Hour)
			enforced := func() rollout.LedgerEntry {
				ledger := r.load().Ledger
				return ledger[slices.IndexFunc(ledger, func(e rollout.LedgerEntry) bool { return e.Mode == mtasts.Enforce })]
			}
			if e := enforced(); !e.Until.IsZero() {
				t.Fatalf("the ledger says that nobody fetches enforce since %s, and the name leads to it", e.Until)
			}

			r.box.behind = nil
			moved := r.box.clock.Now()
			if row.again {
				r.box.clock.wind(time.Minute)
				moved = r.box.clock.Now()
				if _, err := r.engine.CarryOut(ctx, r.stepBack().Plan, yes, nil); err != nil {
					t.Fatal(err)
				}
			} else {
				r.next()
			}
			if want := moved.Add(300 * time.Second); !enforced().Until.Equal(want) {
				t.Errorf("enforce is over at %s, want the old address's TTL after the move: %s", enforced().Until, want)
			}
			sound(t, r.load())
		})
	}
}
