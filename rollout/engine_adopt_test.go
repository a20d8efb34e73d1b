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
				got, err := r.engine.Adopt(ctx, domain, "the other team did it", adopting, nil)
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

// What is adopted after drift is what the operator was shown, not what has taken its
// place since.
func TestAfterDriftWhatWasShownIsAdopted(t *testing.T) {
	drifted := func(r *rig, p mtasts.Policy, id string) {
		r.box.body = rollout.Body(p.String())
		r.box.set(txtName, "TXT", "v=STSv1; id="+id+";")
	}
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.RaiseMaxAge)
	drifted(r, policy("testing", 86400), "theirs")
	shown, err := r.engine.Propose(ctx, domain, nil)
	if err != nil || shown.Drift == nil {
		t.Fatal(err)
	}
	drifted(r, policy("enforce", 31557600), "theirs2")
	before := r.load().LastSeq
	consent := rollout.AdoptConsent{Given: true, Shown: &shown.Drift.Found}
	_, err = r.engine.Adopt(ctx, domain, "as shown", consent, nil)
	moved, ok := errors.AsType[*rollout.AdoptionError](err)
	if !ok || !moved.Moved || !errors.Is(err, rollout.ErrStale) || r.load().LastSeq != before {
		t.Fatalf("shown %s, adopted what has taken its place: %v", shown.Drift.Found, err)
	}
	_, err = r.engine.Adopt(ctx, domain, "nothing was shown", rollout.AdoptConsent{}, nil)
	if asks, ok := errors.AsType[*rollout.AdoptionError](err); !ok || asks.Moved || asks.Found.ID != "theirs2" || r.load().LastSeq != before {
		t.Fatalf("adopted without consent: %v", err)
	}
	drifted(r, policy("testing", 86400), "theirs")
	if got, err := r.engine.Adopt(ctx, domain, "as shown", consent, nil); err != nil || got.Phase != rollout.ReviewReports {
		t.Errorf("what was shown is not adopted: %v, %s", err, got.Phase)
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
