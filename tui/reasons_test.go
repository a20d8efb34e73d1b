package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
)

func TestReasonsAreGroupedAsTheEngineGroupsThem(t *testing.T) {
	at := func(address string) rollout.Reason {
		return rollout.Reason{Code: "M09", Subject: "mx2.corp.test [" + address + "]", Text: "certificate expired"}
	}
	blocking := func(n int) rollout.Reason {
		key := fmt.Sprintf("reporter%d.test/certificate-expired/mx2.corp.test", n)
		return rollout.Reason{Code: rollout.ReasonBlocking, Subject: key, Text: key + " failed"}
	}
	soak := rollout.Reason{Code: rollout.ReasonSoak, Subject: "corp.test", Text: "clean since yesterday"}
	for name, reasons := range map[string][]rollout.Reason{
		"none":                        nil,
		"addresses of one host":       {at("192.0.2.1"), soak, at("192.0.2.2")},
		"the same twice":              {soak, blocking(1), soak},
		"a run between others":        {at("192.0.2.1"), blocking(1), blocking(2), blocking(3), at("192.0.2.2"), soak},
		"two runs":                    {blocking(1), blocking(2), soak, blocking(3), blocking(4), at("192.0.2.1")},
		"a run that ends the reasons": {soak, blocking(1), blocking(2)},
	} {
		if got, want := grouped(reasons), rollout.Grouped(reasons); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestWhatBreaksBesideAnErrandBreaksTheErrand(t *testing.T) {
	run := newCrew(t.Context()).errand(func(context.Context) tea.Msg {
		defer beside(func() { panic("out of order") })()
		return nil
	})
	broken, ok := run().(brokenMsg)
	if !ok || !strings.Contains(broken.err.Error(), "out of order") {
		t.Errorf("the errand ended with %v", broken.err)
	}
}
