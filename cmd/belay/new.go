package main

import (
	"context"
	"errors"
	"fmt"

	"belay/rollout"
	"belay/rollout/tlsrpt"

	"github.com/spf13/cobra"
)

const newLong = `Starts a rollout: proves that the accounts reach the zone and the policy host, and
looks at the domain. Nothing is published.

What is live already, put there by somebody else, is shown, and adopted only when
you say so: at a terminal new asks, anywhere else --adopt (or --yes) says it. Then the
rollout goes on from that policy. Without it nothing is started: a rollout that did
not know what senders may hold could not tell when anything is safe.

Credentials are never flags: they come from the environment (belay providers
lists the names, each also with _FILE for a file that holds the value), from the
keyring (belay providers login), or at a terminal they are typed without echo.`

func (p *program) newCommand() *cobra.Command {
	var given settingFlags
	var adopt bool
	c := &cobra.Command{
		Use: "new DOMAIN --dns P --host H --rua URI...", Short: "Start a rollout", Long: newLong,
		Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			settings := rollout.DefaultSettings()
			if err := given.apply(&settings); err != nil {
				return err
			}
			if err := p.needed(settings); err != nil {
				return err
			}
			return p.with(ctx, func(s *session) error {
				// What a login lacks is said before anything is asked of the network.
				if _, err := s.accounts.Open(ctx, domain, settings); err != nil {
					return err
				}
				if err := p.reportsNeeded(ctx, domain, settings); err != nil {
					return err
				}
				return p.start(ctx, s, domain, settings, adopt)
			})
		}),
	}
	given.register(c)
	c.Flags().BoolVar(&adopt, "adopt", false, "adopt what is live already, without being asked")
	return c
}

// needed refuses a rollout that lacks what nobody can guess.
func (p *program) needed(s rollout.Settings) error {
	switch {
	case s.DNS.Provider == "":
		return usagef("new needs --dns, one of %s", dnsProviders())
	case s.Host.Kind == "":
		return usagef("new needs --host: webroot:DIR, sftp://USER@HOST/DIR, static:DIR, serve, cloudflare-worker, valimail or manual")
	}
	return nil
}

// reportsNeeded refuses a rollout of which nobody would hear.
func (p *program) reportsNeeded(ctx context.Context, domain string, s rollout.Settings) error {
	if len(s.RUA) > 0 {
		return nil
	}
	name := tlsrpt.RecordName(domain)
	records, err := outside{p.world}.txt(ctx, name)
	if err != nil {
		return fmt.Errorf("look for a TLS-RPT record at %s, as no --rua was given: %w", name, err)
	}
	if record, _, _ := tlsrpt.ParseRRset(records); len(record.Usable) == 0 {
		return usagef("new needs --rua, as %s has no TLS-RPT record yet: without reports nobody can tell when to enforce", name)
	}
	return nil
}

func (p *program) start(ctx context.Context, s *session, domain string, settings rollout.Settings, adopt bool) error {
	consent := rollout.AdoptConsent{Given: adopt || p.flags.yes}
	r, err := s.engine.Create(ctx, domain, settings, consent, p.sink(p.events()))
	if live, ok := errors.AsType[*rollout.AdoptionError](err); ok && !live.Moved {
		if consent, err = p.adoptConsent(ctx, live); err != nil {
			return err
		}
		r, err = s.engine.Create(ctx, domain, settings, consent, p.sink(p.events()))
	}
	if err != nil {
		return err
	}
	if p.flags.json {
		return p.printJSON(statusOfRollout(r, s.engine.GateOf(r)))
	}
	p.say("%s: rollout started in phase %s", shownDomain(domain), r.Phase)
	for _, e := range r.Ledger {
		if e.Foreign && !e.Assumed {
			p.say("adopted the live policy: mode %s, max_age %s", e.Mode, seconds(e.MaxAge))
		}
	}
	p.printGate(s.engine.GateOf(r))
	p.sayServer(ctx, s, r.Settings)
	p.say("Next: belay next %s", domain)
	return nil
}

func (p *program) setCommand() *cobra.Command {
	var given settingFlags
	c := &cobra.Command{
		Use: "set DOMAIN [flags]", Short: "Change a rollout's settings",
		Long: "Changes a rollout's settings; the change is journaled. A changed provider must\nprove the zone. A list that is given replaces the one before.",
		Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			if given.none() {
				return usagef("set needs something to change; belay set --help lists the flags")
			}
			return p.with(ctx, func(s *session) error {
				r, err := s.engine.Configure(ctx, domain, given.apply)
				if err != nil {
					return err
				}
				if p.flags.json {
					return p.printJSON(statusOfRollout(r, s.engine.GateOf(r)))
				}
				p.say("%s: settings changed", shownDomain(domain))
				p.printSettings(r.Settings)
				p.sayServer(ctx, s, r.Settings)
				return nil
			})
		}),
	}
	given.register(c)
	c.Flags().Int64Var(&given.heldBefore, "held-before", 0, "the longest max_age that senders may hold from before belay, in `SECONDS`")
	return c
}
