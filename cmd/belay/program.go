package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"belay/rollout"
	"belay/rollout/world"

	"github.com/mattn/go-isatty"
)

// program is one run of belay: the world it looks at, the streams it speaks
// through, and the flags that hold for every subcommand.
type program struct {
	world world.World
	in    io.Reader
	out   io.Writer
	errs  io.Writer
	env   func(string) (string, bool)

	// interrupts are the signals that ask belay to end; nil where there are none.
	interrupts <-chan os.Signal
	// stopping is what is said when the first of them comes; empty is the usual.
	stopping string
	// leave ends the process at once, for the signal that asks a third time.
	leave func(int)
	// wrapStore and wrapWriter stand between the engine and its store and
	// writers; nil stands for nothing between. A crash test counts and kills
	// there.
	wrapStore  func(rollout.Store) rollout.Store
	wrapWriter func(rollout.Writer) rollout.Writer
	// patience is the engine's: how long a walk waits for an edit to be seen. Zero
	// is the usual.
	patience time.Duration
	// keyring reads one secret of this operator's; "" where there is none.
	keyring func(ctx context.Context, user string) (string, error)
	// lockUp puts one into the keyring; "" removes it.
	lockUp func(ctx context.Context, user, value string) error
	// wizard runs the terminal interface; drawing is true while it has the terminal.
	wizard  wizard
	drawing bool

	flags flags
	log   *slog.Logger
	// logsBeside is true where the log is written to the standard error too, on which
	// a command's last word stands anyway.
	logsBeside bool
}

// flags are the global flags.
type flags struct {
	state     string
	json      bool
	yes       bool
	resolvers []string
	ca        string
	controls  []string
	log       string
}

// newProgram makes a run of belay against w, with these streams and this
// environment.
func newProgram(w world.World, in io.Reader, out, errs io.Writer, env func(string) (string, bool)) *program {
	door := newKeyringDoor(env)
	p := &program{
		world: w, in: in, out: out, errs: errs, env: env,
		leave:   func(int) {},
		keyring: door.read,
		lockUp:  door.write,
		wizard:  draw,
		log:     slog.New(slog.DiscardHandler),
	}
	door.attended, door.waiting = p.canAsk, p.sayKeyringWaits
	return p
}

// run carries out one command line and returns its exit status.
func (p *program) run(args []string) int {
	root := p.root()
	root.SetArgs(args)
	ran, err := root.ExecuteC()
	return p.conclude(ran, err)
}

// canAsk reports whether somebody sits at a terminal and can be asked.
func (p *program) canAsk() bool { return isTerminal(p.in) && isTerminal(p.errs) }

// canDraw reports whether the wizard has a terminal to draw on.
func (p *program) canDraw() bool { return isTerminal(p.in) && isTerminal(p.out) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}
