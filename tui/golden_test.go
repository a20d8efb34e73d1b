package tui

import (
	"testing"

	"belay/rollout"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/exp/golden"
	"github.com/muesli/termenv"
)

// sizes are the windows that every screen is kept for.
var sizes = []struct {
	name string
	w, h int
}{
	{"80x24", 80, 24}, {"60x16", 60, 16}, {"120x40", 120, 40}, {"200x60", 200, 60}, {"small", 59, 15},
}

// screensKept are the screens whose final View is kept in testdata.
var screensKept = []struct {
	name string
	open func(t *testing.T, w, h int) *driver
}{
	{"dashboard", func(t *testing.T, w, h int) *driver { return drive(t, manyDomains(), w, h) }},
	{"check-mx", func(t *testing.T, w, h int) *driver { return atPhase1(t, w, h, inDemo) }},
	{"plan", func(t *testing.T, w, h int) *driver { return atPhase2(t, w, h) }},
	{"by-hand", func(t *testing.T, w, h int) *driver { return mistypedByHand(t, w, h).press("tab", "down") }},
	{"by-hand-whole", func(t *testing.T, w, h int) *driver {
		e := byHandIn()
		e.waiting = closedGate()
		return drive(t, e, w, h, inCorp, longForms).press("tab", "enter")
	}},
	{"review", func(t *testing.T, w, h int) *driver { return atPhase4(t, w, h) }},
	{"reports", func(t *testing.T, w, h int) *driver { return reviewing(t, w, h) }},
	{"reports-end", func(t *testing.T, w, h int) *driver { return reviewing(t, w, h).press("end") }},
	{"reports-details", func(t *testing.T, w, h int) *driver { return reviewing(t, w, h).press("enter") }},
	{"confirm", func(t *testing.T, w, h int) *driver { return atPhase2(t, w, h).press("a").typeIn("corp") }},
	{"history", func(t *testing.T, w, h int) *driver { return atPhase4(t, w, h).press("l") }},
	{"help", func(t *testing.T, w, h int) *driver { return atPhase4(t, w, h).press("?") }},
	{"check", func(t *testing.T, w, h int) *driver {
		return drive(t, standIn(inPhase(rollout.CheckMX, badLook()), closedGate(), rollout.Plan{}), w, h).press("c").typeIn("corp.test").press("enter")
	}},
	{"new-rollout", func(t *testing.T, w, h int) *driver {
		return drive(t, manyDomains(), w, h).press("n").typeIn("new.example").press("tab", "tab", "tab", "tab", "tab")
	}},
	{"faults", func(t *testing.T, w, h int) *driver { return atPhase1(t, w, h, inDemo).press("x") }},
}

func manyDomains() *fakeEngine {
	e := standIn(inPhase(rollout.CheckMX, badLook()), closedGate(), rollout.Plan{})
	for domain, phase := range map[string]rollout.Phase{"example.net": rollout.RaiseMaxAge, "lists.example": rollout.PublishDNS,
		"old.example": rollout.Holding, "xn--bcher-kva.example": rollout.ReviewReports} {
		r := published(phase, "testing", 86400)
		r.Domain = domain
		e.rollouts[domain] = r
		e.gates[domain] = waitingGate()
	}
	return e
}

func TestScreens(t *testing.T) {
	for _, s := range screensKept {
		for _, size := range sizes {
			t.Run(s.name+"/"+size.name, func(t *testing.T) {
				golden.RequireEqual(t, []byte(s.open(t, size.w, size.h).view()))
			})
		}
	}
}

// Once with colour: what it adds, and that words carry the meaning without it.
func TestScreensInColour(t *testing.T) {
	d := atPhase1(t, 80, 24)
	r := lipgloss.NewRenderer(nil)
	r.SetColorProfile(termenv.TrueColor)
	r.SetHasDarkBackground(true)
	d.app.styles = newStyles(r)
	d.press("r")
	golden.RequireEqual(t, []byte(d.view()))
}
