package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/steps"

	"github.com/spf13/cobra"
)

// checksAtOnce is how many domains are looked at side by side. Each look asks all
// its questions at once already.
const checksAtOnce = 4

const checkLong = `Looks at each domain as the strictest sender would and prints every finding. No
rollout is needed; where there is one, the look is kept. For cron and monitoring.

Exit status 1 where a finding fails; 2 where nothing failed and a domain could
not be looked at.`

func (p *program) checkCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "check DOMAIN...", Short: "Run all checks on domains; no rollout needed", Long: checkLong,
		Args: cobra.ArbitraryArgs,
		RunE: p.act(func(ctx context.Context, args []string) error {
			domains, err := p.domainsToCheck(args, file)
			if err != nil {
				return err
			}
			return p.check(ctx, domains)
		}),
	}
	c.Flags().StringVar(&file, "file", "", "also the domains in `F`, one a line; - for standard input")
	return c
}

func (p *program) domainsToCheck(args []string, file string) ([]string, error) {
	if file != "" {
		text, err := p.readText(file)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			line, _, _ := strings.Cut(lines.Text(), "#")
			if line = strings.TrimSpace(line); line != "" {
				args = append(args, line)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
	}
	if len(args) == 0 {
		return nil, usagef("check needs a domain, or --file with some")
	}
	var domains []string
	for _, typed := range args {
		domain, err := domainOf(typed)
		if err != nil {
			return nil, err
		}
		domains = append(domains, domain)
	}
	return domains, nil
}

// look is one domain's look, or why there is none.
type look struct {
	seen rollout.Evidence
	err  error
}

func (p *program) check(ctx context.Context, domains []string) error {
	at := func(ctx context.Context, domain string) (rollout.Evidence, error) {
		return steps.NewLooker(p.world).Look(ctx, domain, nil, p.sink(nil))
	}
	if p.stored() {
		s, err := p.open(ctx)
		if err != nil {
			return err
		}
		defer s.close()
		at = func(ctx context.Context, domain string) (rollout.Evidence, error) {
			return s.engine.Check(ctx, domain, p.sink(nil))
		}
	}
	looks := make([]chan look, len(domains))
	seats := make(chan struct{}, checksAtOnce)
	var looking sync.WaitGroup
	defer looking.Wait()
	for i, domain := range domains {
		looks[i] = make(chan look, 1)
		looking.Go(func() {
			seats <- struct{}{}
			defer func() { <-seats }()
			looks[i] <- lookFor(ctx, domain, at)
		})
	}
	var fails, failed error
	for i, domain := range domains {
		l := <-looks[i]
		if l.seen.Domain == "" {
			l.seen.Domain, l.seen.At = domain, p.world.Clock.Now()
		}
		if err := p.printCheck(l, i > 0); err != nil {
			return err
		}
		if l.seen.Verdict() == finding.Fail {
			fails = errFails
		}
		failed = errors.Join(failed, l.err)
	}
	if fails != nil {
		return fails
	}
	return failed
}

// lookLimit bounds one look at one domain, in real time.
const lookLimit = 90 * time.Second

// lookFor looks at one domain within the limit.
func lookFor(ctx context.Context, domain string, at func(context.Context, string) (rollout.Evidence, error)) look {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	seen, err := at(ctx, domain)
	return look{seen, err}
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
	p.printStanding(e)
	for _, f := range e.Findings {
		if f.Severity != finding.Pass {
			p.printFinding(f)
		}
	}
	return nil
}

// printStanding prints what stands: the record, the policy, where reports go, and
// the MX hosts.
func (p *program) printStanding(e rollout.Evidence) {
	rows := [][]string{
		{"  record", orNone(e.Record.Raw)},
		{"  policy", policyLine(e.Policy)},
		{"  reports", orNone(e.TLSRPT.Raw)},
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

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return clean(s)
}

func policyLine(s rollout.PolicySeen) string {
	switch {
	case s.Body == "" && !s.Valid:
		return "none"
	case !s.Valid:
		return "not valid: " + finding.Clean(s.Body, 200)
	}
	return fmt.Sprintf("%s, max_age %s, mx %s", s.Policy.Mode, seconds(s.Policy.MaxAge), clean(strings.Join(s.Policy.MX, " ")))
}
