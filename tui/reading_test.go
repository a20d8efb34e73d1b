package tui

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"

	tea "github.com/charmbracelet/bubbletea"
)

// watched has d's engine and importer tell in order who was called.
func (d *driver) watched() *[]string {
	var order []string
	d.engine.calls, d.importer.asked = nil, nil
	d.importer.hold = func(context.Context, func(rollout.ImportProgress)) {
		order = append(order, slices.Clone(d.engine.calls)...)
		order, d.engine.calls = append(order, "import"), nil
	}
	return &order
}

// No gate opens on reports that nobody has read: they are read before the wizard says
// what may be done, and again before it is done, and not for what waits for none.
func TestReportsAreReadBeforeAGateIsWeighed(t *testing.T) {
	open := func() *fakeEngine {
		return standIn(published(rollout.ReviewReports, "testing", 86400), rollout.Gate{Open: true}, rollout.Plan{})
	}
	t.Run("when the rollout is opened", func(t *testing.T) {
		e := open()
		d := drive(t, e, 80, 24) // the dashboard reads none
		order := d.watched()
		d.press("enter")
		if !slices.Equal(*order, []string{"import"}) || len(e.calls) == 0 || e.calls[0] != "propose corp.test" {
			t.Errorf("%v, then %v", *order, e.calls)
		}
	})
	t.Run("not when a step back is half done", func(t *testing.T) {
		e := open()
		r := e.rollouts["corp.test"]
		r.Plans[len(r.Plans)-1].Plan.Purpose = rollout.ForStepBack // none of its edits is made
		d := drive(t, e, 80, 24, inCorp).did("propose corp.test")
		if len(d.importer.asked) > 0 {
			t.Errorf("%v were read before the step back could go on", d.importer.asked)
		}
	})
	for _, row := range []struct {
		key  string
		then string
	}{{"r", "propose corp.test"}, {"a", "next corp.test"}} {
		t.Run(row.key, func(t *testing.T) {
			e := open()
			d := drive(t, e, 80, 24, inCorp)
			order := d.watched()
			d.importer.come = 2
			d.press(row.key).sees("2 reports new: 5,000 sessions ok, 3 failed.")
			if !slices.Equal(*order, []string{"import"}) || len(e.calls) == 0 || e.calls[0] != row.then {
				t.Errorf("%v, then %v; want %s after the import", *order, e.calls, row.then)
			}
		})
	}
	t.Run("an inbox that cannot be read is said", func(t *testing.T) {
		d := drive(t, open(), 120, 24, inCorp)
		d.importer.broken = "no such folder"
		d.press("r").sees("/var/mail/tls could not be read: no such folder.").did("propose")
	})
	t.Run("an import that fails lets nothing pass", func(t *testing.T) {
		d := drive(t, open(), 120, 24, inCorp)
		d.importer.fail = errors.New("disk full")
		d.press("a").sees("read what reports have come about corp.test: disk full").didNot("next")
	})
	t.Run("a step back waits for none", func(t *testing.T) {
		d := atPhase5(t, 80, 24)
		order := d.watched()
		d.press("b").wait()
		d.typeIn("corp.test").press("enter").did("carry-out step-back")
		if len(*order) > 0 {
			t.Errorf("reports were read: %v", *order)
		}
	})
}

// The reading is shown while it goes on, ends when its screen closes, and does not
// stand in the way of a step back.
func TestTheReadingOfReportsIsShown(t *testing.T) {
	d := drive(t, standIn(published(rollout.Enforce, mtasts.Enforce, 86400), waitingGate(), rollout.Plan{}), 80, 24, inCorp)
	begun, ended := make(chan struct{}), make(chan error, 1)
	d.importer.hold = func(ctx context.Context, tell func(rollout.ImportProgress)) {
		tell(rollout.ImportProgress{Done: 500, Total: 2000, New: 480, After: 2 * time.Second})
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
	}
	d.park = true
	d.press("r")
	d.park = false
	looking := d.parked[0]().(tea.BatchMsg)
	go looking[0]()
	<-begun
	d.park = true
	d.send(looking[1]()) // what it has told
	d.park = false
	d.sees("no gate opens on what nobody has read", "500 of 2000 read, 480 new", "b step back")
	d.press("esc")
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the import was ended by %v", err)
	}
	d.didNot("carry-out")
}

// readingOn goes on with a rollout in enforce whose inbox does not answer before answer
// is called, or, if it heeds that, the reading is ended. It returns where the end of
// that walk will be.
func readingOn(t *testing.T, heeds bool) (d *driver, ended chan tea.Msg, answer func()) {
	d = atPhase5(t, 80, 24)
	open := d.engine.proposals["corp.test"]
	open.Gate = rollout.Gate{Open: true}
	d.engine.proposals["corp.test"] = open
	d.press("r").sees("a go on to").seesNot("stop reading")
	reads, answered := make(chan struct{}), make(chan struct{})
	answer = sync.OnceFunc(func() { close(answered) })
	t.Cleanup(answer)
	d.importer.hold = func(ctx context.Context, _ func(rollout.ImportProgress)) {
		close(reads)
		if !heeds {
			ctx = context.WithoutCancel(ctx)
		}
		select {
		case <-answered:
		case <-ctx.Done():
		}
	}
	d.park = true
	d.press("a")
	walk := d.parked[0]().(tea.BatchMsg)[0]().(tea.BatchMsg)[0]
	d.park = false
	ended = make(chan tea.Msg, 1)
	go func() { ended <- walk() }()
	<-reads
	d.send(beatMsg{d.app.walk.feed})
	d.importer.hold = nil
	return d, ended, answer
}

// While reports are read nothing is carried out: whoever does not want to wait for an
// inbox that answers slowly ends the reading, steps back or quits.
func TestTheReadingBeforeAWalkHoldsNobodyUp(t *testing.T) {
	t.Run("esc ends it", func(t *testing.T) {
		d, ended, _ := readingOn(t, true)
		d.sees("Reading /var/mail/tls", "b step back", "esc stop reading", "esc ends the reading; b ends it and steps back.")
		d.press("esc").sees("Ending the reading of reports. Nothing was carried out.").seesNot("step back", "stop reading")
		d.send(<-ended)
		d.sees("The reading was ended. Nothing was carried out.", "a go on to").didNot("next")
		d.press("a").did("next")
	})
	t.Run("b ends it and steps back", func(t *testing.T) {
		d, ended, _ := readingOn(t, true)
		d.press("b").didNot("step-back") // before the reading has ended
		d.send(<-ended)
		d.did("step-back").wait()
		d.typeIn("corp.test").press("enter").did("carry-out step-back").didNot("next")
	})
	t.Run("one that does not end can be left", func(t *testing.T) {
		d, ended, answer := readingOn(t, false)
		if d.press("b", "esc"); len(d.app.screens) != 1 {
			t.Errorf("the screen was not left:\n%s", d.view())
		}
		answer()
		d.send(<-ended)
		d.didNot("step-back").didNot("next")
	})
	t.Run("ctrl+c quits at once", func(t *testing.T) {
		d, ended, answer := readingOn(t, false)
		if d.press("ctrl+c"); !d.quit || d.app.abandoned {
			t.Errorf("quit is %t, abandoned is %t", d.quit, d.app.abandoned)
		}
		signals := make(chan os.Signal, 1)
		signals <- os.Interrupt
		if err := d.app.finish(signals); err == nil || strings.Contains(err.Error(), "waiting for the edit") {
			t.Errorf("what was not waited for is said so: %v", err)
		}
		answer()
		<-ended
		d.didNot("next")
	})
	t.Run("once the engine works, nothing does", func(t *testing.T) {
		d := atPhase5(t, 80, 24)
		d.app.walk = &walk{domain: "corp.test", stage: carrying, stop: func() { t.Error("stopped") }}
		if d.app.walk.endReading() || d.app.walk.reading() {
			t.Error("the reading is said to go on")
		}
		d.press("esc").sees("The plan is being carried out.")
		d.app.walk = nil
	})
}
