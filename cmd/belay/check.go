package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/steps"
	"belay/steps/sender"

	"github.com/spf13/cobra"
)

const checkLong = `Looks at each domain as the strictest sender would and prints every finding. No
rollout is needed; where there is one, the look is kept. For cron and monitoring.

--as-sender tells instead what senders would do with mail for the domain: for each
MX host in order of preference whether they would deliver or defer, and why; as it
is published, in enforce, in testing, without a policy, and for a sender that may
still hold an older policy of this rollout. It is RFC 8461's word; where Postfix
with postfix-mta-sts-resolver does otherwise, that stands beside it.

--file looks at many domains, one a line, # begins a comment: one line (with
--json one object) a domain as each is done, a bar on a terminal, a summary at the
end (with --json on standard error).

--vantage looks through an SSH server, for networks that block port 25: TCP over
direct-tcpip, DNS over TCP. Its key must stand in known_hosts; a key file or the
agent logs in. Where this machine's resolvers are its own, public ones are asked.

--prometheus writes a textfile for node_exporter, whole or not at all:

` + metricsHelp + `
Exit status 1 where a finding fails, or with --as-sender where some sender would
not deliver; 2 where nothing failed and a domain could not be looked at.`

// checkFlags are the flags of check alone.
type checkFlags struct {
	file, prometheus string
	asSender         bool
	vantage          vantageFlags
}

func (p *program) checkCommand() *cobra.Command {
	var o checkFlags
	c := &cobra.Command{
		Use: "check DOMAIN...", Short: "Run all checks on domains; no rollout needed", Long: checkLong,
		Example: "  belay check corp.example\n  belay check --as-sender corp.example\n" +
			"  belay check --file domains.txt --json --prometheus /var/lib/node_exporter/belay.prom\n" +
			"  belay check --vantage ssh://probe@vps.example corp.example",
		Args: cobra.ArbitraryArgs,
		RunE: p.act(func(ctx context.Context, args []string) error {
			domains, err := p.domainsToCheck(args, o.file)
			if err != nil {
				return err
			}
			return p.check(ctx, domains, o)
		}),
	}
	f := c.Flags()
	f.StringVar(&o.file, "file", "", "also the domains in `FILE`, one a line; - for standard input")
	f.BoolVar(&o.asSender, "as-sender", false, "tell what senders would do with mail for the domain")
	f.StringVar(&o.prometheus, "prometheus", "", "write the results to `FILE` for node_exporter's textfile collector (*.prom)")
	f.StringVar(&o.vantage.url, "vantage", "", "look from `ssh://USER@HOST[:PORT]`")
	f.StringVar(&o.vantage.key, "vantage-key", "", "private key `FILE` for --vantage (default: the agent's, then ~/.ssh/id_*)")
	f.StringArrayVar(&o.vantage.knownHosts, "vantage-known-hosts", nil, "known_hosts `FILE` for --vantage (default: ~/.ssh/known_hosts and the system's; repeatable)")
	return c
}

// look is one domain's look, or why there is none.
type look struct {
	seen   rollout.Evidence
	ledger rollout.Ledger
	since  *rollout.Since // what changed since the look before, of a rollout
	err    error
}

// looking looks at one domain.
type looking func(ctx context.Context, domain string) look

func (p *program) check(ctx context.Context, domains []string, o checkFlags) (err error) {
	if err := promFile(o.prometheus); err != nil {
		return err
	}
	leave, err := p.goTo(ctx, o.vantage)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	p.world.Network = gentle(p.world.Network, questionsAtOnce)
	at, done, err := p.looking(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()

	many := o.file != ""
	sums := newTally(len(domains))
	var gathered metrics
	var failed failures
	bad := false
	err = p.lookAll(ctx, domains, at, p.newProgress(many, sums), func(l look, more bool) error {
		sums.add(l)
		failed.add(l)
		if o.prometheus != "" {
			gathered.add(l)
		}
		if o.asSender {
			views := sender.Views(l.seen, l.ledger, l.seen.At)
			bad = bad || refused(views)
			return p.printViews(l, views, more)
		}
		bad = bad || verdictOf(l) == finding.Fail
		if many && !p.flags.json {
			p.printBrief(l)
			return nil
		}
		return p.printCheck(l, more)
	})
	if err != nil {
		return err
	}
	if many {
		p.printTally(sums)
	}
	if o.prometheus != "" {
		if err := gathered.write(o.prometheus, p.world.Clock.Now(), sums.watch.Elapsed()); err != nil {
			return err
		}
	}
	if bad {
		return errFails
	}
	if p.flags.json {
		return failed.err()
	}
	return failed.brief()
}

// failures are why domains could not be looked at. The first few stand for all:
// each was said of its domain already.
type failures struct {
	of    string // the first domain
	first []error
	more  int
}

func (f *failures) add(l look) {
	const most = 5
	switch {
	case l.err == nil:
	case len(f.first) < most:
		if f.of == "" {
			f.of = l.seen.Domain
		}
		f.first = append(f.first, l.err)
	default:
		f.more++
	}
}

func (f *failures) err() error {
	if f.more == 0 {
		return errors.Join(f.first...)
	}
	return errors.Join(append(f.first, fmt.Errorf("and %d more domains", f.more))...)
}

// brief is the error where the standard output has the reasons already, in words.
func (f *failures) brief() error {
	switch n := len(f.first) + f.more; n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("could not look at everything of %s", f.of)
	default:
		return fmt.Errorf("could not look at everything of %d domains", n)
	}
}

// looking is how belay looks: through the engine where there is a store, so that
// the looks of rollouts are kept. done closes what was opened.
func (p *program) looking(ctx context.Context) (at looking, done func() error, err error) {
	if !p.stored() {
		looker := steps.NewLooker(p.world)
		return func(ctx context.Context, domain string) look {
			seen, err := looker.Look(ctx, domain, nil, p.sink(nil))
			return look{seen: seen, err: err}
		}, func() error { return nil }, nil
	}
	s, err := p.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, domain string) look {
		r, err := s.engine.Load(ctx, domain)
		if err != nil && !errors.Is(err, rollout.ErrNoRollout) {
			return look{err: err}
		}
		l := look{ledger: r.Ledger}
		if l.seen, l.err = s.engine.Check(ctx, domain, p.sink(nil)); l.seen.Domain != "" {
			l.since = rollout.SinceLook(r.Evidence, l.seen)
		}
		return l
	}, s.close, nil
}

// lookLimit bounds one look at one domain, in real time.
const lookLimit = 90 * time.Second

// lookFor looks at one domain within the limit.
func (p *program) lookFor(ctx context.Context, domain string, at looking) look {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	l := at(ctx, domain)
	if l.seen.Domain == "" {
		l.seen.Domain, l.seen.At = domain, p.world.Clock.Now()
	}
	return l
}

func (p *program) printCheck(l look, more bool) error {
	if p.flags.json {
		return p.printJSON(shapeOf(l.seen, l.err))
	}
	if more {
		p.say("")
	}
	e := l.seen
	p.say("%s: %s", shownDomain(e.Domain), e.Verdict())
	if l.err != nil {
		p.say("could not look at everything: %s", clean(l.err.Error()))
	}
	p.printSince(l.since)
	p.printStanding(e, l.err == nil)
	for _, f := range e.Findings {
		if f.Severity != finding.Pass {
			p.printFinding(f)
		}
	}
	return nil
}

// printStanding prints what stands: the record, the policy, where reports go, and
// the MX hosts. That there is none of something is known only where the look is
// whole.
func (p *program) printStanding(e rollout.Evidence, whole bool) {
	none := "none"
	if !whole {
		none = "not seen"
	}
	rows := [][]string{
		{"  record", orElse(e.Record.Raw, none)},
		{"  policy", policyLine(e.Policy, none)},
		{"  reports", orElse(e.TLSRPT.Raw, none)},
	}
	p.columns(rows)
	rows = nil
	for _, m := range e.MX {
		host := fmt.Sprintf("%s  %d", clean(m.Host), m.Preference)
		for _, a := range m.Addresses {
			how := a.TLSVersion
			switch {
			case a.Err != "":
				how = clean(a.Err)
			case a.NoRoute:
				how = "no route from here"
			case !a.Reachable:
				how = "not reachable"
			case !a.STARTTLS:
				how = "no STARTTLS"
			}
			rows = append(rows, []string{"  mx", host, a.IP.String(), mark(a.Verdict), how})
			host = ""
		}
		if len(m.Addresses) == 0 {
			rows = append(rows, []string{"  mx", host, "-", "", "no address"})
		}
	}
	p.columns(rows)
}

// orElse is a text that was read, or none where there was nothing.
func orElse(s, none string) string {
	if s == "" {
		return none
	}
	return clean(s)
}

func policyLine(s rollout.PolicySeen, none string) string {
	switch {
	case s.Body == "" && !s.Valid:
		return none
	case !s.Valid:
		return "not valid: " + finding.Clean(s.Body, 200)
	}
	return fmt.Sprintf("%s, max_age %s, mx %s", s.Policy.Mode, seconds(s.Policy.MaxAge), clean(strings.Join(s.Policy.MX, " ")))
}
