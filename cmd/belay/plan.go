package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"belay/rollout"

	"github.com/spf13/cobra"
)

// planShape is a plan as `plan --json` prints it and `plan --out` saves it.
type planShape struct {
	Hash string `json:"hash"`
	rollout.Plan
	// Resumes is true where the plan was accepted before and is not finished.
	Resumes bool          `json:"resumes,omitempty"`
	Gate    *rollout.Gate `json:"gate,omitempty"`
	// Drift says how the world differs from the store; the plan is then the one
	// that restores, which `restore` carries out.
	Drift *driftShape `json:"drift,omitempty"`
}

type driftShape struct {
	Findings       any    `json:"findings"`
	RestoreRefused string `json:"restore_refused,omitempty"`
	AdoptRefused   string `json:"adopt_refused,omitempty"`
	Adopt          any    `json:"adopt"`
}

func (p *program) planCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "plan DOMAIN", Short: "Show what next would do",
		Long: "Looks at the domain and shows what belay next would carry out. Where the world\ndiffers from the store, both ways on are shown: restore and adopt.",
		Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			return p.with(ctx, func(s *session) error {
				proposal, err := s.engine.Propose(ctx, domain, p.sink(nil))
				if err != nil {
					return err
				}
				return p.showProposal(proposal, out)
			})
		}),
	}
	c.Flags().StringVar(&out, "out", "", "save the plan in `FILE`, for next --plan")
	return c
}

// showProposal prints what would be done and saves its plan where out names a
// file.
func (p *program) showProposal(proposal rollout.Proposal, out string) error {
	shape := shapeOfPlan(proposal)
	if out != "" {
		if shape.Plan.Empty() {
			return fmt.Errorf("save the plan for %s: there is nothing to carry out: %w", proposal.Rollout.Domain, rollout.ErrRefused)
		}
		if err := savePlan(shape, out); err != nil {
			return err
		}
	}
	if p.flags.json {
		if err := p.printJSON(shape); err != nil {
			return err
		}
	} else {
		p.printProposal(proposal)
		if out != "" {
			p.say("saved in %s; belay next %s --plan %s carries it out", out, shape.Domain, out)
		}
	}
	if proposal.Drift != nil {
		return errFails
	}
	return nil
}

func shapeOfPlan(proposal rollout.Proposal) planShape {
	gate := gateShape(proposal.Gate)
	shape := planShape{Plan: proposal.Plan, Resumes: proposal.Resumes, Gate: &gate}
	if d := proposal.Drift; d != nil {
		shape.Plan = d.Restore
		shape.Drift = &driftShape{list(d.Findings), d.RestoreRefused, d.AdoptRefused, list(d.Adopt)}
	}
	if shape.Domain == "" {
		shape.Domain, shape.Phase = proposal.Rollout.Domain, proposal.Rollout.Phase
	}
	shape.Edits = list(shape.Edits)
	shape.Hash = shape.Plan.Hash()
	return shape
}

// savePlan writes a plan so that the file is whole or not there: nobody shall
// carry out half a plan.
func savePlan(shape planShape, file string) (err error) {
	text, err := json.MarshalIndent(shape, "", "  ")
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(file), ".belay-plan-*")
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("save the plan in %s: %w", file, errors.Join(err, os.Remove(draft.Name())))
		}
	}()
	_, err = draft.Write(append(text, '\n'))
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), file)
}

// readPlan reads what savePlan wrote, for domain, and refuses what was changed
// since: the hash covers everything that would be written.
func (p *program) readPlan(file, domain string) (rollout.Plan, error) {
	text, err := p.readText(file)
	if err != nil {
		return rollout.Plan{}, fmt.Errorf("read the plan: %w", err)
	}
	var shape planShape
	if err := json.Unmarshal(text, &shape); err != nil {
		return rollout.Plan{}, fmt.Errorf("read the plan %s: it is no plan that belay saved: %w", file, err)
	}
	switch {
	case shape.Domain != domain:
		return rollout.Plan{}, fmt.Errorf("the plan %s is for %q, not for %s: %w", file, clean(shape.Domain), domain, rollout.ErrRefused)
	case shape.Plan.Empty():
		return rollout.Plan{}, fmt.Errorf("the plan %s has no edits: %w", file, rollout.ErrRefused)
	case shape.Hash != shape.Plan.Hash():
		return rollout.Plan{}, fmt.Errorf("the plan %s says that its hash is %q and has %s: it was changed since it was saved; make it anew: %w",
			file, clean(shape.Hash), shape.Plan.Hash(), rollout.ErrRefused)
	}
	if err := shape.Plan.Validate(); err != nil {
		return rollout.Plan{}, fmt.Errorf("the plan %s: %w: %w", file, err, rollout.ErrRefused)
	}
	return shape.Plan, nil
}

// printProposal prints what would be done, and what stands in the way.
func (p *program) printProposal(proposal rollout.Proposal) {
	r := proposal.Rollout
	p.say("%s: %s", shownDomain(r.Domain), r.Phase)
	if proposal.Drift != nil {
		p.printDrift(r.Domain, *proposal.Drift)
		return
	}
	if proposal.Plan.Empty() {
		p.say("Nothing to change.")
	} else {
		p.printPlan(proposal.Plan)
	}
	if proposal.Resumes {
		p.say("It was accepted before and is not finished; next goes on with it.")
	}
	p.printGate(proposal.Gate)
}

func (p *program) printDrift(domain string, d rollout.Drift) {
	p.say("The world is not as belay verified it last:")
	for _, f := range d.Findings {
		p.printFinding(f)
	}
	if d.RestoreRefused != "" {
		p.paragraph("Restore is not offered: "+d.RestoreRefused, "", "  ")
	} else {
		p.say("belay restore %s would carry out:", domain)
		p.printPlan(d.Restore)
	}
	if d.AdoptRefused != "" {
		p.paragraph("Adopt is not offered: "+d.AdoptRefused, "", "  ")
		return
	}
	p.say("belay adopt %s --reason R would take into the ledger:", domain)
	for _, e := range d.Adopt {
		p.say("  mode %s, max_age %s, mx %v, ids %v", e.Mode, seconds(e.MaxAge), e.MX, e.IDs)
	}
}

// printPlan prints a plan as a diff.
func (p *program) printPlan(plan rollout.Plan) {
	p.say("plan %s (%s):", plan.Hash(), plan.Purpose)
	for i, e := range plan.Edits {
		p.printEdit(fmt.Sprint(i+1), e)
	}
	for _, note := range plan.Notes {
		p.paragraph(note, "  note: ", "        ")
	}
}

func (p *program) printEdit(number string, e rollout.Edit) {
	sign := "~"
	if !e.Before.Exists {
		sign = "+"
	} else if !e.After.Exists {
		sign = "-"
	}
	ttl := ""
	if e.Kind == rollout.Record {
		ttl = fmt.Sprintf(" %d", e.TTL)
	}
	p.say("  %s %s %s %s%s   through %s", number, sign, clean(e.Name), e.Type, ttl, clean(e.Account))
	if e.Before.Exists {
		p.printValue("      - ", e.Before)
	}
	if e.After.Exists {
		p.printValue("      + ", e.After)
	}
	if e.Why != "" {
		p.paragraph(e.Why, "      ", "      ")
	}
	if e.Foreign {
		p.say("      belay did not write what stands there now")
	}
}

// printValue prints the records of a value or the lines of a body. A value is
// never wrapped: it is there to be copied.
func (p *program) printValue(lead string, v rollout.Value) {
	if v.Records != nil {
		for _, record := range v.Records {
			p.say("%s%s", lead, clean(record))
		}
		return
	}
	p.block(v.Body, lead)
}
