package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"belay/rollout/finding"

	tea "github.com/charmbracelet/bubbletea"
)

// dayMsg is a day that has passed in the lab.
type dayMsg struct {
	said string
	err  error
}

// faultMsg is a fault that was switched.
type faultMsg struct {
	fault Fault
	err   error
}

// windDay lets a day pass and takes in the reports that came, as a real inbox
// would be read: through the importer.
func (a *app) windDay() tea.Cmd {
	if a.winding || a.walk != nil {
		a.say("Something is still under way; then a day can pass.")
		return nil
	}
	a.winding = true
	a.say("A day passes in the lab ...")
	r, viewed := a.top().Rollout()
	return a.crew.errand(func(ctx context.Context) tea.Msg {
		said, err := a.lab.PassDay(ctx)
		if err != nil || !viewed {
			return dayMsg{said, err}
		}
		r, err := a.engine.Load(ctx, r.Domain)
		if err != nil || len(r.Settings.Inboxes) == 0 {
			return dayMsg{said, err}
		}
		in, err := a.importer.Import(ctx, r.Domain, r.Settings.Inboxes, nil)
		if err != nil {
			return dayMsg{said, fmt.Errorf("the day passed, but its reports were not imported: %w", err)}
		}
		return dayMsg{said + " " + intake(in), nil}
	})
}

func (a *app) dayPassed(msg dayMsg) tea.Cmd {
	a.winding = false
	a.say(finding.Clean(msg.said, 400))
	if msg.err != nil {
		a.say("The day did not pass as it should: " + plain(msg.err))
	}
	return a.refresh()
}

// refresh tells the screen on top that the world has moved on. The others look
// again when they are shown.
func (a *app) refresh() tea.Cmd {
	return a.top().Update(refreshMsg{})
}

// faults is the list of what can be broken in the lab: what was broken when it was
// opened stands first.
type faults struct {
	*kit
	list []Fault
	at   int
	busy bool
}

func (a *app) openFaults() tea.Cmd {
	list := a.lab.Faults()
	slices.SortStableFunc(list, func(a, b Fault) int { return rank(b.On) - rank(a.On) })
	a.faults = &faults{kit: a.kit, list: list}
	return nil
}

func (f *faults) update(msg tea.KeyMsg) (cmd tea.Cmd, over bool) {
	switch msg.String() {
	case "esc", "x", "q":
		return nil, true
	case "up", "k":
		f.at = max(f.at-1, 0)
	case "down", "j":
		f.at = min(f.at+1, max(len(f.list)-1, 0))
	case " ":
		return f.toggle(), false
	}
	return nil, false
}

func (f *faults) toggle() tea.Cmd {
	if f.busy || len(f.list) == 0 {
		return nil
	}
	f.busy = true
	want := f.list[f.at]
	want.On = !want.On
	return f.crew.errand(func(ctx context.Context) tea.Msg {
		return faultMsg{want, f.lab.Set(ctx, want.ID, want.On)}
	})
}

// faultSet shows the lab as it is now and looks again.
func (a *app) faultSet(msg faultMsg) tea.Cmd {
	if a.faults != nil {
		a.faults.busy = false
		a.faults.renew(a.lab.Faults())
	}
	switch {
	case msg.err != nil:
		a.say("The lab did not switch: " + plain(msg.err))
		return nil
	case msg.fault.On:
		a.say("Broken now: " + msg.fault.Label + ".")
	default:
		a.say("Mended: " + msg.fault.Label + ".")
	}
	return a.refresh()
}

// renew takes the faults as they are now, each where it stood, so that nothing
// moves under the cursor.
func (f *faults) renew(list []Fault) {
	place := map[string]int{}
	for i, x := range f.list {
		place[x.ID] = i
	}
	slices.SortStableFunc(list, func(a, b Fault) int { return place[a.ID] - place[b.ID] })
	f.list = list
}

func (f *faults) view(w, h int) []string {
	out := []string{"", "  " + f.styles.title.Render("What is broken in the lab"), ""}
	room := max(h-len(out), 1)
	if len(f.list) > room {
		room = max(room-1, 1) // a line says what is not shown
	}
	from := max(0, min(f.at-room/2, len(f.list)-room))
	to := min(from+room, len(f.list))
	for i := from; i < to; i++ {
		x := f.list[i]
		lead, state := "  ", f.styles.ok.Render("whole ")
		if i == f.at {
			lead = "> "
		}
		if x.On {
			state = f.styles.fail.Render("BROKEN")
		}
		out = append(out, cut(lead+state+"  "+finding.Clean(x.Label, 200), w))
	}
	var hidden []string
	if from > 0 {
		hidden = append(hidden, fmt.Sprintf("%d more above", from))
	}
	if n := len(f.list) - to; n > 0 {
		hidden = append(hidden, fmt.Sprintf("%d more below", n))
	}
	if len(hidden) > 0 {
		out = append(out, cut("  "+f.styles.muted.Render("… "+strings.Join(hidden, ", ")+": up, down"), w))
	}
	return out
}

func (f *faults) keys() []act {
	nothing := func() tea.Cmd { return nil }
	return []act{on("space", "break or mend", nothing), on("up/down", "choose", nothing), on("esc", "close", nothing)}
}
