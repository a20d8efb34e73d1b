package tui

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
)

// walkingOn starts a walk whose engine works until it is asked to end, and returns
// where its end will be.
func walkingOn(t *testing.T) (*driver, <-chan tea.Msg) {
	d := atPhase2(t, 80, 24)
	begun := make(chan struct{})
	d.engine.hold = func(ctx context.Context) { close(begun); <-ctx.Done() }
	d.press("a").typeIn("corp.test")
	d.park = true
	d.press("enter")
	d.park = false
	ended := make(chan tea.Msg, 1)
	walk := d.parked[0]().(tea.BatchMsg)[0]().(tea.BatchMsg)[0]
	go func() { ended <- walk() }()
	<-begun
	return d, ended
}

func TestCtrlCWhileApplyingFinishesTheEditAndQuits(t *testing.T) {
	d, ended := walkingOn(t)
	d.press("ctrl+c").sees("Finishing the edit in flight, then quitting.")
	if d.quit {
		t.Fatal("quit before the walk had ended")
	}
	d.send(<-ended)
	if !d.quit || d.app.abandoned {
		t.Fatalf("quit is %t, abandoned is %t after the walk has ended", d.quit, d.app.abandoned)
	}
}

func TestTheThirdCtrlCWaitsForNothing(t *testing.T) {
	d, ended := walkingOn(t)
	d.press("ctrl+c", "ctrl+c").sees("Cancelling the edit in flight")
	if d.quit {
		t.Fatal("the second ctrl+c quit")
	}
	d.press("ctrl+c")
	if !d.quit || !d.app.abandoned {
		t.Fatalf("quit is %t, abandoned is %t", d.quit, d.app.abandoned)
	}
	<-ended
}

func TestCtrlCWithoutAWalkQuitsAtOnce(t *testing.T) {
	if d := atPhase1(t, 80, 24).press("ctrl+c"); !d.quit {
		t.Fatal("still there")
	}
	if d := atPhase1(t, 40, 10).press("ctrl+c"); !d.quit {
		t.Fatal("still there in a window that is too small")
	}
}

func TestAPanicInAnErrandEndsTheWizardWithItsStack(t *testing.T) {
	d := drive(t, manyDomains(), 80, 24)
	d.run(d.app.crew.errand(func(context.Context) tea.Msg { panic("out of rope") }))
	if !d.quit || d.app.broke == nil || !strings.Contains(d.app.broke.Error(), "out of rope") {
		t.Fatalf("quit is %t, broke is %v", d.quit, d.app.broke)
	}
}

// The whole program, ended by a signal: Run returns and has left the screen that
// it took.
func TestASignalEndsRunAndTheTerminalIsGivenBack(t *testing.T) {
	e := manyDomains()
	listed := make(chan struct{})
	keys, typist := io.Pipe()
	defer typist.Close()
	var out strings.Builder
	signals := make(chan os.Signal)
	done := make(chan error, 1)
	engine := &telling{fakeEngine: e, listed: listed}
	go func() {
		done <- Run(context.Background(), Options{Engine: engine, Journal: e, Accounts: &fakeAccounts{}, Importer: &fakeImporter{},
			Clock: stoppedClock{now()}, Zone: time.UTC, Input: keys, Output: &out, Signals: signals})
	}()
	<-listed
	signals <- os.Interrupt
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\x1b[?1049l") {
		t.Fatalf("the terminal was not given back: %q", out.String())
	}
}

type telling struct {
	*fakeEngine
	listed chan struct{}
}

func (e *telling) GateOf(r rollout.Rollout) rollout.Gate {
	if e.listed != nil {
		close(e.listed)
		e.listed = nil
	}
	return e.fakeEngine.GateOf(r)
}

func TestTheSummarySaysWhereRolloutsStandAndWhatIsNext(t *testing.T) {
	d := drive(t, manyDomains(), 80, 24)
	said := d.app.summary()
	for _, want := range []string{
		"corp.test: 1 Check MX hosts, since 12 Nov; 1 fail.\nNext: belay corp.test   Journal: belay log corp.test\n",
		"example.net: 6 Raise max_age, testing, max_age 1 day, since 12 Nov; gate closed until 26 Nov.\nNext: belay example.net on 26 Nov",
		"Watch it from cron: belay check old.example",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the summary lacks %q:\n%s", want, said)
		}
	}
	demo := drive(t, manyDomains(), 80, 24, inDemo).app.summary()
	if strings.Contains(demo, "belay log") || !strings.Contains(demo, "This was the demo") {
		t.Errorf("the demo's summary names commands that cannot work:\n%s", demo)
	}
}

// What stands in the last frame can come back in the scrollback of a terminal that
// was resized meanwhile.
func TestTheLastFrameIsEmpty(t *testing.T) {
	for _, key := range []string{"q", "ctrl+c"} {
		d := drive(t, manyDomains(), 80, 24)
		if d.press(key); d.view() != "" {
			t.Errorf("after %s there still stands\n%s", key, d.view())
		}
	}
}
