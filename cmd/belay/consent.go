package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// consent asks for what a plan needs. It is given by --yes (naming the domain on
// the command line is typing it) or by typing the domain at the terminal; the
// plan has been shown there. Without either it is refused.
func (p *program) consent(ctx context.Context, plan rollout.Plan) (rollout.Consent, error) {
	if p.flags.yes {
		return rollout.Consent{Given: true}, nil
	}
	if !p.canAsk() {
		return rollout.Consent{}, noConsent(plan.Domain, plan.Purpose)
	}
	fmt.Fprintf(p.errs, "%s\nType the domain to go on (anything else is no): ", consequence(plan))
	typed, err := p.readLine(ctx)
	if err != nil {
		return rollout.Consent{}, err
	}
	if domain, _, err := mtasts.Domain(typed); err != nil || domain != plan.Domain {
		return rollout.Consent{}, fmt.Errorf("plan %s was not accepted; nothing was done: %w", plan.Hash(), rollout.ErrRefused)
	}
	return rollout.Consent{Given: true, Shown: &plan}, nil
}

// noConsent says how an act is accepted where nobody can be asked. What is carried
// out only when it is asked for has a plan of its own, which belay plan does not
// show.
func noConsent(domain string, purpose rollout.Purpose) error {
	save, carry := "plan", commandOf(purpose)
	if carry != "next" {
		save = carry
	}
	return fmt.Errorf("nobody can be asked here, so nothing was done to %[1]s: accept what would be done by --yes, or save it with belay %[2]s %[1]s --out FILE and carry it out with belay %[3]s %[1]s --plan FILE: %[4]w",
		domain, save, carry, rollout.ErrRefused)
}

// commandOf is the command that carries out a plan for purpose.
func commandOf(purpose rollout.Purpose) string {
	switch purpose {
	case rollout.ForStepBack, rollout.ForUndo, rollout.ForRestore:
		return string(purpose)
	}
	return "next"
}

// showToAccept shows what is then to be accepted: at the terminal where it is asked
// for, when standard output is somebody's file or, with --json, holds JSON alone.
func (p *program) showToAccept(proposal rollout.Proposal) {
	at := *p
	switch {
	case p.flags.yes && p.flags.json:
		return // nobody is asked
	case !p.flags.yes && (p.flags.json || !isTerminal(p.out)):
		at.out = p.errs
	}
	at.printProposal(proposal)
}

// consequence says what a plan changes for those who send mail.
func consequence(plan rollout.Plan) string {
	policy, ok := plan.Policy()
	switch {
	case !ok:
		return fmt.Sprintf("Change these records of %s?", plan.Domain) + yours(plan)
	case policy.Mode == mtasts.Enforce:
		return fmt.Sprintf("Publish mode enforce for %s? From then on senders refuse MX hosts that fail, for up to %s seconds after the last fetch.",
			plan.Domain, seconds(policy.MaxAge)) + yours(plan)
	}
	return fmt.Sprintf("Publish mode %s for %s? Senders deliver all the same and report failures.", policy.Mode, plan.Domain) + yours(plan)
}

// yours says which edits of a plan the operator makes, for belay writes none of those.
func yours(plan rollout.Plan) string {
	n := 0
	for _, e := range plan.Edits {
		if e.ByHand() {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case len(plan.Edits):
		return " You make all of it by hand; belay looks until it is seen."
	}
	return fmt.Sprintf(" You make %s by hand; belay looks until it is seen.", many(n, "edit"))
}

// readLine reads one line that the operator types. A signal ends the waiting; the
// reading itself cannot be called off and ends with the process.
func (p *program) readLine(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(p.in).ReadString('\n')
		typed <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("nothing was typed: %w", ctx.Err())
	case l := <-typed:
		if l.err != nil && l.text == "" {
			return "", fmt.Errorf("nothing was typed; nothing was done: %w", rollout.ErrRefused)
		}
		return strings.TrimSpace(l.text), nil
	}
}
