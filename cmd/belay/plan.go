package main

import (
	"context"
	"fmt"

	"belay/providers/dns"
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
	// ByHand are the records in the form that --form names.
	ByHand []writtenEdit `json:"by_hand,omitempty"`
}

type driftShape struct {
	Findings       any    `json:"findings"`
	RestoreRefused string `json:"restore_refused,omitempty"`
	AdoptRefused   string `json:"adopt_refused,omitempty"`
	Adopt          any    `json:"adopt"`
}

func (p *program) planCommand() *cobra.Command {
	var out, form string
	c := &cobra.Command{
		Use: "plan DOMAIN", Short: "Show what next would do",
		Long: "Looks at the domain and shows what belay next would carry out. Where the world\ndiffers from the store, both ways on are shown: restore and adopt.\n\n--form writes the records as they are made by hand: the fields of a provider's\nform, zone-file lines, an nsupdate script, or Terraform resources; a policy that is\nput up by hand as its bytes, with their number and SHA-256. An edit that\nmust wait for another, or for the gate, is named and not written out.",
		Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			var as dns.Form
			if form != "" {
				if as, err = dns.ParseForm(form); err != nil {
					return usagef("--form: %w", err)
				}
			}
			return p.with(ctx, func(s *session) error {
				proposal, err := s.engine.Propose(ctx, domain, p.sink(nil))
				if err != nil {
					return err
				}
				return p.showProposal(proposal, out, as)
			})
		}),
	}
	c.Flags().StringVar(&out, "out", "", "save the plan in `FILE`, for next --plan")
	c.Flags().StringVar(&form, "form", "", "write the records as they are made by hand, in the `FORM` "+formNames())
	return c
}

// showProposal prints what would be done, in a form for the hand where one is
// named, and saves its plan where out names a file.
func (p *program) showProposal(proposal rollout.Proposal, out string, form dns.Form) error {
	shape := shapeOfPlan(proposal)
	if out != "" {
		if shape.Plan.Empty() {
			return fmt.Errorf("save the plan for %s: there is nothing to carry out: %w", proposal.Rollout.Domain, rollout.ErrRefused)
		}
		if err := savePlan(shape, proposal.Evidence, out); err != nil {
			return err
		}
	}
	switch {
	case p.flags.json:
		if form != "" {
			shape.ByHand = written(proposal, form, p.world.Clock.Now())
		}
		if err := p.printJSON(shape); err != nil {
			return err
		}
	case form != "" && proposal.Drift == nil && !shape.Plan.Empty():
		p.printWritten(proposal, form)
	default:
		p.printProposal(proposal)
		if byHand(shape.Plan) {
			p.say("belay plan %s --form F writes the records as they are made by hand; F is %s", shape.Domain, formNames())
		}
		if out != "" {
			command := commandOf(shape.Plan.Purpose)
			if proposal.Resumes {
				command = "next" // which goes on with what was accepted
			}
			p.say("saved in %s; belay %s %s --plan %s carries it out", out, command, shape.Domain, out)
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
		if busy, ok := r.Unfinished(); ok {
			p.paragraph(busy.HalfState(), "", "")
		}
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
