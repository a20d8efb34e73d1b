package tui

import (
	"context"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// Whoever makes the edits is said to make them: of those that the operator makes
// belay applies, writes and undoes none.
func TestWordsFitWhoMakesTheEdits(t *testing.T) {
	mixed := dnsPlan()
	mixed.Edits[0].Account = "manual"
	belays := []string{"apply", "written, read back", "u undoes"}
	for _, row := range []struct {
		shows   string
		plan    rollout.Plan
		says    []string
		saysNot []string
	}{
		{"belay", dnsPlan(), []string{"apply 2 edits", "a again applies it", "a applies it, after", "Each edit is written, read back", "u undoes it", "Publish 2 edits"}, []string{"by hand"}},
		{"the operator", handPlan(), []string{"accept 2 edits by hand", "you make it, and belay writes none of it", "All of this you make by hand", "belay looks for what you make",
			"You make each edit; belay writes none of them", "u shows what to put back by hand", "Make 2 edits for corp.test by hand?", "TXT 300 by hand"}, belays},
		{"both", mixed, []string{"apply 1 edit, 1 by hand", "what is by hand you make", "those by hand you make, and belay looks until they are seen"}, []string{"Each edit is written"}},
	} {
		for _, size := range sizes[:4] {
			t.Run(row.shows+"/"+size.name, func(t *testing.T) {
				e := standIn(inPhase(rollout.PublishDNS, goodLook()), closedGate(), row.plan)
				d := drive(t, e, size.w, size.h, inCorp, inForms)
				said := d.press("p").view() // findings, from which a leads to the plan
				said += d.press("a").view() + d.press("r").view() + d.press("a").view()
				var told string
				for line := range strings.SplitSeq(said, "\n") {
					if _, beside, ok := strings.Cut(line, "│ "); ok { // the rail of phases stands at its left
						line = beside
					}
					told += line + "\n"
				}
				told = flat(told)
				for _, want := range row.says {
					if !strings.Contains(told, want) {
						t.Errorf("nowhere stands %q:\n%s", want, said)
					}
				}
				for _, not := range row.saysNot {
					if strings.Contains(told, not) {
						t.Errorf("%q is said:\n%s", not, said)
					}
				}
			})
		}
	}
}

// What became of edits is said by whose they are.
func TestReportTellsWhoseEditsTheyAre(t *testing.T) {
	edit := func(account string, o rollout.Outcome) rollout.EditOutcome {
		return rollout.EditOutcome{Edit: rollout.Edit{Account: account}, Outcome: o}
	}
	for _, row := range []struct {
		shows string
		edits []rollout.EditOutcome
		want  string
	}{
		{"written", []rollout.EditOutcome{edit("rfc2136", rollout.Applied), edit("rfc2136", rollout.Found)}, "2 edits made and read back."},
		{"made by hand", []rollout.EditOutcome{edit("manual", rollout.Found)}, "1 edit of yours seen wherever senders look."},
		{"to be made by hand", []rollout.EditOutcome{edit("manual/work", rollout.Waiting), edit("static:/srv", rollout.Waiting)}, "2 edits for you to make by hand; belay keeps looking."},
		{"written and not seen", []rollout.EditOutcome{edit("rfc2136", rollout.Waiting)}, "1 edit still to be seen everywhere."},
		{"one of each", []rollout.EditOutcome{edit("rfc2136", rollout.Applied), edit("manual", rollout.Waiting)}, "1 edit made and read back. 1 edit for you to make by hand; belay keeps looking."},
		{"nobody knows", []rollout.EditOutcome{edit("cloudflare", rollout.Unknown)}, "1 edit of unknown fate, looked for before it is made again."},
		{"failed", []rollout.EditOutcome{edit("rfc2136", rollout.Failed)}, "1 edit not made: see the plan."},
	} {
		if got := report(rollout.Progress{Edits: row.edits}); got != row.want {
			t.Errorf("%s: %q, want %q", row.shows, got, row.want)
		}
	}
}

// While the operator's edits are waited for, a looks; the way back from them is his too.
func TestKeysOfAPlanMadeByHand(t *testing.T) {
	e := byHandIn()
	e.waiting = closedGate()
	d := drive(t, e, 80, 24, inCorp, inForms).sees("a look and go on", "u undo by hand").seesNot("apply")
	e.own = rollout.Proposal{Rollout: e.rollouts["corp.test"], Evidence: goodLook(), Plan: func() rollout.Plan { p := handPlan(); p.Purpose = rollout.ForUndo; return p }()}
	d.press("u").sees("You make it by hand, and belay looks until it is seen")

	wait := make(chan struct{})
	e = standIn(inPhase(rollout.PublishDNS, goodLook()), closedGate(), handPlan())
	e.hold = func(context.Context) { <-wait }
	close(wait)
	d = drive(t, e, 80, 24, inCorp, inForms).press("a").typeIn("corp.test")
	d.park = true
	d.press("enter").sees("Looking for what you make by hand").seesNot("Carrying out")
}

// A policy that is to be enforced by hand is asked for in the same words.
func TestEnforcingByHandIsSaidToBe(t *testing.T) {
	p := hostPlan()
	for i := range p.Edits {
		p.Edits[i].Account = "manual"
	}
	p.Edits[0].After = rollout.Body(strings.Replace(body, "mode: testing", "mode: enforce", 1))
	if policy, ok := p.Policy(); !ok || policy.Mode != mtasts.Enforce {
		t.Fatalf("the plan is no plan to enforce: %+v", policy)
	}
	r := published(rollout.Enforce, "testing", 86400)
	d := drive(t, standIn(r, rollout.Gate{Open: true}, p), 80, 24, inCorp, inForms)
	d.press("a").sees("Switch corp.test to enforce?", "You make it by hand, and belay looks until it is seen.")
}

// longForms are forms of which lines are wider than any window.
func longForms(o *Options) {
	o.Forms = func(e rollout.Edit) []Form {
		return []Form{
			{"panel", "Create this record:\n  name   " + e.Name + "\n  value  " + e.After.String()},
			{"zone", e.Name + `. 300 IN ` + e.Type + ` "` + strings.Repeat("v=TLSRPTv1;  rua=mailto:reports@example.org,", 9) + `end"`},
			{"command", `printf '` + strings.Repeat(`mx: mx1.corp.test\r\n`, 14) + `' > mta-sts.txt`},
		}
	}
}

// enter shows a record that is made by hand whole, to the letter and however wide, in
// every window; c and tab do there what they do on the page.
func TestALongFormIsReadWhole(t *testing.T) {
	for _, size := range sizes[:4] {
		t.Run(size.name, func(t *testing.T) {
			e := byHandIn()
			e.waiting = closedGate()
			d := drive(t, e, size.w, size.h, inCorp, longForms).press("tab")
			if size.h > 16 { // there it stands further down
				d.sees("by hand, as zone (enter: whole lines; tab: another form)")
			}
			d.press("enter")
			for _, name := range []string{"zone", "command"} {
				want := ""
				for _, f := range d.app.forms(handPlan().Edits[0]) {
					if f.Name == name {
						want = f.Text
					}
				}
				d.sees("By hand, as "+name, "c copy "+name, "tab other form")
				if got := d.exact(); !strings.Contains(got, want) {
					t.Errorf("%s is not whole:\n%s\nin\n%s", name, want, got)
				}
				d.press("c")
				if got := d.copied[len(d.copied)-1]; got != want+"\n" {
					t.Errorf("%q was copied", got)
				}
				d.press("home", "tab")
			}
			d.sees("By hand, as panel", "c copy value").press("esc").seesNot("By hand, as")
		})
	}
}

// exact is what the reader shows from its top to its end, its lines put together.
func (d *driver) exact() string {
	d.t.Helper()
	if d.app.reader == nil {
		d.t.Fatalf("nothing is read:\n%s", d.view())
	}
	pane := &d.app.reader.pane
	if pane.height < 1 || len(pane.view()) != pane.height {
		d.t.Fatalf("%d lines in a pane of %d", len(pane.view()), pane.height)
	}
	shown := map[int]string{}
	for range len(pane.lines) + 1 {
		for i, line := range pane.view() {
			if at := pane.top + i; at < len(pane.lines) && i < pane.window() {
				shown[at] = strings.TrimPrefix(line, "  ")
			}
		}
		d.press("down")
	}
	var whole strings.Builder
	for at := range len(pane.lines) {
		whole.WriteString(shown[at])
	}
	return whole.String()
}
