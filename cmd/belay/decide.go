package main

import (
	"context"
	"fmt"
	"time"

	"belay/rollout"

	"github.com/spf13/cobra"
)

// decisionShape is what an operator's decision left behind.
type decisionShape struct {
	Domain string       `json:"domain"`
	Gate   rollout.Gate `json:"gate"`
}

// decision is the command of an operator's decision, which is journaled with its
// reason: act gets the domain, the further arguments and the reason.
func (p *program) decision(c *cobra.Command, needsReason bool, act func(context.Context, *session, string, []string, string) (rollout.Gate, error)) *cobra.Command {
	var reason string
	c.Flags().StringVar(&reason, "reason", "", "why, `R`; it stands in the journal for ever")
	c.RunE = p.act(func(ctx context.Context, args []string) error {
		domain, err := domainOf(args[0])
		if err != nil {
			return err
		}
		if needsReason && reason == "" {
			return usagef("%s needs --reason: it stands in the journal for ever", c.Name())
		}
		return p.with(ctx, func(s *session) error {
			gate, err := act(ctx, s, domain, args[1:], reason)
			if err != nil {
				return err
			}
			if p.flags.json {
				return p.printJSON(decisionShape{domain, gateShape(gate)})
			}
			p.say("%s: written down", shownDomain(domain))
			p.printGate(gate)
			return nil
		})
	})
	return c
}

func (p *program) overrideCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "override DOMAIN --reason R", Short: "Go on in spite of the reasons that a gate lists now",
		Long: "Writes down that you go on in spite of the reasons the gate lists now. A reason that\ncomes later closes the gate again. A broken MX or policy host is never overridden\non the way to enforce.",
		Args: exactly("DOMAIN"),
	}
	return p.decision(c, true, func(ctx context.Context, s *session, domain string, _ []string, reason string) (rollout.Gate, error) {
		return s.engine.Override(ctx, domain, reason)
	})
}

func (p *program) mendedCommand() *cobra.Command {
	var at string
	c := &cobra.Command{
		Use: "mended DOMAIN [--at T]", Short: "Say that what failed was mended, and when",
		Long: "Writes down that what failed, or a cache that kept an old policy, was mended. Clean\ntime starts anew there.",
		Args: exactly("DOMAIN"),
	}
	c.Flags().StringVar(&at, "at", "", "when, `T`: 2026-11-21T08:12:00Z, or 2026-11-21 08:12 in local time (default now)")
	return p.decision(c, false, func(ctx context.Context, s *session, domain string, _ []string, reason string) (rollout.Gate, error) {
		when, err := parseTime(at)
		if err != nil {
			return rollout.Gate{}, err
		}
		return s.engine.Mended(ctx, domain, when, reason)
	})
}

// parseTime reads a time as RFC 3339 or, in local time, to the minute or day. An
// empty text is the zero time.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--at: %q is no time; write 2026-11-21T08:12:00Z or 2026-11-21 08:12", text)
}

func (p *program) dismissCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "dismiss DOMAIN FAILURE --reason R", Short: "Set a reported failure aside for 30 days",
		Long: "Sets a reported failure aside; later reports of the same are covered for 30 days.\nFAILURE is reporter/type/mx, as reports show prints it.",
		Args: exactly("DOMAIN", "FAILURE"),
	}
	return p.decision(c, true, func(ctx context.Context, s *session, domain string, args []string, reason string) (rollout.Gate, error) {
		r, err := s.engine.Load(ctx, domain)
		if err != nil {
			return rollout.Gate{}, err
		}
		if !reported(r, args[0]) {
			return rollout.Gate{}, fmt.Errorf("dismiss for %s: no report tells of %q; belay reports show %s lists the failures: %w",
				domain, clean(args[0]), domain, rollout.ErrRefused)
		}
		return s.engine.Dismiss(ctx, domain, args[0], reason)
	})
}
