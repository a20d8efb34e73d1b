package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/spf13/cobra"
)

const nextLong = `One step of the way: takes reports in from the rollout's inboxes, looks at the
domain, carries out at most one plan, verifies it from outside, then moves at
most one phase or rung. At a terminal the plan is shown and the domain asked for;
without one it needs --yes or --plan. In holding it looks for drift.

Exit status 0 where something was applied or moved (in holding: where nothing
fails), 1 where nothing moved because a gate is closed or an edit is waited for.`

func (p *program) nextCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "next DOMAIN", Short: "Carry out the next step", Long: nextLong, Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			return p.with(ctx, func(s *session) error { return p.next(ctx, s, domain, file) })
		}),
	}
	c.Flags().StringVar(&file, "plan", "", "carry out the plan saved in `FILE`")
	return c
}

func (p *program) next(ctx context.Context, s *session, domain, file string) error {
	if file != "" {
		return p.carrySaved(ctx, s, domain, file, rollout.ForPhase)
	}
	r, err := s.engine.Load(ctx, domain)
	if err != nil {
		return err
	}
	busy, resumes := r.Unfinished()
	if !p.flags.yes && !p.canAsk() && r.Phase != rollout.Holding && !resumes {
		return noConsent(domain, rollout.ForPhase)
	}
	if resumes && !p.flags.json {
		p.paragraph("Plan "+busy.Plan.Hash()+" was accepted and is not finished. "+busy.HalfState(), "", "")
	}
	if !resumes || busy.Plan.Purpose != rollout.ForStepBack { // which waits for no report
		if err := p.takeReports(ctx, s, r); err != nil {
			return err
		}
	}
	consent := rollout.Consent{Given: p.flags.yes}
	if !p.flags.yes && p.canAsk() {
		if consent, err = p.askForNext(ctx, s, domain); err != nil {
			return err
		}
	}
	progress, err := s.engine.Next(ctx, domain, consent, p.sink(p.events()))
	return p.conclusion(ctx, progress, err)
}

// askForNext shows what would be done and asks for it, where there is something
// that needs to be accepted.
func (p *program) askForNext(ctx context.Context, s *session, domain string) (rollout.Consent, error) {
	proposal, err := s.engine.Propose(ctx, domain, p.sink(nil))
	if err != nil {
		return rollout.Consent{}, err
	}
	if !p.flags.json {
		p.printSince(proposal.Since)
	}
	if proposal.Plan.Empty() || proposal.Resumes || proposal.Drift != nil {
		return rollout.Consent{}, nil
	}
	p.showToAccept(proposal)
	return p.consent(ctx, proposal.Plan)
}

// carrySaved carries out a plan that was saved, if it is still what would be done and
// is for what the command is for: a step back never carries out a plan that enforces.
// What was accepted and is not finished next goes on with, whatever it is for.
func (p *program) carrySaved(ctx context.Context, s *session, domain, file string, purpose rollout.Purpose) error {
	plan, err := p.readPlan(file, domain)
	if err != nil {
		return err
	}
	r, err := s.engine.Load(ctx, domain)
	if err != nil {
		return err
	}
	busy, unfinished := r.Unfinished()
	command, its := commandOf(purpose), commandOf(plan.Purpose)
	if command != its && !(purpose == rollout.ForPhase && unfinished && busy.Plan.Purpose == plan.Purpose) {
		return usagef("belay %[1]s does not carry out the plan %[2]s, which is a plan for %[3]s: belay %[4]s %[5]s --plan %[2]s does", command, file, plan.Purpose, its, domain)
	}
	consent := rollout.Consent{Given: true, Shown: &plan}
	act, asked := proposers(s.engine)[purpose]
	if !asked { // a way back passes no gate that counts reports, and waits for no inbox
		if err := p.takeReports(ctx, s, r); err != nil {
			return err
		}
	}
	if !asked || unfinished && busy.Plan.Hash() == plan.Hash() {
		progress, err := s.engine.Next(ctx, domain, consent, p.sink(p.events()))
		return p.conclusion(ctx, progress, err)
	}
	proposal, err := act(ctx, domain, p.sink(nil))
	if err != nil {
		return err
	}
	progress, err := s.engine.CarryOut(ctx, proposal.Plan, consent, p.sink(p.events()))
	return p.conclusion(ctx, progress, err)
}

// proposer makes the plan of an act that is carried out only when it is asked for.
type proposer func(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error)

func proposers(e *rollout.Engine) map[rollout.Purpose]proposer {
	return map[rollout.Purpose]proposer{
		rollout.ForStepBack: e.ProposeStepBack,
		rollout.ForUndo:     e.ProposeUndo,
		rollout.ForRestore:  e.ProposeRestore,
	}
}

// takeReports takes in what lies in the rollout's inboxes, so that a gate never
// opens on reports that nobody has read. A mail that cannot be read is said and holds
// nothing up; an inbox that cannot is a reason of the gates that count reports.
func (p *program) takeReports(ctx context.Context, s *session, r rollout.Rollout) error {
	if len(r.Settings.Inboxes) == 0 {
		return nil
	}
	sum, err := importer{s: s}.Import(ctx, r.Domain, r.Settings.Inboxes, nil)
	if err != nil {
		return err
	}
	p.log.Info("reports", "domain", r.Domain, "new", sum.New, "duplicates", sum.Duplicates, "unreadable", sum.Unreadable)
	told := map[string]bool{}
	for _, of := range sum.Sources {
		if of.Error != "" {
			fmt.Fprintf(p.errs, "belay: inbox not read: %s: %s\n", clean(of.Source), clean(of.Error))
			told[clean(of.Source)] = true
		}
	}
	for _, skipped := range sum.Skipped {
		if !told[clean(skipped.Path)] {
			fmt.Fprintf(p.errs, "belay: report not read: %s: %s\n", clean(skipped.Path), clean(skipped.Why))
		}
	}
	if sum.New > 0 && !p.flags.json {
		p.say("took in %s: %s good, %d failed", many(sum.New, "new report"), many(sum.Success, "session"), sum.Failure)
		for _, said := range remarks(sum) {
			p.paragraph(said, "  ", "  ")
		}
		sum.ForeignDomains = nil // each run would say so again
		for _, a := range p.advices(sum, nil) {
			p.printAdvice("  ", a)
		}
	}
	return nil
}

// events prints what happens as it happens; with --json nothing.
func (p *program) events() rollout.Sink {
	if p.flags.json {
		return nil
	}
	return func(ev rollout.Event) {
		switch ev.Kind {
		case rollout.Applying:
			begins := "apply"
			if ev.Edit.ByHand() {
				begins = "by hand" // belay looks whether it stands
			}
			p.printEdit(begins, *ev.Edit)
		case rollout.Edited:
			p.printReceipt(ev)
		case rollout.BecameLive:
			p.say("  live    %s %s%s%s", clean(ev.Subject), ev.Edit.Type, oldUntil(ev.Until), unseen(ev.Text))
		}
	}
}

// oldUntil says how long resolvers may still answer what stood before.
func oldUntil(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "; resolvers may answer what was before until " + local(t)
}

func unseen(text string) string {
	if text == "" {
		return ""
	}
	return "; not asked: " + clean(text)
}

func (p *program) printReceipt(ev rollout.Event) {
	took := ""
	if ev.Took > 0 {
		took = fmt.Sprintf(" in %s", ev.Took.Round(time.Millisecond))
	}
	p.say("  %-7s %s %s%s", ev.Receipt.Outcome, clean(ev.Subject), ev.Edit.Type, took)
	if ev.Receipt.Outcome == rollout.Waiting {
		p.say("          Yours to do; belay next looks whether it is done:")
	}
	if ev.Receipt.Detail != "" {
		p.block(ev.Receipt.Detail, "          ")
	}
}

// conclusion prints what an act did and turns it into the exit status. An act that
// a signal ended has failed, whatever it did before.
func (p *program) conclusion(ctx context.Context, progress rollout.Progress, failed error) error {
	if err := ctx.Err(); failed == nil && err != nil {
		failed = fmt.Errorf("stopped after what is recorded; belay next %s goes on: %w", progress.Domain, err)
	}
	if failed != nil && len(progress.Edits) == 0 {
		return failed
	}
	if p.flags.json {
		if err := p.printJSON(progressShape(progress)); err != nil {
			return err
		}
	} else {
		p.printProgress(progress)
	}
	switch {
	case failed != nil:
		return failed
	case progress.PhaseBefore == rollout.Holding && finding.Worst(progress.Findings) == finding.Fail:
		return errFails
	case progress.Applied, progress.Moved:
		return nil
	case progress.PhaseBefore == rollout.Holding && len(progress.Edits) == 0 && progress.Gate.Open:
		return nil
	}
	return errFails
}

func (p *program) printProgress(progress rollout.Progress) {
	p.printSince(progress.Since)
	var left []string
	yours := false
	for _, e := range progress.Edits {
		if e.Outcome == rollout.Waiting {
			left = append(left, e.Name+" "+e.Type)
			yours = yours || hasForm(e.Edit)
		}
	}
	for _, f := range progress.Findings {
		if f.Severity == finding.Fail || f.Unknown {
			p.printFinding(f)
		}
	}
	switch {
	case progress.Moved && progress.Phase == progress.PhaseBefore:
		p.say("%s: on to the next rung of %s", shownDomain(progress.Domain), progress.Phase)
	case progress.Phase != progress.PhaseBefore:
		p.say("%s: from %s to %s", shownDomain(progress.Domain), progress.PhaseBefore, progress.Phase)
	default:
		p.say("%s: %s", shownDomain(progress.Domain), progress.Phase)
	}
	if len(left) > 0 {
		p.say("waiting for %s", clean(strings.Join(left, ", ")))
	}
	if yours {
		p.say("belay plan %s --form F writes down what is to be made by hand; F is %s", progress.Domain, formNames())
	}
	if progress.Rung > 0 {
		p.say("max_age live: %s", seconds(progress.Rung))
	}
	if progress.Phase != rollout.Holding || len(progress.Gate.Reasons) > 0 {
		p.printGate(progress.Gate)
	}
}
