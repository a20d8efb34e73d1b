package tui

import (
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/finding"
)

func TestAReasonSaysWhatItIsAboutAndWhichKeyHelps(t *testing.T) {
	k := &kit{clock: stoppedClock{now()}, zone: now().Location()}
	for name, row := range map[string]struct {
		reason rollout.Reason
		want   string
	}{
		"a host is named": {rollout.Reason{Code: "M09", Subject: "mx2.corp.test [192.0.2.12]", Text: "certificate expired", Fix: "Renew it.", Final: true},
			"mx2.corp.test [192.0.2.12]: certificate expired. Renew it. (cannot be overridden)"},
		"a host that the text names is not named twice": {rollout.Reason{Code: "M17", Subject: "mx2.corp.test", Text: "the backup mx2.corp.test fails"},
			"the backup mx2.corp.test fails"},
		"a command is a key here": {rollout.Reason{Code: rollout.ReasonEdits, Subject: "_smtp._tls.corp.test TXT", Text: "not live yet", Fix: "belay next carries the plan out"},
			"Not live yet. a carries the plan out."},
		"a plan that the settings have overtaken": {rollout.Reason{Code: rollout.ReasonBusy, Subject: "1f0c", Text: "plan 1f0c was accepted and is not finished", Final: true,
			Fix: "the settings were changed since; belay next makes it again by them, or gives it up"},
			"Plan 1f0c was accepted and is not finished. The settings were changed since; a makes it again by them, or gives it up. (cannot be overridden)"},
		"decisions about reports are keys": {rollout.Reason{Code: rollout.ReasonBlocking, Subject: "google.com/certificate-expired/mx2.corp.test", Text: "google.com reported it",
			Fix: "Renew it; then belay mended corp.test; if it is none of yours, belay dismiss corp.test google.com/certificate-expired/mx2.corp.test"},
			"google.com reported it. Renew it; then f marks it mended; if it is none of yours, v and there D sets it aside."},
		"a signer nobody knows": {rollout.Reason{Code: rollout.ReasonSigner, Subject: "evil.test", Text: "evil.test reported it",
			Fix: "mark it known if you know it (belay reports trust corp.test evil.test --reason WHY), or set it aside (belay dismiss corp.test evil.test --reason WHY)"},
			"evil.test reported it. Mark it known if you know it (v and there t trusts it), or set it aside (v and there D sets it aside)."},
	} {
		if got := k.reason(row.reason); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// enforcing is corp.test in phase 5, still in testing, with the plan to enforce.
func enforcing(g rollout.Gate, ev rollout.Evidence) *fakeEngine {
	r := published(rollout.Enforce, "testing", 86400)
	r.Evidence = &ev
	plan := hostPlan()
	plan.Phase = rollout.Enforce
	plan.Edits[0].Before = plan.Edits[0].After
	plan.Edits[0].After = rollout.Body(strings.Replace(body, "testing", "enforce", 1))
	return standIn(r, g, plan)
}

func TestAPlanThatEnforcesIsNotOfferedBeforeItsGateOpens(t *testing.T) {
	d := drive(t, enforcing(closedGate(), badLook()), 80, 24, inCorp).
		sees("The plan waits: the gate into it is closed. Mend mx2.corp.test [192.0.2.12], then r looks again.").
		seesNot("a apply", "a applies it")
	d.press("a").seesNot("Switch corp.test to enforce?")
	drive(t, enforcing(waitingGate(), goodLook()), 80, 24, inCorp).
		sees("The plan waits: the gate into it is closed. It opens Thu 26 Nov 10:15").seesNot("a apply")
	drive(t, enforcing(rollout.Gate{Open: true}, goodLook()), 80, 24, inCorp).
		sees("a apply 2 edits").press("a").sees("Switch corp.test to enforce?")
}

func TestAHeldPlanCanBeOverriddenWhereItsReasonsCan(t *testing.T) {
	d := drive(t, enforcing(waitingGate(), goodLook()), 80, 24, inCorp).sees("o go on anyway", "o goes on anyway, in writing.")
	d.press("o").sees("Go on with corp.test anyway?").typeIn("it must be today").press("tab").typeIn("corp.test").press("enter").did("override corp.test it must be today")

	final := waitingGate()
	final.Reasons = append(final.Reasons, rollout.Reason{Code: "M07", Subject: "mx1.corp.test", Text: "no STARTTLS", Final: true})
	for name, g := range map[string]rollout.Gate{"one reason stays": final, "open": {Open: true}} {
		if d := drive(t, enforcing(g, goodLook()), 80, 24, inCorp).press("o"); strings.Contains(d.view(), "anyway") {
			t.Errorf("%s, and o is offered:\n%s", name, d.view())
		}
	}
}

func TestUndoIsOfferedOnlyWhereTheEngineWouldMakeAPlan(t *testing.T) {
	r := published(rollout.ReviewReports, "testing", 86400)
	announced := now().AddDate(0, 0, -9)
	stepped := r
	before := r.Ledger[0]
	before.Body, before.Mode, before.Announced, before.Until = strings.Replace(body, "testing", "enforce", 1), "enforce", announced, now()
	after := r.Ledger[0]
	after.Announced = now()
	stepped.Ledger = rollout.Ledger{before, after}
	made := rollout.EditState{Intended: now(), Received: now(), Verified: now(), Receipt: rollout.Receipt{Outcome: rollout.Applied}}
	stepped.Plans = append(stepped.Plans[:1:1], rollout.AcceptedPlan{Plan: hostPlan(), At: now(), Edits: map[string]rollout.EditState{"body": made, "txt": made}})
	none := r
	none.Plans = nil
	for name, row := range map[string]struct {
		r    rollout.Rollout
		want bool
	}{
		"a record that could be put back":               {r, true},
		"right after a step back it would enforce anew": {stepped, false},
		"nothing was changed":                           {none, false},
	} {
		if got := canUndo(row.r, now()); got != row.want {
			_, err := row.r.Undo(*row.r.Evidence, now())
			t.Errorf("%s: %v, want %v (%v)", name, got, row.want, err)
		}
	}
}

func TestWhatHeldAWalkUpIsSaid(t *testing.T) {
	for name, row := range map[string]struct {
		progress rollout.Progress
		want     string
	}{
		"a gate":         {rollout.Progress{Gate: closedGate()}, "Nothing moved. The gate is closed: mx2.corp.test [192.0.2.12]: the certificate expired 3 days ago."},
		"nothing at all": {rollout.Progress{Gate: rollout.Gate{Open: true}}, "Nothing moved."},
		"a step back": {rollout.Progress{PhaseBefore: rollout.Enforce, Phase: rollout.ReviewReports, Edits: []rollout.EditOutcome{{Outcome: rollout.Applied}}},
			"1 edit made and read back. This is 4 Review reports again."},
	} {
		if got := report(row.progress); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestAnOverrideShowsMomentsAsTheOperatorHasThem(t *testing.T) {
	g := closedGate()
	g.Reasons[0].Text = "mx2.corp.test failed at 2026-11-20T08:04:12Z"
	drive(t, standIn(inPhase(rollout.CheckMX, badLook()), g, rollout.Plan{}), 80, 24, inCorp).
		press("o").sees("failed at Fri 20 Nov 08:04").seesNot("2026-11-20T")
}

func TestTheSameOfTwoAddressesIsSaidOnceBelowBoth(t *testing.T) {
	expired := finding.Finding{Code: "M09", Severity: finding.Fail, Title: "certificate expired", Detail: "Senders refuse it.", Fix: "Renew it."}
	other := finding.Finding{Code: "M11", Severity: finding.Fail, Title: "certificate is for another name", Detail: "Names differ.", Fix: "Reissue it."}
	backup := finding.Finding{Code: "M17", Severity: finding.Warn, Title: "the backup fails"}
	rows := func(findings ...[]finding.Finding) []group {
		g := group{title: "MX hosts"}
		for _, fs := range findings {
			g.rows = append(g.rows, row{severity: finding.Fail, who: "mx2.corp.test", said: "answered", findings: fs})
		}
		return []group{g}
	}
	for name, row := range map[string]struct {
		groups []group
		want   string
	}{
		"the same": {rows([]finding.Finding{expired, backup}, []finding.Finding{expired}),
			"MX hosts FAIL mx2.corp.test answered FAIL mx2.corp.test answered certificate expired M09 Senders refuse it. Renew it. the backup fails M17"},
		"something else": {rows([]finding.Finding{expired}, []finding.Finding{other}),
			"MX hosts FAIL mx2.corp.test answered certificate expired M09 Senders refuse it. Renew it. FAIL mx2.corp.test answered certificate is for another name M11 Names differ. Reissue it."},
		"three": {rows([]finding.Finding{expired}, []finding.Finding{expired}, []finding.Finding{expired}),
			"MX hosts FAIL mx2.corp.test answered FAIL mx2.corp.test answered FAIL mx2.corp.test answered certificate expired M09 Senders refuse it. Renew it."},
	} {
		lines, marks, shown := lay(plainStyles(), row.groups, 78)
		if got := flat(strings.Join(lines, "\n")); got != row.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, row.want)
		}
		if len(marks) != len(row.groups[0].rows) || len(shown) != len(marks) {
			t.Errorf("%s: %d marks, %d rows", name, len(marks), len(shown))
		}
	}
}

func TestWhatIsToBeDoneByHandKeepsItsLines(t *testing.T) {
	got := told("Create this record:\n  name _smtp._tls\n  value v=TLSRPTv1;\x1b[31m\n\n")
	want := "Create this record:\n  name _smtp._tls\n  value v=TLSRPTv1;"
	if strings.Join(got, "\n") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := told(""); got != nil {
		t.Errorf("nothing is told as %q", got)
	}
}

// While reports are waited for, why the gate is closed is seen at once, in every window,
// before what was seen and is good; what fails is seen before the gate.
func TestWhyTheGateIsClosedIsSeenWithoutScrolling(t *testing.T) {
	why := rollout.Gate{Reasons: []rollout.Reason{
		{Code: rollout.ReasonReporters, Text: "1 known reporter since 12 Nov, 2 are wanted"},
		{Code: rollout.ReasonBlocking, Text: "google.com reported certificate-expired at mx2.corp.test", Fix: "Renew it."}}, Counted: []string{"google.com"}}
	for _, size := range sizes[:4] {
		t.Run(size.name, func(t *testing.T) {
			r := published(rollout.ReviewReports, "testing", 86400)
			d := drive(t, standIn(r, why, rollout.Plan{}), size.w, size.h, inCorp).
				sees("1 known reporter since 12 Nov, 2 are wanted", "google.com reported certificate-expired at mx2.corp.test", "counted: google.com")
			shown := d.view()
			if size.h >= 24 && strings.Index(shown, "- 1 known") > strings.Index(shown, "MX hosts\n") {
				t.Errorf("the gate stands below what was seen:\n%s", shown)
			}
			if n := strings.Count(d.press("end", "home").view(), "counted:"); n != 1 {
				t.Errorf("the gate is shown %d times", n)
			}
			if !strings.Contains(shown, "> ok") { // the selected row is further down, and down leads to it
				d.press("down").sees("> ok mx1.corp.test 10 192.0.2.11")
			}

			bad := badLook()
			r.Evidence = &bad
			d = drive(t, standIn(r, why, rollout.Plan{}), size.w, size.h, inCorp).sees("FAIL")
			if shown := d.view(); strings.Contains(shown, "- 1 known") && strings.Index(shown, "- 1 known") < strings.Index(shown, "FAIL") {
				t.Errorf("the gate stands above what fails:\n%s", shown)
			}
		})
	}
}

// In a low window the keys leave the screen its room: what does not fit into two lines is
// told by ?, which stays.
func TestKeysLeaveALowWindowItsRoom(t *testing.T) {
	for _, size := range sizes[:4] {
		for name, open := range map[string]func() *driver{
			"plan":   func() *driver { return atPhase2(t, size.w, size.h) },
			"review": func() *driver { return atPhase4(t, size.w, size.h) },
			"demo":   func() *driver { return atPhase1(t, size.w, size.h, inDemo) },
		} {
			d := open()
			lines := d.app.keyLines(d.app.keys())
			told := flat(strings.Join(lines, " "))
			if size.h < lowHeight && len(lines) > fewKeyLines || !strings.HasSuffix(told, "? help") {
				t.Errorf("%s in %s: %q", name, size.name, lines)
			}
			if whole := !strings.Contains(told, "…"); size.h >= lowHeight && !whole {
				t.Errorf("%s in %s leaves keys out: %q", name, size.name, lines)
			}
			if all := d.press("?"); !strings.Contains(strings.Join(all.app.reader.lines, "\n"), pad("esc", 12)+"back") {
				t.Errorf("%s in %s: ? does not tell them all:\n%s", name, size.name, all.view())
			}
		}
	}
}
