// Command belay walks a mail domain to enforced MTA-STS (RFC 8461) with TLS
// reporting (RFC 8460), one checked step at a time: as a wizard in the terminal,
// and act by act as subcommands that need none.
//
// Everything that happens is decided below this package. Here the parts are put
// together: flags and the environment become a world, a store, accounts and an
// engine (wire.go); each subcommand calls the engine and prints what it says, for
// people or as JSON; signals become contexts, and errors exit statuses.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"belay/rollout/world"
	_ "belay/tui/termbg" // before anything asks the terminal for its background
)

func main() {
	// A reader that goes away must not end a walk between an intent and its
	// receipt: writing to it fails, and that is all.
	signal.Ignore(syscall.SIGPIPE)
	interrupts := make(chan os.Signal, 3)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)

	p := newProgram(world.System(), os.Stdin, os.Stdout, os.Stderr, os.LookupEnv)
	p.interrupts = interrupts
	p.leave = os.Exit
	p.takeLoggers()
	os.Exit(p.run(os.Args[1:]))
}
