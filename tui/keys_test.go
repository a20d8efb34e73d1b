package tui

import (
	"errors"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Enter never applies, and no is the default wherever something is asked.
func TestNothingIsWrittenWithoutTheDomain(t *testing.T) {
	for _, row := range []struct {
		name string
		keys []string
		text string
		sees string
	}{
		{name: "enter on the plan", keys: []string{"enter", "enter", "enter"}},
		{name: "enter on the question", keys: []string{"a", "enter"}, sees: "nothing was typed; esc is no"},
		{name: "esc on the question", keys: []string{"a", "esc"}},
		{name: "another domain", keys: []string{"a"}, text: "corp.tes"},
		{name: "yes", keys: []string{"a"}, text: "yes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := atPhase2(t, 80, 24).press(row.keys...)
			if row.text != "" {
				d.typeIn(row.text).press("enter").sees("that is not corp.test")
			}
			d.sees(row.sees).didNot("next").didNot("carry-out")
		})
	}
}

func TestApplyingCarriesOutThePlanThatWasShown(t *testing.T) {
	d := atPhase2(t, 80, 24)
	d.engine.progress = rollout.Progress{Domain: "corp.test", PhaseBefore: rollout.PublishDNS, Phase: rollout.HostPolicy, Moved: true,
		Edits: []rollout.EditOutcome{{Edit: dnsPlan().Edits[0], Outcome: rollout.Applied}, {Edit: dnsPlan().Edits[1], Outcome: rollout.Found}}}
	d.sees("a applies it", "+ v=TLSRPTv1; rua=mailto:old@corp.test,mailto:tls@corp.test", "not put there by belay")
	d.press("a").sees("Publish 2 edits for corp.test?").typeIn("CORP.test").press("enter").did("next corp.test")
	if c := d.engine.consent; !c.Given || c.Shown == nil || c.Shown.Hash() != dnsPlan().Hash() {
		t.Fatalf("consent was %+v", c)
	}
	d.sees("2 edits made and read back. Done with 2 Publish DNS; this is 3 Host the policy now.")
}

// What is typed ahead while the machine is busy reaches belay in one piece.
func TestKeysThatArriveTogetherAreTakenOneByOne(t *testing.T) {
	atPhase2(t, 80, 24).press("p?").sees("Keys: corp.test").press("esc").
		press("?x").seesNot("Keys: corp.test").
		press("pa").press("corp.", "test").press("enter").did("next corp.test")
}

func TestAnOpenGateIsPassedByOneKey(t *testing.T) {
	e := standIn(inPhase(rollout.CheckMX, goodLook()), rollout.Gate{Open: true}, rollout.Plan{})
	d := drive(t, e, 80, 24, inCorp).sees("The gate is open: a goes on to 2 Publish DNS.").press("a").did("next corp.test")
	if !d.engine.consent.Shown.Empty() {
		t.Fatalf("more was accepted than was shown: %+v", d.engine.consent.Shown)
	}
}

func TestAWalkIsShownEditByEdit(t *testing.T) {
	d := atPhase2(t, 80, 24).press("a").typeIn("corp.test")
	d.park = true
	d.press("enter")
	d.sees("Carrying out the plan. Closing the terminal is safe").press("esc").sees("ctrl+c finishes the edit in flight")
	cmds := d.parked[0]
	d.park, d.parked = false, nil
	d.engine.fail["propose"] = errors.New("stop here")
	d.run(cmds)
	d.did("next")
}

func TestStepBackAsksOnceAndGoesOn(t *testing.T) {
	d := atPhase5(t, 80, 24).press("b").did("step-back").sees("Step corp.test back to testing?")
	// The question came by itself: what was typed for something else is lost.
	d.typeIn("corp.test").press("enter").didNot("carry-out")
	d.wait()
	d.press("esc").sees("This is the plan to step back to testing. a applies it").didNot("carry-out")
	d.press("a").typeIn("corp.test").press("enter").did("carry-out step-back").didNot("next")
}

// A sender may still hold what was served before, for longer than what is live.
func TestStepBackSaysHowLongASenderHoldsWhatWasServedBefore(t *testing.T) {
	d := atPhase5(t, 80, 24, func(o *Options) {
		e := o.Engine.(*fakeEngine)
		e.own.Rollout.Ledger = append(rollout.Ledger{{Mode: mtasts.Enforce, MaxAge: 2592000, Until: now().AddDate(0, 0, -9), Assumed: true, Foreign: true}}, e.own.Rollout.Ledger...)
	})
	d.press("b").sees("keeps what it holds until Sat 12 Dec")
}

func TestWhatTheKeysOfAPhaseDo(t *testing.T) {
	for _, row := range []struct {
		name string
		at   func(*testing.T, int, int, ...func(*Options)) *driver
		do   func(d *driver)
	}{
		{"r looks again", atPhase1, func(d *driver) { d.engine.calls = nil; d.press("r").did("propose corp.test") }},
		{"enter shows details", atPhase1, func(d *driver) { d.press("enter").sees("Senders that enforce would not deliver here.", "esc close") }},
		{"e explains", atPhase1, func(d *driver) { d.press("e").sees("FAIL M09 the certificate expired 3 days ago") }},
		{"o overrides in writing", atPhase1, func(d *driver) {
			d.press("o").typeIn("backup host, never used").press("tab").typeIn("corp.test").press("enter").did("override corp.test backup host, never used")
		}},
		{"o needs a reason", atPhase1, func(d *driver) {
			d.press("o", "tab").typeIn("corp.test").press("enter").sees("the journal keeps a reason").didNot("override")
		}},
		{"p shows plan and findings", atPhase2, func(d *driver) {
			d.press("p").sees("MX hosts", "p shows it").press("p").sees("plan " + dnsPlan().Hash())
		}},
		{"a shows the plan first", atPhase2, func(d *driver) {
			d.press("p", "a").sees("a again applies it", "plan ").didNot("next")
		}},
		{"c copies the new value", atPhase2, func(d *driver) {
			d.press("down", "c").sees("Copied the value of mta-sts.corp.test")
			if len(d.copied) != 1 || d.copied[0] != "192.0.2.20" {
				d.t.Fatalf("copied %q", d.copied)
			}
		}},
		{"f marks as mended now", atPhase4, func(d *driver) {
			d.press("f").typeIn("renewed").press("tab", "enter").did("mended corp.test 2026-11-21T10:15:00Z renewed")
		}},
		{"f marks as mended then", atPhase4, func(d *driver) {
			d.press("f").typeIn("renewed").press("tab").typeIn("2026-11-14 08:12").press("enter").did("mended corp.test 2026-11-14T08:12:00Z renewed")
		}},
		{"i imports", atPhase4, func(d *driver) {
			d.importer.asked, d.importer.come = nil, 2
			d.press("i").sees("2 reports new: 5,000 sessions ok, 3 failed.")
			if strings.Join(d.importer.asked, " ") != "/var/mail/tls" {
				d.t.Fatalf("imported from %q", d.importer.asked)
			}
		}},
		{"v shows reports", atPhase4, func(d *driver) {
			d.press("v").sees("Each bar: the sessions of a UTC day", "certificate-expired", "mx2.corp.test")
		}},
		{"l shows the journal", atPhase4, func(d *driver) { d.press("l").sees("from 3 Host the policy to 4 Review reports", "ada@bastion") }},
		{"u proposes an undo", atPhase4, func(d *driver) { d.press("u").did("undo corp.test").sees("There is nothing to change for that.") }},
		{"esc goes to the dashboard", atPhase1, func(d *driver) { d.press("esc").sees("1 domain 1 needs you") }},
		{"? shows the keys", atPhase4, func(d *driver) { d.press("?").sees("mark mended", "import reports", "Keys: corp.test") }},
	} {
		t.Run(row.name, func(t *testing.T) { row.do(row.at(t, 80, 24)) })
	}
}

func TestWhatTheKeysOfTheReportsDo(t *testing.T) {
	open := func(t *testing.T) *driver {
		gate := waitingGate()
		for _, reporter := range []string{"google.com", "microsoft.com"} {
			gate.Reasons = append(gate.Reasons, rollout.Reason{Code: rollout.ReasonBlocking, Subject: reporter + "/certificate-expired/mx2.corp.test"})
		}
		return drive(t, standIn(published(rollout.ReviewReports, "testing", 86400), gate, rollout.Plan{}), 80, 40, inCorp).press("v")
	}
	t.Run("D dismisses for every reporter", func(t *testing.T) {
		open(t).press("D").typeIn("old host").press("enter").
			did("dismiss corp.test google.com/certificate-expired/mx2.corp.test old host").
			did("dismiss corp.test microsoft.com/certificate-expired/mx2.corp.test old host")
	})
	t.Run("t trusts a source", func(t *testing.T) {
		open(t).press("t").typeIn("loud.example").press("tab").typeIn("ours").press("enter").did("trust corp.test loud.example ours")
	})
	t.Run("enter shows what reporters say", func(t *testing.T) {
		open(t).press("enter").sees(`they say: "certificate has expired"`, "google.com/certificate-expired/mx2.corp.test")
	})
	t.Run("what does not count is said", func(t *testing.T) {
		open(t).sees("900,000 sessions do not count", "72 of 32,472 sessions from 2 of 2 reporters would have been refused")
	})
}

func TestDriftOffersBothWays(t *testing.T) {
	r := published(rollout.ReviewReports, "testing", 86400)
	e := standIn(r, rollout.Gate{Reasons: []rollout.Reason{{Code: rollout.ReasonDrift, Text: "the record is not ours", Final: true}}}, rollout.Plan{})
	p := e.proposals["corp.test"]
	p.Drift = &rollout.Drift{Findings: []finding.Finding{{Code: "O12", Severity: finding.Fail, Subject: "_mta-sts.corp.test", Title: "the record reads something else"}},
		Restore: hostPlan(), Adopt: r.Ledger,
		Found: rollout.Adoption{Domain: "corp.test", Record: "v=STSv1; id=theirs;", ID: "theirs", Body: body, Mode: mtasts.Testing, MaxAge: 86400, Valid: true, Phase: rollout.ReviewReports}}
	e.proposals["corp.test"] = p
	restore := hostPlan()
	restore.Purpose = rollout.ForRestore
	e.own = rollout.Proposal{Rollout: r, Plan: restore}

	d := drive(t, e, 80, 40, inCorp).sees("The world differs from what belay verified last", "R puts back", "A takes what is live").seesNot("o go on anyway")
	d.press("A").sees("in mode testing with max_age 86400, announced by id theirs").typeIn("the new record is right").press("tab").typeIn("corp.test").press("enter").did("adopt corp.test the new record is right")
	if shown := e.adopted.Shown; shown == nil || *shown != p.Drift.Found {
		t.Errorf("agreed to %+v, which is not what was shown", shown)
	}
	// What was shown is there no more: it is looked at anew.
	e.calls, e.fail["adopt"] = nil, &rollout.AdoptionError{Found: p.Drift.Found, Moved: true, Drift: true}
	d.press("A").typeIn("again").press("tab").typeIn("corp.test").press("enter").sees("nothing was adopted").did("propose corp.test")
	d.press("R").did("restore corp.test").sees("Put back what was verified last for corp.test?").wait()
	d.typeIn("corp.test").press("enter").did("carry-out restore")
}

func TestTheDemoSaysWhatToPress(t *testing.T) {
	d := atPhase1(t, 80, 24, inDemo).sees("demo: lab time Sat 21 Nov 10:15 UTC; nothing outside this machine is touched", "Here in the lab x, then space, mends it.")
	d.press("x").sees("BROKEN mx2 shows an expired certificate").press(" ").sees("whole mx2 shows an expired certificate", "Mended: mx2 shows an expired certificate.")
	d.importer.come = 2
	d.press("esc", "d").sees("3 senders delivered 900 messages. 2 reports new", "demo: lab time Sun 22 Nov")
}

func TestADomainWithoutARolloutLeadsToTheForm(t *testing.T) {
	e := standIn(inPhase(rollout.CheckMX, badLook()), closedGate(), rollout.Plan{})
	e.fail["propose"] = rollout.ErrNoRollout
	d := drive(t, e, 80, 24, func(o *Options) { o.Domain = "new.example" })
	d.sees("n starts a rollout of new.example").press("n").sees("Domain: new.example")
}

func TestErrorsAreSentences(t *testing.T) {
	d := atPhase2(t, 80, 24)
	d.engine.fail["next"] = &rollout.LockedError{Domain: "corp.test", Holder: "bob@bastion"}
	d.press("a").typeIn("corp.test").press("enter").sees("FAIL another belay works on corp.test: bob@bastion; wait until it is done", "r tries again")
}
