package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"

	"github.com/spf13/cobra"
)

func (p *program) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status [DOMAIN]", Short: "Show where each rollout stands and what it waits for",
		Long: "Shows where each rollout stands by the store, without looking at the domain anew;\nbelay next and belay check look.",
		Args: cobra.MaximumNArgs(1),
		RunE: p.act(func(ctx context.Context, args []string) error {
			return p.with(ctx, func(s *session) error { return p.status(ctx, s, args) })
		}),
	}
}

func (p *program) status(ctx context.Context, s *session, args []string) error {
	var rollouts []rollout.Rollout
	if len(args) == 1 {
		domain, err := domainOf(args[0])
		if err != nil {
			return err
		}
		r, err := s.engine.Load(ctx, domain)
		if err != nil {
			return err
		}
		rollouts = append(rollouts, r)
	} else {
		all, err := s.engine.List(ctx)
		if err != nil {
			return err
		}
		rollouts = all
	}
	if len(rollouts) == 0 && !p.flags.json {
		p.say("No rollout yet. belay new DOMAIN starts one; belay check DOMAIN looks at a domain without.")
		return nil
	}
	for i, r := range rollouts {
		g := s.engine.GateOf(r)
		if p.flags.json {
			if err := p.printJSON(statusOfRollout(r, g)); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			p.say("")
		}
		p.printStatus(r, g)
		if len(args) == 1 {
			p.printSettings(r.Settings)
		}
	}
	return nil
}

func (p *program) printStatus(r rollout.Rollout, g rollout.Gate) {
	p.say("%s: %s, since %s", shownDomain(r.Domain), r.Phase, local(r.Since))
	if _, id, ok := r.Live(); ok {
		p.say("policy: mode %s, max_age %s, id %s", r.Mode(), seconds(r.Rung()), clean(id))
	} else {
		p.say("policy: none is live")
	}
	if held := r.Ledger.HeldUntil(p.world.Clock.Now()); r.Mode() != mtasts.None && !held.IsZero() {
		p.say("a sender that has fetched it may go by it until %s without asking again", local(held))
	}
	if c := r.Certificate; c != nil {
		p.printCertificate(*c)
	}
	if plan, ok := r.Unfinished(); ok {
		p.say("plan %s is not finished; belay next %s goes on", plan.Plan.Hash(), r.Domain)
	}
	if r.Evidence != nil {
		p.say("last look: %s, %s", local(r.Evidence.At), r.Evidence.Verdict())
	}
	if worst := r.Worst(); worst != nil {
		p.printFinding(*worst)
	}
	if r.Phase != rollout.Holding {
		p.printGate(g)
	}
	for _, o := range r.Overrides {
		p.say("overridden %s by %s in %s: %s", local(o.At), clean(o.Who), o.Phase, clean(o.Reason))
	}
}

func (p *program) printSettings(s rollout.Settings) {
	points := s.HostCNAME
	for _, a := range s.HostAddresses {
		points = strings.TrimSpace(points + " " + a.String())
	}
	if s.Delegate.Host != "" {
		points = s.Delegate.Host
	}
	if points == "" {
		points = "left as it is"
	}
	mx := strings.Join(s.MX, " ")
	if mx == "" {
		mx = "the MX names found"
	}
	rows := [][]string{
		{"  dns", s.DNS.String()}, {"  host", clean(s.Host.String())}, {"  mta-sts", points},
		{"  rua", clean(strings.Join(s.RUA, " "))}, {"  mx", clean(mx)},
		{"  soak", soakLine(s)},
		{"  reports", fmt.Sprintf("%d known reporters, at most %d strays", s.MinReporters, s.Stray)},
		{"  max_age", "target " + seconds(s.MaxAge)},
	}
	if d := s.Delegate; d.On() {
		rows = append(rows, []string{"  delegated", clean(fmt.Sprintf("to %s: _mta-sts %s, _smtp._tls %s", d.Vendor, orStays(d.Record), orStays(d.Reports)))})
	}
	if s.TTL > 0 {
		rows = append(rows, []string{"  ttl", fmt.Sprintf("%d for what is written", s.TTL)})
	}
	if len(s.Inboxes) > 0 {
		rows = append(rows, []string{"  inboxes", clean(strings.Join(s.Inboxes, " "))})
	}
	if len(s.AuthservID) > 0 {
		rows = append(rows, []string{"  believed", clean("Authentication-Results of " + strings.Join(s.AuthservID, " "))})
	}
	if s.ConsentsToDNS() {
		rows = append(rows, []string{"  challenge", "by DNS, which belay may write for by itself"})
	}
	if len(s.Senders) > 0 {
		rows = append(rows, []string{"  senders", clean(strings.Join(s.Senders, " "))})
	}
	if s.HeldBefore != nil {
		rows = append(rows, []string{"  before", "senders may hold max_age " + seconds(*s.HeldBefore)})
	}
	p.columns(rows)
}

func soakLine(s rollout.Settings) string {
	line := fmt.Sprintf("testing %s, silent %s, enforce %s", days(s.Soak.Testing), days(s.Soak.Silent), days(s.Soak.Enforce))
	for _, rung := range s.Rungs() {
		line += fmt.Sprintf(", max-age.%d %s", rung, days(s.Soak.BeforeRung(rung)))
	}
	return line
}

// days is a duration as --soak takes it.
func days(d time.Duration) string {
	if d%rollout.Day == 0 && d != 0 {
		return fmt.Sprintf("%dd", d/rollout.Day)
	}
	if d == 0 {
		return "0"
	}
	return d.String()
}
