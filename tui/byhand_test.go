package tui

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// handPlan is dnsPlan for an operator who changes records by hand.
func handPlan() rollout.Plan {
	p := dnsPlan()
	for i := range p.Edits {
		p.Edits[i].Account = "manual"
	}
	return p
}

// byHandIn is a rollout in which the operator was told what to make.
func byHandIn() *fakeEngine {
	r := inPhase(rollout.PublishDNS, goodLook())
	waits := rollout.EditState{Intended: now(), Received: now(), Receipt: rollout.Receipt{Outcome: rollout.Waiting, Detail: "Create this record"}}
	r.Plans = []rollout.AcceptedPlan{{Plan: handPlan(), At: now(), Edits: map[string]rollout.EditState{"tlsrpt": waits, "host-a": waits}}}
	e := standIn(r, closedGate(), handPlan())
	p := e.proposals["corp.test"]
	p.Resumes = true
	e.proposals["corp.test"] = p
	return e
}

func inForms(o *Options) {
	o.Forms = func(e rollout.Edit) []Form {
		return []Form{
			{"panel", "Create this record:\n  name   " + e.Name},
			{"zone", e.Name + `. 300 IN ` + e.Type + ` "` + e.After.String() + `"`},
		}
	}
}

func TestFormsOfARecordMadeByHand(t *testing.T) {
	e := byHandIn()
	e.waiting = closedGate()
	d := drive(t, e, 100, 40, inCorp, inForms).sees("by hand, as panel", "name   mta-sts.corp.test", "tab other form")
	d.press("c")
	if want := "v=TLSRPTv1; rua=mailto:old@corp.test,mailto:tls@corp.test"; len(d.copied) != 1 || d.copied[0] != want {
		t.Errorf("of the fields %q was copied, want the value", d.copied)
	}
	d.press("tab").sees("by hand, as zone", `mta-sts.corp.test. 300 IN A "192.0.2.20"`, "c copy zone").seesNot("as panel")
	d.press("c")
	if len(d.copied) != 2 || !strings.HasPrefix(d.copied[1], `_smtp._tls.corp.test. 300 IN TXT "v=TLSRPTv1;`) {
		t.Errorf("of the zone-file lines %q was copied", d.copied)
	}
	d.press("tab").sees("by hand, as panel")
}

// handHostPlan is hostPlan with the id announced by hand.
func handHostPlan() rollout.Plan {
	p := hostPlan()
	p.Edits[1].Account = "manual"
	return p
}

// TestThePageKeepsBackWhatMustWait: an id is neither written out nor copied before its
// body is live and answers, and what it waits for is said; then it is.
func TestThePageKeepsBackWhatMustWait(t *testing.T) {
	const form = `_mta-sts.corp.test. 300 IN TXT "v=STSv1;`
	for _, w := range []int{60, 100} {
		e := standIn(inPhase(rollout.HostPolicy, goodLook()), closedGate(), handHostPlan())
		d := drive(t, e, w, 40, inCorp, inForms).press("p", "p", "down").
			sees("not yet: after edit body is seen everywhere", "not yet: after the policy that it announces answers").
			seesNot("by hand, as", "copy value", "tab other form").press("tab").seesNot(form)
		if d.press("c"); len(d.copied) > 0 {
			t.Errorf("%q was copied", d.copied)
		}
		d.press("enter").seesNot(form)
	}

	look := goodLook()
	look.Policy.Body, look.Policy.Agree = body, true
	r := inPhase(rollout.HostPolicy, look)
	live := rollout.EditState{Intended: now(), Received: now(), Verified: now(), Receipt: rollout.Receipt{Outcome: rollout.Applied}}
	r.Plans = []rollout.AcceptedPlan{{Plan: handHostPlan(), At: now(), Edits: map[string]rollout.EditState{"body": live}}}
	e := standIn(r, closedGate(), handHostPlan())
	p := e.proposals["corp.test"]
	p.Resumes = true
	e.proposals["corp.test"] = p
	drive(t, e, 100, 40, inCorp, inForms).press("down").sees("by hand, as panel").seesNot("not yet: after").press("tab").sees(form)
}

// TestAWalkWritesOutWhatItHasComeTo: the engine judges each edit when it comes to it,
// and what was proposed before says nothing against that any more.
func TestAWalkWritesOutWhatItHasComeTo(t *testing.T) {
	e := standIn(inPhase(rollout.HostPolicy, goodLook()), rollout.Gate{Open: true}, handHostPlan())
	edits := handHostPlan().Edits
	e.events = []rollout.Event{
		{Kind: rollout.BecameLive, Edit: &edits[0]},
		{Kind: rollout.Applying, Edit: &edits[1]},
		{Kind: rollout.Edited, Edit: &edits[1], Receipt: &rollout.Receipt{EditID: "txt", Outcome: rollout.Waiting, Detail: "Create this record"}},
	}
	var during string
	d := drive(t, e, 100, 40, inCorp, inForms)
	e.hold = func(context.Context) { during = "held" }
	d.press("a").typeIn("corp.test")
	d.park = true
	d.press("enter")
	if f := d.app.top().(*phase); f.walk == nil {
		t.Fatal("no walk is under way")
	} else {
		for _, ev := range e.events {
			f.course.take(ev)
		}
		f.render()
	}
	d.sees("by hand, as panel").seesNot("not yet: after")
	d.park = false
	for _, cmd := range d.parked {
		d.run(cmd)
	}
	if during == "" {
		t.Error("nothing was carried out")
	}
}

// mistypedByHand is byHandIn after a look that saw a mistake.
func mistypedByHand(t *testing.T, w, h int) *driver {
	t.Helper()
	e := byHandIn()
	e.waiting = closedGate()
	edit := handPlan().Edits[1]
	wrong := finding.New("D04", "mta-sts.corp.test.corp.test", "the record stands at mta-sts.corp.test.corp.test")
	d := drive(t, e, w, h, inCorp, inForms)
	if !e.did("see-waiting") {
		t.Fatalf("nobody looked for what is made by hand: %q", e.calls)
	}
	e.events = []rollout.Event{
		{Kind: rollout.Verifying, Edit: &edit},
		{Kind: rollout.Answered, Subject: "ns1.corp.test [192.0.2.53]", Text: "nothing", Severity: finding.Pass, Took: 9 * time.Millisecond, Edit: &edit,
			Sighting: &rollout.Sighting{Where: "ns1.corp.test", IP: netip.MustParseAddr("192.0.2.53"), Answered: true, Took: 9 * time.Millisecond}},
		{Kind: rollout.Concluded, Finding: &wrong, Edit: &edit},
	}
	d.wait()
	return d
}

// While the operator's edits are waited for the name servers are asked again and
// again; a mistake is shown with its mend, and the end of waiting is said.
func TestWhatIsMadeByHandIsWatched(t *testing.T) {
	d := mistypedByHand(t, 100, 40)
	e := d.engine
	d.sees("FAIL  the record stands at mta-sts.corp.test.corp.test", "Give the name relative to the zone.", "ns1.corp.test [192.0", "looked for every few")
	if e.did("next") {
		t.Errorf("watching carried something out: %q", e.calls)
	}
	if len(d.later) != 1 {
		t.Fatalf("%d looks are to come, want one", len(d.later))
	}
	d.press("r") // a look in between begins no second row of them
	stale := d.later
	d.later = nil
	for _, msg := range stale[:1] {
		d.send(msg)
	}
	if len(d.later) != 0 {
		t.Errorf("the look before goes on beside the new one: %v", d.later)
	}
	d.later = stale[1:]
	e.waiting, e.events = rollout.Gate{Open: true}, nil
	d.wait()
	d.sees("seen everywhere")
	if len(d.later) != 0 {
		t.Errorf("it is looked for although it is there: %v", d.later)
	}
	d.press("a")
	if !e.did("next") {
		t.Errorf("a did not go on: %q", e.calls)
	}
}

// What a server has is measured by the edit, not by whether it answered; servers are
// told apart however long their addresses are, and what else was asked is not shown.
func TestAServerIsOkOnlyWithWhatTheEditLeaves(t *testing.T) {
	change := rollout.Edit{ID: "a", Kind: rollout.Record, Account: "manual", Name: "mta-sts.corp.test", Type: "A", Before: rollout.Records("192.0.2.20"), After: rollout.Records("192.0.2.21")}
	remove := rollout.Edit{ID: "aaaa", Kind: rollout.Record, Account: "manual", Name: "mta-sts.corp.test", Type: "AAAA", Before: rollout.Records("2001:db8::20")}
	at := func(ip string, v rollout.Value) rollout.Sighting {
		return rollout.Sighting{Where: "ns2.corp.test", IP: netip.MustParseAddr(ip), Answered: true, Value: v, TTL: 300, Serial: 7}
	}
	const v6, next6 = "2001:db8:1111:2222:3333:4444:5555:6661", "2001:db8:1111:2222:3333:4444:5555:6662"
	silent := rollout.Sighting{Where: "ns3.corp.test", IP: netip.MustParseAddr("192.0.2.11"), Err: "timed out"}
	for name, row := range map[string]struct {
		edit rollout.Edit
		seen []rollout.Sighting
		want string
	}{
		"not there yet":        {change, []rollout.Sighting{at(v6, rollout.Absent())}, "not yet ns2.corp.test [" + v6 + "] nothing, serial 7"},
		"the old one":          {change, []rollout.Sighting{at(v6, change.Before)}, "not yet ns2.corp.test [" + v6 + "] 192.0.2.20, TTL 300, serial 7"},
		"made":                 {change, []rollout.Sighting{at(v6, change.After)}, "ok ns2.corp.test [" + v6 + "] 192.0.2.21, TTL 300, serial 7"},
		"not removed yet":      {remove, []rollout.Sighting{at(v6, remove.Before)}, "not yet ns2.corp.test [" + v6 + "] 2001:db8::20, TTL 300, serial 7"},
		"removed":              {remove, []rollout.Sighting{at(v6, rollout.Absent())}, "ok ns2.corp.test [" + v6 + "] nothing, serial 7"},
		"no answer is neither": {change, []rollout.Sighting{silent}, "no answer ns3.corp.test [192.0.2.11] timed out"},
		"two of one host": {change, []rollout.Sighting{at(v6, change.After), at(next6, change.Before)},
			"ok ns2.corp.test [" + v6 + "] 192.0.2.21, TTL 300, serial 7 not yet ns2.corp.test [" + next6 + "] 192.0.2.20, TTL 300, serial 7"},
	} {
		for _, w := range []int{60, 120} {
			c := newCourse(rollout.Plan{Edits: []rollout.Edit{row.edit}}, rollout.Rollout{})
			c.watch(rollout.Event{Kind: rollout.Verifying, Edit: &row.edit})
			c.watch(rollout.Event{Kind: rollout.Answered, Subject: "192.0.2.9 ns1.corp.test AAAA", Text: "NOERROR"})
			for _, s := range row.seen {
				c.watch(rollout.Event{Kind: rollout.Answered, Subject: s.Where, Edit: &row.edit, Sighting: &s})
			}
			lines := c.states[row.edit.ID].seen.lines(plainStyles(), row.edit, w)
			if got := flat(strings.Join(lines, "\n")); got != row.want {
				t.Errorf("%s, in %d cells:\n%s\nwant\n%s", name, w, got, row.want)
			}
		}
	}
}
