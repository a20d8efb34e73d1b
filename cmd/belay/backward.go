package main

import (
	"context"
	"errors"
	"fmt"

	"belay/rollout"

	"github.com/spf13/cobra"
)

func (p *program) stepBackCommand() *cobra.Command {
	return p.askedFor("step-back DOMAIN", "The emergency exit: back to testing",
		"Publishes the policy in mode testing under a new id, at once, whatever gates and\nwaits there are. Senders that hold the old policy keep it until they see the new id. An enforce that\nwas made ready and is not served yet is given up.",
		rollout.ForStepBack)
}

func (p *program) undoCommand() *cobra.Command {
	return p.askedFor("undo DOMAIN", "Undo the last plan, forward",
		"Undoes what the last plan wrote: a record by its inverse, a policy by publishing\nthe earlier one anew under a new id. It never enforces and never raises max_age.\nThe _mta-sts record itself is never put back, neither the TXT nor a CNAME to a\nvendor: senders may have acted on it. From a vendor a step back takes it home.",
		rollout.ForUndo)
}

func (p *program) restoreCommand() *cobra.Command {
	return p.askedFor("restore DOMAIN", "After drift: put the last verified state back",
		"Puts back the last verified policy and records where the world differs from them.\nbelay plan shows it, and what adopting would take instead.",
		rollout.ForRestore)
}

// askedFor is the command of an act that is carried out only when it is asked for:
// its plan is shown, accepted, and walked.
func (p *program) askedFor(use, short, long string, purpose rollout.Purpose) *cobra.Command {
	var file, out string
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			return p.with(ctx, func(s *session) error {
				if file != "" {
					return p.carrySaved(ctx, s, domain, file, purpose)
				}
				return p.carryAsked(ctx, s, domain, purpose, out)
			})
		}),
	}
	c.Flags().StringVar(&file, "plan", "", "carry out the plan saved in `FILE`")
	c.Flags().StringVar(&out, "out", "", "save the plan in `FILE` and change nothing")
	return c
}

func (p *program) carryAsked(ctx context.Context, s *session, domain string, purpose rollout.Purpose, out string) error {
	if _, err := s.engine.Load(ctx, domain); err != nil {
		return err
	}
	if !p.flags.yes && !p.canAsk() && out == "" {
		return noConsent(domain, purpose)
	}
	proposal, err := proposers(s.engine)[purpose](ctx, domain, p.sink(nil))
	if err != nil {
		return err
	}
	if out != "" {
		return p.showProposal(proposal, out, "")
	}
	p.showToAccept(proposal)
	// A step back must work in any case, and a restore is asked for because
	// somebody else's value stands there; an undo may still meet one unawares.
	if foreign := proposal.Plan.Foreign(); purpose == rollout.ForUndo && p.flags.yes && len(foreign) > 0 {
		return fmt.Errorf("%s %s holds a value that belay did not write, and --yes covers none that was not shown; save the plan with belay %s %s --out FILE and carry it out with --plan FILE: %w",
			foreign[0].Name, foreign[0].Type, purpose, domain, rollout.ErrRefused)
	}
	consent, err := p.consent(ctx, proposal.Plan)
	if err != nil {
		return err
	}
	progress, err := s.engine.CarryOut(ctx, proposal.Plan, consent, p.sink(p.events()))
	return p.conclusion(ctx, progress, err)
}

func (p *program) adoptCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "adopt DOMAIN --reason R", Short: "After drift: take what is live into the ledger",
		Long: "Takes what is live into the ledger where it is not what was verified last, and goes\non from there. At a terminal it is shown and the domain asked for; nothing else\nis adopted then.",
		Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			if reason == "" {
				return usagef("adopt needs --reason: it stands in the journal for ever")
			}
			return p.with(ctx, func(s *session) error {
				// Where nobody can be asked, the command is the consent to what is live.
				consent := rollout.AdoptConsent{Given: p.flags.yes || !p.canAsk()}
				r, err := s.engine.Adopt(ctx, domain, reason, consent, p.sink(nil))
				if live, ok := errors.AsType[*rollout.AdoptionError](err); ok && !live.Moved {
					if consent, err = p.adoptConsent(ctx, live); err != nil {
						return err
					}
					r, err = s.engine.Adopt(ctx, domain, reason, consent, p.sink(nil))
				}
				if err != nil {
					return err
				}
				return p.printStand(s, r, "adopted what is live")
			})
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "why, `R`")
	return c
}

// printStand prints where a rollout stands after an act.
func (p *program) printStand(s *session, r rollout.Rollout, done string) error {
	gate := s.engine.GateOf(r)
	if p.flags.json {
		return p.printJSON(statusOfRollout(r, gate))
	}
	p.say("%s: %s", shownDomain(r.Domain), done)
	p.printStatus(r, gate)
	return nil
}

func (p *program) forgetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "forget DOMAIN", Short: "Forget a rollout of which nothing was published", Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			return p.with(ctx, func(s *session) error {
				if err := s.engine.Forget(ctx, domain); err != nil {
					return err
				}
				if p.flags.json {
					return p.printJSON(struct {
						Domain    string `json:"domain"`
						Forgotten bool   `json:"forgotten"`
					}{domain, true})
				}
				p.say("%s: forgotten; nothing of it was published", shownDomain(domain))
				return nil
			})
		}),
	}
}
