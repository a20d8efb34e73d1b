package tui

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// manyFaults is a lab with several faults, listed in an order of its own.
type manyFaults struct {
	fakeLab
	list []Fault
}

func (f *manyFaults) Faults() []Fault { return slices.Clone(f.list) }

func (f *manyFaults) Set(_ context.Context, id string, on bool) error {
	for i := range f.list {
		if f.list[i].ID == id {
			f.list[i].On = on
		}
	}
	return nil
}

// What is broken is what one opens the list for. Switching it moves nothing, so
// that the same key twice is there and back.
func TestBrokenFaultsStandFirstAndNothingMovesUnderTheCursor(t *testing.T) {
	l := &manyFaults{list: []Fault{{ID: "a", Label: "first"}, {ID: "b", Label: "second", On: true}, {ID: "c", Label: "third"}, {ID: "d", Label: "fourth", On: true}}}
	d := drive(t, standIn(inPhase("check-mx", badLook()), closedGate(), dnsPlan()), 80, 24, func(o *Options) { o.Lab = l }, inCorp).press("x")
	d.sees("> BROKEN second BROKEN fourth whole first whole third")
	d.press("space").sees("> whole second BROKEN fourth whole first whole third", "Mended: second.")
	d.press("space").sees("> BROKEN second BROKEN fourth").press("space", "esc", "x").sees("> BROKEN fourth whole first whole second whole third")
	if got := strings.Count(d.view(), ">"); got != 1 {
		t.Errorf("%d cursors", got)
	}
}
