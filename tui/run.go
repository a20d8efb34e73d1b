package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	// Before bubbletea: see the package.
	_ "belay/tui/termbg"

	"github.com/aymanbagabas/go-osc52/v2"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
)

// framesPerSecond is how often a changed view may be written: a key is seen
// within a hundredth of a second.
const framesPerSecond = 120

// Run shows the wizard until the operator leaves it, a signal asks it to end, or
// ctx does. An edit in flight is finished first and everything that was started
// is waited for, unless the operator asks three times. Afterwards the terminal is
// as it was, and a summary of where the rollouts stand is in its scrollback.
//
// It fails where the terminal cannot be used and where belay itself broke.
func Run(ctx context.Context, o Options) error {
	out := o.Output
	if out == nil {
		out = os.Stdout
	}
	shared := share(out, o.Courtesy)
	k := newKit(ctx, o, shared)
	model := newApp(k, o.Domain)

	options := []tea.ProgramOption{
		tea.WithAltScreen(), tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler(), tea.WithOutput(shared),
	}
	if o.Input != nil {
		options = append(options, tea.WithInput(attend(o.Input, o.Courtesy)))
	}
	if o.Courtesy != nil {
		options = append(options, tea.WithFilter(taking(o.Courtesy)))
	}
	program := tea.NewProgram(model, options...)

	signals := o.Signals
	if signals == nil {
		own := make(chan os.Signal, 3)
		signal.Notify(own, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer signal.Stop(own)
		signals = own
	}
	stopForwarding := forward(ctx, signals, program)
	_, err := program.Run()
	stopForwarding()

	if waited := model.finish(signals); waited != nil {
		return waited
	}
	if model.broke != nil {
		return model.broke
	}
	if errors.Is(err, tea.ErrProgramPanic) {
		return fmt.Errorf("the wizard broke; what was done is in the journal: %w", err)
	}
	if _, werr := io.WriteString(shared, model.summary()); werr != nil && err == nil {
		err = fmt.Errorf("write the summary: %w", werr)
	}
	if err != nil && !errors.Is(err, tea.ErrProgramKilled) {
		return fmt.Errorf("run the wizard in this terminal: %w", err)
	}
	return nil
}

// forward turns signals, and the end of ctx, into messages. It returns a function
// that ends this and waits for it.
func forward(ctx context.Context, signals <-chan os.Signal, program *tea.Program) (stop func()) {
	done := make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() {
		ended := ctx.Done()
		for {
			select {
			case <-done:
				return
			case <-ended:
				ended = nil
			case <-signals:
			}
			program.Send(interruptMsg{})
		}
	})
	return func() {
		close(done)
		busy.Wait()
	}
}

// finish waits for everything that is under way once the screen is gone. A walk
// is first asked to stop; each signal asks it more urgently.
func (a *app) finish(signals <-chan os.Signal) error {
	for _, s := range a.screens {
		s.Close()
	}
	if a.walk != nil && a.walk.asked == 0 {
		a.walk.end()
	}
	done := a.crew.close()
	for !a.abandoned {
		select {
		case <-done:
			return nil
		case <-signals:
			if a.walk == nil || a.walk.endReading() || a.walk.end() == leaving {
				a.abandoned = true
			}
		}
	}
	if a.walk == nil || a.walk.ended() {
		return errors.New("left without waiting for what was being looked at or read; no edit was in flight")
	}
	return errors.New("left without waiting for the edit in flight; belay looks at it when it is started again")
}

// newKit puts together what the screens work with.
func newKit(ctx context.Context, o Options, out io.Writer) *kit {
	zone := o.Zone
	if zone == nil {
		zone = time.Local
	}
	renderer := lipgloss.NewRenderer(out)
	renderer.SetHasDarkBackground(true) // as termbg says: never ask the terminal
	k := &kit{
		engine: o.Engine, journal: o.Journal, accounts: o.Accounts, importer: o.Importer, lab: o.Lab, forms: o.Forms, export: o.Export,
		clock: o.Clock, zone: zone, styles: newStyles(renderer), crew: newCrew(context.WithoutCancel(ctx)),
		after: func(d time.Duration, msg tea.Msg) tea.Cmd {
			return tea.Tick(d, func(time.Time) tea.Msg { return msg })
		},
	}
	k.copy = func(text string) tea.Cmd {
		return k.crew.errand(func(context.Context) tea.Msg {
			if _, err := osc52.New(text).WriteTo(out); err != nil {
				return copyFailedMsg{err}
			}
			return nil
		})
	}
	return k
}

// copyFailedMsg is a clipboard sequence that could not be written.
type copyFailedMsg struct{ err error }
