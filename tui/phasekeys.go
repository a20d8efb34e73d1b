package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	tea "github.com/charmbracelet/bubbletea"
)

// KeyMap is what can be done now; what cannot is not there.
func (p *phase) KeyMap() []act {
	moves := p.pane.moves()
	if p.walk != nil {
		return append(p.walkActs(), moves...)
	}
	var acts []act
	if p.looking == nil && p.proposal != nil {
		if next, ok := p.onward(); ok {
			acts = append(acts, on("a", next, p.goOn))
		}
		if p.course != nil {
			says := "plan"
			if p.planShown {
				says = "findings"
			}
			acts = append(acts, on("p", says, func() tea.Cmd { p.planShown = !p.planShown; p.pane.end(false); p.render(); return nil }))
		}
		acts = append(acts, p.driftActs()...)
	}
	if errors.Is(p.err, rollout.ErrNoRollout) {
		acts = append(acts, on("n", "start a rollout", func() tea.Cmd {
			p.nav.back()
			return p.nav.open(newRolloutOf(p.kit, p.domain))
		}))
	}
	acts = append(acts, p.loginActs()...)
	acts = append(acts, on("r", "look again", p.readAndLook))
	acts = append(acts, p.readingActs()...)
	acts = append(acts, p.sinceActs()...)
	acts = append(acts, p.rehearseActs()...)
	switch {
	case !p.loaded:
	case p.looking == nil:
		acts = append(acts, p.decisionActs()...)
	case p.looking.reports.line(p.width) != "":
		acts = append(acts, p.stepBackActs()...) // it waits for no report
	}
	return append(acts, moves...)
}

// onward says what a does now; ok is false where there is nothing to go on with.
func (p *phase) onward() (says string, ok bool) {
	switch {
	case p.heldUp():
		return "", false
	case p.offer.resumes && p.waitsForHand() && !p.handMade:
		return "look and go on", true
	case !p.offer.plan.Empty() && p.offer.resumes:
		return "go on with the plan", true
	case !p.offer.plan.Empty():
		return handsOf(p.offer.plan).begins(), true
	case p.proposal.Drift == nil && p.gate.Open && p.rollout.Phase != rollout.Holding:
		return "go on to " + p.goal(), true
	}
	return "", false
}

// goOn shows a plan before it is accepted, asks for the domain, and carries it
// out. Without a plan it moves the rollout through its open gate.
func (p *phase) goOn() tea.Cmd {
	switch {
	case p.offer.plan.Empty() || p.offer.resumes:
		return p.carryOffer()
	case !p.planShown:
		p.planShown = true
		p.pane.end(false)
		p.render()
		p.nav.say(handsOf(p.offer.plan).shown())
		return nil
	}
	return p.nav.ask(p.confirm(p.rollout, p.offer.plan, p.carryOffer))
}

// carryOffer starts the walk.
func (p *phase) carryOffer() tea.Cmd {
	p.stopWatching()
	plan, own := p.offer.plan, p.offer.own
	if p.course == nil {
		p.course = newCourse(plan, p.rollout)
	}
	p.err = nil
	var cmd tea.Cmd
	p.walk, cmd = p.carry(p.domain, !own && plan.Purpose != rollout.ForStepBack, func(ctx context.Context, emit rollout.Sink) (rollout.Progress, error) {
		consent := rollout.Consent{Given: true, Shown: &plan}
		if own {
			return p.engine.CarryOut(ctx, plan, consent, emit)
		}
		return p.engine.Next(ctx, p.domain, consent, emit)
	})
	p.render()
	return tea.Batch(cmd, p.after(beat, beatMsg{p.walk.feed}))
}

// readingActs show more of what is selected.
func (p *phase) readingActs() []act {
	var acts []act
	at := p.pane.at
	switch {
	case p.course != nil && (p.planShown || p.walk != nil) && p.looking == nil && at < len(p.course.plan.Edits):
		e := p.course.plan.Edits[at]
		acts = append(acts,
			on("enter", "details", func() tea.Cmd { p.readEdit(e); return nil }))
		acts = append(acts, p.copyActs(e)...)
	case p.looking == nil && at < len(p.items):
		r := p.items[at]
		acts = append(acts,
			on("enter", "details", func() tea.Cmd { p.nav.read(r.who, rowDetails(r)); return nil }),
			on("e", "explain", func() tea.Cmd { p.nav.read(r.who, explain(r)); return nil }))
	}
	if p.reviewing() || len(p.rollout.Reports) > 0 {
		acts = append(acts, on("v", "reports", func() tea.Cmd { return p.nav.open(newReports(p.kit, p.domain)) }))
	}
	return acts
}

// rowDetails is a row in full.
func rowDetails(r row) []string {
	out := []string{r.said}
	if r.took > 0 {
		out = append(out, "answered in "+took(r.took))
	}
	for _, f := range r.findings {
		out = append(out, "", fmt.Sprintf("%s %s  %s", word(severityOf(f)), f.Code, finding.Clean(f.Subject, 300)), finding.Clean(f.Title, 500))
		for _, more := range []string{f.Detail, f.Fix, f.Ref} {
			if more != "" {
				out = append(out, finding.Clean(more, 1500))
			}
		}
	}
	return out
}

// editDetails is an edit in full.
func (p *phase) editDetails(e rollout.Edit) []string {
	out := []string{"at " + e.Account, "before:"}
	for _, l := range parts(e.Before) {
		out = append(out, "  "+l)
	}
	if !e.Before.Exists {
		out = append(out, "  nothing")
	}
	out = append(out, "after:")
	for _, l := range parts(e.After) {
		out = append(out, "  "+l)
	}
	if !e.After.Exists {
		out = append(out, "  nothing")
	}
	if len(e.Needs) > 0 {
		out = append(out, "", "Begins only when verified from outside: edit "+strings.Join(e.Needs, ", ")+".")
	}
	if e.Why != "" {
		out = append(out, "", e.Why)
	}
	if s := p.course.states[e.ID]; s != nil && s.detail != "" && (len(p.formsOf(e)) == 0 || len(p.keptBack(e)) == 0) {
		out = append(append(out, ""), told(s.detail)...)
	}
	return out
}

// decisionActs are what an operator decides, and the ways back.
func (p *phase) decisionActs() []act {
	var acts []act
	if p.mayOverride() {
		acts = append(acts, on("o", "go on anyway", p.askOverride))
	}
	acts = append(acts, p.stepBackActs()...)
	if p.undoable {
		acts = append(acts, on("u", p.undoing(), func() tea.Cmd {
			return p.proposeOwn("Making the plan that undoes the last one.", p.engine.ProposeUndo)
		}))
	}
	if p.reviewing() {
		acts = append(acts,
			on("i", "import reports", func() tea.Cmd { return p.nav.importReports(p.rollout) }),
			on("f", "mark mended", p.askMended))
	}
	return acts
}

func (p *phase) stepBackActs() []act {
	if !p.rollout.Enforces() {
		return nil
	}
	return []act{on("b", "step back", func() tea.Cmd {
		return p.proposeOwn("Making the plan for the step back to testing.", p.engine.ProposeStepBack)
	})}
}

// mayOverride reports whether an override would lead on: out of the phase, or past
// the gate that holds the offered plan up. That one must have no reason left which
// no override covers, or the plan would wait all the same.
func (p *phase) mayOverride() bool {
	if p.gate.Open || !p.overridable() {
		return false
	}
	if p.course == nil {
		return true
	}
	return p.heldUp() && !slices.ContainsFunc(p.gate.Closed(), func(r rollout.Reason) bool { return r.Final })
}

// canUndo reports whether the engine would make a plan that undoes the last one, as
// far as what was seen last tells: it refuses what a sender that holds a policy
// could not bear.
func canUndo(r rollout.Rollout, now time.Time) bool {
	if len(r.Plans) == 0 {
		return false
	}
	if r.Evidence == nil {
		return true
	}
	plan, err := r.Undo(*r.Evidence, now)
	if err != nil {
		return !errors.Is(err, rollout.ErrRefused) // what could not be read may be readable now
	}
	return !plan.Empty()
}

func (p *phase) askOverride() tea.Cmd {
	return p.nav.ask(p.overrideDialog(p.domain, p.gate, func(why string) tea.Cmd {
		return p.decide("Written down. The gate is weighed again.", func(ctx context.Context) error {
			_, err := p.engine.Override(ctx, p.domain, why)
			return err
		})
	}))
}

// mendedLayout is how a moment is typed, in the wizard's zone.
const mendedLayout = "2006-01-02 15:04"

func (k *kit) askMendedOf(domain string) tea.Cmd {
	hour := k.clock.Now().In(k.zone).Truncate(time.Hour)
	example := hour.Format(mendedLayout)
	at := newField("Mended at", "now, or such as "+example+", time in "+hour.Format("MST"), func(s string) error {
		if s == "" {
			return nil
		}
		if _, err := time.ParseInLocation(mendedLayout, s, k.zone); err != nil {
			return fmt.Errorf("write it like %s, or leave it empty for now", example)
		}
		return nil
	})
	return k.nav.ask(&dialog{
		title:  "Mark what failed at " + domain + " as mended?",
		lines:  []string{"Reports about sessions before that moment no longer hold the gate; the clean time begins anew."},
		fields: []*field{reason(), at},
		done: func(answers []string) tea.Cmd {
			moment := k.clock.Now()
			if answers[1] != "" {
				moment, _ = time.ParseInLocation(mendedLayout, answers[1], k.zone) // checked by the field
			}
			return k.decideFor(domain, "Written down as mended "+k.when(moment)+".", func(ctx context.Context) error {
				_, err := k.engine.Mended(ctx, domain, moment, answers[0])
				return err
			})
		},
	})
}

func (p *phase) askMended() tea.Cmd { return p.askMendedOf(p.domain) }

// decideFor runs an act that writes a decision into the journal of domain.
func (k *kit) decideFor(domain, said string, f func(ctx context.Context) error) tea.Cmd {
	return k.crew.errand(func(ctx context.Context) tea.Msg {
		return decidedMsg{domain: domain, said: said, err: f(ctx)}
	})
}

func (p *phase) decide(said string, f func(ctx context.Context) error) tea.Cmd {
	return p.decideFor(p.domain, said, f)
}
