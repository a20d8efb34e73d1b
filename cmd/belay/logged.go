package main

import (
	"context"

	"belay/rollout"
)

// logged is an engine of which every act goes into the log of --log. The wizard
// works through it; the subcommands log through their own sinks.
type logged struct {
	*rollout.Engine
	p *program
}

func (l logged) Create(ctx context.Context, domain string, s rollout.Settings, adopt rollout.AdoptConsent, emit rollout.Sink) (rollout.Rollout, error) {
	r, err := l.Engine.Create(ctx, domain, s, adopt, l.p.sink(emit))
	return r, l.note("create", domain, err)
}

func (l logged) Check(ctx context.Context, domain string, emit rollout.Sink) (rollout.Evidence, error) {
	seen, err := l.Engine.Check(ctx, domain, l.p.sink(emit))
	return seen, l.note("check", domain, err)
}

func (l logged) Propose(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error) {
	p, err := l.Engine.Propose(ctx, domain, l.p.sink(emit))
	return p, l.note("propose", domain, err)
}

func (l logged) ProposeStepBack(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error) {
	p, err := l.Engine.ProposeStepBack(ctx, domain, l.p.sink(emit))
	return p, l.note("propose step back", domain, err)
}

func (l logged) ProposeUndo(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error) {
	p, err := l.Engine.ProposeUndo(ctx, domain, l.p.sink(emit))
	return p, l.note("propose undo", domain, err)
}

func (l logged) ProposeRestore(ctx context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error) {
	p, err := l.Engine.ProposeRestore(ctx, domain, l.p.sink(emit))
	return p, l.note("propose restore", domain, err)
}

func (l logged) Next(ctx context.Context, domain string, c rollout.Consent, emit rollout.Sink) (rollout.Progress, error) {
	progress, err := l.Engine.Next(ctx, domain, c, l.p.sink(emit))
	return progress, l.note("next", domain, err)
}

func (l logged) CarryOut(ctx context.Context, p rollout.Plan, c rollout.Consent, emit rollout.Sink) (rollout.Progress, error) {
	progress, err := l.Engine.CarryOut(ctx, p, c, l.p.sink(emit))
	return progress, l.note("carry out", p.Domain, err)
}

func (l logged) Adopt(ctx context.Context, domain, reason string, consent rollout.AdoptConsent, emit rollout.Sink) (rollout.Rollout, error) {
	r, err := l.Engine.Adopt(ctx, domain, reason, consent, l.p.sink(emit))
	return r, l.note("adopt", domain, err)
}

// note logs how an act ended and gives its error back.
func (l logged) note(act, domain string, err error) error {
	if err != nil {
		l.p.log.Error(act, "domain", domain, "error", clean(err.Error()))
	} else {
		l.p.log.Info(act, "domain", domain)
	}
	return err
}

// Trust takes the source as an operator types it, as the command does.
func (l logged) Trust(ctx context.Context, domain, typed, reason string) (rollout.Gate, error) {
	source, err := trustOf(typed)
	if err != nil {
		return rollout.Gate{}, err
	}
	return l.Engine.Trust(ctx, domain, source, reason)
}
