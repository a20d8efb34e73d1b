package rollout_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// enforcingAndDelegated is a rollout that enforces and whose settings were changed
// to delegate its names.
func enforcingAndDelegated(t *testing.T, d rollout.Delegation) *rig {
	t.Helper()
	r := newRig(t)
	r.engine.Patience = time.Nanosecond
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	if _, err := r.engine.Configure(ctx, domain, func(s *rollout.Settings) error {
		s.Delegate = d
		if d.Host != "" {
			s.HostAddresses = nil
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.box.clock.wind(time.Minute)
	return r
}

// carryShown proposes, and carries out what was shown.
func (r *rig) carryShown() rollout.Progress {
	r.Helper()
	p, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || p.Drift != nil {
		r.Fatalf("%v, %v", p.Drift, err)
	}
	done, err := r.engine.Next(ctx, domain, rollout.Consent{Given: true, Shown: &p.Plan}, nil)
	if err != nil {
		r.Fatal(err)
	}
	return done
}

// A name is made an alias of a vendor's only where exactly one record answers there
// that senders take; nothing that stands is removed before.
func TestNothingIsDelegatedToWhereNoRecordAnswers(t *testing.T) {
	for _, row := range []struct {
		shows   string
		name    string
		records []string
		says    string
	}{
		{"nobody answers at a mistyped target", "_mta-sts", nil, "exactly one valid STSv1 record must answer there, and nothing does"},
		{"two records answer", "_mta-sts", []string{"v=STSv1; id=1;", "v=STSv1; id=2;"}, "exactly one valid STSv1 record"},
		{"no policy record answers", "_mta-sts", []string{"v=spf1 -all"}, "exactly one valid STSv1 record"},
		{"one record answers", "_mta-sts", []string{"v=STSv1; id=vendor1;"}, ""},
		{"no reports are asked for there", "_smtp._tls", nil, "exactly one valid TLSRPTv1 record"},
		{"a policy record answers for the reports", "_smtp._tls", []string{"v=STSv1; id=1;"}, "exactly one valid TLSRPTv1 record"},
		{"one reporting record answers", "_smtp._tls", []string{"v=TLSRPTv1; rua=mailto:v@vendor.test"}, ""},
	} {
		t.Run(row.shows, func(t *testing.T) {
			d := rollout.Delegation{Vendor: "the vendor", Record: "there.vendor.test"}
			if row.name != "_mta-sts" {
				d = rollout.Delegation{Vendor: "the vendor", Reports: "there.vendor.test"}
			}
			r := enforcingAndDelegated(t, d)
			if len(row.records) > 0 {
				r.box.set("there.vendor.test", "TXT", row.records...)
			}
			name := row.name + "." + domain
			before := r.box.records[name+" TXT"]
			p := r.carryShown()
			alias := r.box.records[name+" CNAME"]
			if row.says == "" {
				if !alias.Equal(rollout.Records("there.vendor.test")) || r.box.records[name+" TXT"].Exists {
					t.Errorf("it is not delegated: %s; %s", alias, reasons(p.Gate))
				}
				return
			}
			if got := r.box.records[name+" TXT"]; alias.Exists || !got.Equal(before) || !before.Exists {
				t.Errorf("%s holds TXT %s, CNAME %s", name, got, alias)
			}
			if p.Gate.Open || !strings.Contains(reasons(p.Gate), "[target "+name) || !strings.Contains(reasons(p.Gate), row.says) {
				t.Errorf("it does not say %q: %s", row.says, reasons(p.Gate))
			}
		})
	}
}

// While senders enforce a policy the vendor's id is followed only to the same policy.
func TestNothingIsDelegatedToAnotherPolicyWhileSendersEnforce(t *testing.T) {
	r := enforcingAndDelegated(t, rollout.Delegation{Vendor: "the vendor", Record: "there.vendor.test", Host: "192.0.2.99.vendor.test"})
	r.box.set("there.vendor.test", "TXT", "v=STSv1; id=vendor1;")
	r.box.newHost["192.0.2.99.vendor.test"] = rollout.Body(testingBody)
	gate := func() rollout.Gate {
		t.Helper()
		p, err := r.engine.Propose(ctx, domain, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.Gate
	}
	const says = "another policy than the one senders enforce"
	if g := gate(); g.Open || !strings.Contains(reasons(g), says) {
		t.Errorf("another policy behind it: %s", reasons(g))
	}
	r.box.newHost["192.0.2.99.vendor.test"] = r.box.body
	if g := gate(); strings.Contains(reasons(g), "[target") {
		t.Errorf("the same policy behind it: %s", reasons(g))
	}
}

// The emergency exit is open where the name is a vendor's already: the body first,
// then the alias goes, then belay's own record.
func TestStepBackTakesTheRecordHome(t *testing.T) {
	r := enforcingAndDelegated(t, rollout.Delegation{Vendor: "the vendor", Record: "typo.vendor.test"})
	_, old, _ := r.load().Live()
	name := mtasts.RecordName(domain)
	r.box.records[name+" TXT"] = rollout.Value{}
	r.box.set(name, "CNAME", "typo.vendor.test")
	if _, err := r.engine.ProposeRestore(ctx, domain, nil); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("a restore over the vendor's name: %v", err)
	}
	back := r.stepBack()
	var order []string
	for _, e := range back.Plan.Edits {
		order = append(order, e.Name+" "+e.Type)
	}
	if want := []string{mtasts.PolicyURL(domain) + " policy", name + " CNAME", name + " TXT"}; !slices.Equal(order, want) {
		t.Fatalf("the plan is %q, want %q", order, want)
	}
	if needs := back.Plan.Edits[2].Needs; !slices.Equal(needs, []string{"1", "2"}) || !slices.Equal(back.Plan.Edits[1].Needs, []string{"1"}) {
		t.Errorf("the record needs %v, the removal %v", needs, back.Plan.Edits[1].Needs)
	}
	p, err := r.engine.CarryOut(ctx, back.Plan, yes, nil)
	if err != nil {
		t.Fatal(err)
	}
	end := r.load()
	if _, id, _ := end.Live(); p.Phase != rollout.ReviewReports || end.Mode() != mtasts.Testing || id == old || r.box.records[name+" CNAME"].Exists {
		t.Errorf("stepped back to %s, %s under id %s, alias %s: %s", p.Phase, end.Mode(), id, r.box.records[name+" CNAME"], reasons(p.Gate))
	}
	// What led back does not lead out again by itself.
	r.box.clock.wind(time.Minute)
	offered, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || offered.Gate.Open || !strings.Contains(reasons(offered.Gate), "[target "+name) {
		t.Errorf("the mistyped target is offered again: %s, %v", reasons(offered.Gate), err)
	}
}

// A delegation that leads nowhere holds up what would carry it out, and never the
// emergency exit (promise 8): the step back announces at once and is live.
func TestAWrongDelegationHoldsNoStepBack(t *testing.T) {
	for shows, d := range map[string]rollout.Delegation{
		"the record":   {Vendor: "the vendor", Record: "nobody.example"},
		"the reports":  {Vendor: "the vendor", Reports: "nobody.example"},
		"the host":     {Vendor: "the vendor", Host: "nobody.example"},
		"all of three": {Vendor: "the vendor", Record: "nobody.example", Reports: "nobody.example", Host: "nobody.example"},
	} {
		t.Run(shows, func(t *testing.T) {
			r := enforcingAndDelegated(t, d)
			p, err := r.engine.Propose(ctx, domain, nil)
			if err != nil {
				t.Fatal(err)
			}
			if d.Host == "" && p.Gate.Open {
				t.Fatalf("a wrong delegation holds nothing up: %+v", p.Plan.Edits)
			}
			back := r.stepBack()
			if !back.Gate.Open || len(back.Waits(back.Plan.Edits[0], r.box.clock.Now())) > 0 {
				t.Errorf("the step back is held: %+v", back.Gate.Reasons)
			}
			done, err := r.engine.CarryOut(ctx, back.Plan, rollout.Consent{Given: true, Shown: &back.Plan}, nil)
			if err != nil {
				t.Fatal(err)
			}
			now := r.load()
			if now.Mode() != mtasts.Testing || now.Phase != rollout.ReviewReports {
				t.Errorf("it stands in %s, %s: %+v", now.Phase, now.Mode(), done)
			}
		})
	}
}
