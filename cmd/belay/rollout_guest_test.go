package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"belay/providers/lab"
	"belay/rollout"
)

// A guest is belay as a process of its own, in the lab of the test that started it:
// main but for the world it sees, and for the instant at which it may have to die.
const (
	guestName = "belay-in-lab"
	// guestLab is where the lab is shared.
	guestLab = "BELAY_TEST_LAB"
	// guestDies is the number of the instant at which the guest kills itself;
	// none for 0.
	guestDies = "BELAY_TEST_DIES_AT"
	// guestInstants is the file to which the guest writes each instant it lives
	// to see.
	guestInstants = "BELAY_TEST_INSTANTS"
	// guestPauses is where somebody listens whom the guest calls before its first
	// write, and goes on when he hangs up; empty for nobody.
	guestPauses = "BELAY_TEST_PAUSES"
)

// guest is the main function of a guest.
func guest() {
	visitor, err := lab.Visit(context.Background(), os.Getenv(guestLab))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitCannot)
	}
	p := newProgram(visitor.World(), os.Stdin, os.Stdout, os.Stderr, os.LookupEnv)
	p.keyring = func(context.Context, string) (string, error) { return "", nil }
	p.leave = os.Exit
	at := &instants{file: os.Getenv(guestInstants), calls: os.Getenv(guestPauses)}
	if at.dies, err = strconv.Atoi(cmp.Or(os.Getenv(guestDies), "0")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitCannot)
	}
	p.wrapStore = func(s rollout.Store) rollout.Store { return mortalStore{s, at} }
	p.wrapWriter = func(w rollout.Writer) rollout.Writer { return mortalWriter{w, at} }
	os.Exit(p.run(os.Args[1:]))
}

// instants counts the moments at which a guest may be killed: before and after
// each commit of the journal and each write through a provider. A walk has one of
// them at a time.
type instants struct {
	file  string
	calls string
	dies  int
	lived int
}

// pass is one instant. The kill is the operating system's: no deferred call runs,
// nothing is flushed.
func (i *instants) pass(what string) {
	i.lived++
	if i.file != "" {
		f, err := os.OpenFile(i.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, what)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			panic(err)
		}
	}
	if i.calls != "" && strings.HasPrefix(what, "before the write of") {
		call, err := net.Dial("tcp", i.calls)
		if err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, call) // however he hangs up
		call.Close()
		i.calls = ""
	}
	if i.lived == i.dies {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {}
	}
}

type mortalStore struct {
	rollout.Store
	at *instants
}

func (s mortalStore) Append(ctx context.Context, domain string, after int64, entries ...rollout.Entry) ([]rollout.Entry, error) {
	what := "the commit of"
	for _, e := range entries {
		what += " " + string(e.Kind)
	}
	s.at.pass("before " + what)
	out, err := s.Store.Append(ctx, domain, after, entries...)
	s.at.pass("after " + what)
	return out, err
}

type mortalWriter struct {
	rollout.Writer
	at *instants
}

func (w mortalWriter) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	what := "the write of " + e.Name + " " + e.Type
	w.at.pass("before " + what)
	receipt, err := w.Writer.Apply(ctx, e)
	w.at.pass("after " + what)
	return receipt, err
}

// guest makes a guest that carries out a command line on the box's store. It is
// not started yet, and killed when the test's time is up.
func (b *box) guest(args ...string) *guestRun {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	address, err := b.Share()
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute)
	b.t.Cleanup(cancel)
	g := &guestRun{Cmd: exec.CommandContext(ctx, self), box: b, started: make(chan struct{}), dead: make(chan struct{})}
	g.Args = append([]string{guestName, "--state", b.state}, args...)
	g.Env = append(os.Environ(), guestLab+"="+address)
	for name, value := range maps.All(b.env) {
		g.Env = append(g.Env, name+"="+value)
	}
	g.Stdout, g.Stderr = &g.out, &g.err
	return g
}

// guestRun is one run of a guest.
type guestRun struct {
	*exec.Cmd
	box      *box
	out, err bytes.Buffer
	started  chan struct{} // closed when there is a process
	dead     chan struct{} // closed when it has ended
	after    func()        // called then; nil for nothing
}

// end waits for a guest that was started and returns what it left behind; a guest
// that was killed has status -1.
func (g *guestRun) end() ran {
	g.box.t.Helper()
	if err := g.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		g.box.t.Fatalf("%s: %v", strings.Join(g.Args, " "), err)
	}
	close(g.dead)
	if g.after != nil {
		g.after()
	}
	return ran{g.ProcessState.ExitCode(), g.out.String(), g.err.String()}
}

// begin starts a guest.
func (g *guestRun) begin() {
	g.box.t.Helper()
	if err := g.Start(); err != nil {
		g.box.t.Fatal(err)
	}
	close(g.started)
}

// run starts a guest and waits for it.
func (g *guestRun) run() ran {
	g.box.t.Helper()
	g.begin()
	return g.end()
}

// paused is a guest that waits before its first write.
type paused struct {
	arrived chan struct{} // closed when it is there
	letGo   func()
}

// pauses makes the guest wait there. Nothing runs out meanwhile, however long it is.
func (g *guestRun) pauses() paused {
	t := g.box.t
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.Env = append(g.Env, guestPauses+"="+l.Addr().String())
	arrived, free := make(chan struct{}), make(chan struct{})
	var hangingUp sync.WaitGroup
	hangingUp.Go(func() {
		call, err := l.Accept()
		if err != nil {
			return
		}
		close(arrived)
		<-free
		call.Close()
	})
	p := paused{arrived, sync.OnceFunc(func() { close(free) })}
	t.Cleanup(func() { p.letGo(); l.Close(); hangingUp.Wait() })
	return p
}
