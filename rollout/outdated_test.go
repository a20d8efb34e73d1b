package rollout_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"belay/rollout"
)

// gone is a box with accounts that cannot be reached any more, by what the edits
// name them.
type gone struct {
	*box
	accounts map[string]bool
}

func (g *gone) Open(context.Context, string, rollout.Settings) (rollout.Writer, error) { return g, nil }

func (g *gone) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	if g.accounts[e.Account] {
		return rollout.Held{}, errors.New("connection refused")
	}
	return g.box.Read(ctx, e)
}

func (g *gone) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	if g.accounts[e.Account] {
		return rollout.Receipt{Outcome: rollout.Failed}, errors.New("connection refused")
	}
	return g.box.Apply(ctx, e)
}

// An account that is gone is left by naming another one: what was begun there cannot
// be read any more, and holds no plan at the new one up.
func TestAnAccountThatIsGoneIsLeft(t *testing.T) {
	for _, row := range []struct {
		shows string
		phase rollout.Phase
		set   func(s *rollout.Settings)
		gone  string
	}{
		{"of records", rollout.PublishDNS, func(s *rollout.Settings) { s.DNS.Provider = "route53" }, "rfc2136"},
		{"of a policy host", rollout.HostPolicy, func(s *rollout.Settings) { s.Host.Place = "/srv/elsewhere" }, "webroot:/srv/www"},
	} {
		t.Run(row.shows, func(t *testing.T) {
			r := newRig(t)
			g := &gone{box: r.box, accounts: map[string]bool{}}
			r.engine.Accounts = g
			r.create(hasty())
			r.to(row.phase)
			plan, err := r.engine.Propose(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.box.fail = errors.New("it went away")
			if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &plan.Plan}, nil); err == nil {
				t.Fatal("the provider did not fail")
			}
			g.accounts[row.gone] = true
			r.set(row.set)
			r.box.clock.wind(time.Minute)
			r.to(rollout.ReviewReports)
			end := r.load()
			for _, p := range end.Plans {
				if left := p.Edits["1"]; left.Abandoned && left.Receipt.Outcome != rollout.Failed {
					t.Errorf("what its writer said not to have written is taken for %s", left.Receipt.Outcome)
				}
			}
			sound(t, end)
		})
	}
}

// Where the policy host's name is to lead is set anew because the policy is not seen
// where it leads: the plan that waits to see it there is made again, behind the
// correction.
func TestAnotherHostAddressOutdatesAPlanThatWaitsToBeSeen(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.HostPolicy)
	nothing := rollout.Absent()
	r.box.served = &nothing // another server answers at that address
	r.next()
	r.box.clock.wind(time.Minute)
	r.set(func(s *rollout.Settings) { s.HostAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.99")} })
	p := r.next()
	if r.box.records[host+" A"].Records[0] != "192.0.2.99" {
		t.Fatalf("the name still leads to %s: %s", r.box.records[host+" A"], reasons(p.Gate))
	}
	r.box.served = nil
	r.box.clock.wind(time.Hour)
	r.to(rollout.ReviewReports)
	sound(t, r.load())
}

// A plan that makes room for a host which makes its own record is not gone on with
// when another host is named.
func TestAnotherHostOutdatesAPlanThatMakesRoomForOne(t *testing.T) {
	r := newRig(t)
	r.box.set(host, "A", "192.0.2.20")
	s := hasty()
	s.Host, s.HostAddresses = rollout.HostAccount{Kind: rollout.HostWorker, Place: "acct"}, nil
	r.create(s)
	r.to(rollout.PublishDNS)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.box.fail = errors.New("not now")
	if _, err := r.engine.Next(ctx, domain, rollout.Consent{Shown: &shown.Plan}, nil); err == nil {
		t.Fatal("the provider did not fail")
	}
	r.set(func(s *rollout.Settings) { s.Host = testSettings().Host })
	r.box.clock.wind(time.Minute)
	r.to(rollout.ReviewReports)
	if !r.box.records[host+" A"].Exists {
		t.Error("the address of the host that is named now was taken away")
	}
}

// A plan of which nothing is left to be done, as the settings were set back, is given
// up: it would hold every gate shut for ever.
func TestAPlanWithNothingLeftToDoIsGivenUp(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.set(func(s *rollout.Settings) { s.MX = []string{"*.corp.test"} })
	r.box.fail = errors.New("not now")
	if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil {
		t.Fatal("the provider did not fail")
	}
	r.set(func(s *rollout.Settings) { s.MX = nil })
	r.box.clock.wind(time.Minute)
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || !shown.Plan.Empty() || !shown.Gate.Open {
		t.Fatalf("%v: %v, %s", err, shown.Plan.Edits, reasons(shown.Gate))
	}
	if p, err := r.engine.Next(ctx, domain, rollout.Consent{Given: true, Shown: &shown.Plan}, nil); err != nil || p.Phase != rollout.Enforce {
		t.Errorf("%v: it stands in %s: %s", err, p.Phase, reasons(p.Gate))
	}
	sound(t, r.load())
}

// A body that could not be put at a new place is planned there again when its plan is
// made anew: the name is not pointed at a host that nobody gave the policy.
func TestABodyThatFailedAtANewPlaceIsPutThereAgain(t *testing.T) {
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.ReviewReports)
	r.set(func(s *rollout.Settings) {
		s.Soak = testSettings().Soak
		s.Host.Place, s.HostAddresses = "/srv/elsewhere", []netip.Addr{netip.MustParseAddr("192.0.2.99")}
	})
	live := r.box.body
	r.box.served, r.box.body = &live, rollout.Absent() // the old place serves, the new one is empty
	r.box.fail = errors.New("not now")
	if _, err := r.engine.Next(ctx, domain, yes, nil); err == nil {
		t.Fatal("the new place did not fail")
	}
	r.set(func(s *rollout.Settings) { s.RUA = append(s.RUA, "mailto:more@corp.test") })
	r.box.newHost["192.0.2.99"] = live
	for range 2 {
		r.box.clock.wind(time.Minute)
		r.next()
	}
	if !r.box.body.SamePolicy(live) || r.box.records[host+" A"].Records[0] != "192.0.2.99" {
		t.Errorf("the new place holds %s, and the name leads to %s", r.box.body, r.box.records[host+" A"])
	}
	if p, err := r.engine.Propose(ctx, domain, nil); err != nil || p.Drift != nil {
		t.Errorf("%v: %+v", err, p.Drift)
	}
}
