package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"

	"belay/providers/inbox"
	"belay/tui"
)

// spareProcessors is how many Go processors the wizard runs beside one a core. A
// look or an import that keeps every core busy then shares it with the screen by
// the operating system's turns, which are short, instead of making a key wait for
// a turn of Go's.
const spareProcessors = 4

// The wizard's memory is collected half as often as is usual, for a collection takes
// the processors from the screen, and no more seldom than keeps it small.
const (
	rarely       = 200      // percent, as in GOGC
	roomToScreen = 56 << 20 // bytes from which it is collected more often
)

// draw is the wizard on a terminal, with processors to spare for its screen, where
// the operator's environment does not say otherwise.
func draw(ctx context.Context, o tui.Options) error {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + spareProcessors)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(rarely)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(roomToScreen)
	}
	return tui.Run(ctx, o)
}

// wizard is draw, or what a test puts in its place.
type wizard func(ctx context.Context, o tui.Options) error

// openWizard is bare belay: the dashboard, or one domain's rollout.
func (p *program) openWizard(ctx context.Context, args []string) error {
	domain := ""
	if len(args) == 1 {
		d, err := domainOf(args[0])
		if err != nil {
			return err
		}
		domain = d
	}
	if !p.canDraw() {
		return noTerminal(domain)
	}
	p.drawing = true
	var first courtesy
	p.world.Network = first.network(p.world.Network)
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	s.accounts.ask = nil // the screen asks
	return errors.Join(p.wizard(ctx, p.wizardOptions(s, domain, &first)), s.close())
}

// noTerminal names what does without a terminal what the wizard would do.
func noTerminal(domain string) error {
	if domain == "" {
		return usagef("the wizard needs a terminal: belay status shows where the rollouts stand, belay next DOMAIN carries out the next step, belay check DOMAIN looks")
	}
	return usagef("the wizard needs a terminal: belay status %[1]s shows where the rollout stands, belay next %[1]s carries out the next step, belay check %[1]s looks", domain)
}

func (p *program) wizardOptions(s *session, domain string, first *courtesy) tui.Options {
	return tui.Options{
		Engine: logged{s.engine, p}, Journal: s.store, Accounts: s.accounts,
		Importer: importer{s: s, workers: 1, pause: first.afterKeys, seen: new(inbox.Seen)}, Courtesy: first, Forms: formsForScreen, Export: p.exportReports(s),
		Clock: p.world.Clock, Domain: domain,
		Input: p.in, Output: p.out, Signals: p.interrupts,
	}
}
