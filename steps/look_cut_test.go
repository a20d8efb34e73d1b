package steps_test

import (
	"context"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
)

// wellMet hears by a look's events when it has learned what there is to learn of
// mx1.corp.test, whose two addresses are well: from then on a look that is ended has
// to know it, however slow the machine was until then.
type wellMet struct {
	left map[string]bool // what is still to be heard: of a server's own word, or of a session
	then func()          // called once, when nothing is left
}

func newWellMet(then func()) *wellMet {
	return &wellMet{then: then, left: map[string]bool{
		"corp.test MX": true, "mx1.corp.test A": true, "mx1.corp.test AAAA": true,
		"mx1.corp.test [192.0.2.11]": true, "mx1.corp.test [2001:db8::11]": true,
	}}
}

// hear is a sink.
func (w *wellMet) hear(ev rollout.Event) {
	if ev.Kind != rollout.Answered || ev.Severity != finding.Pass || len(w.left) == 0 {
		return
	}
	what := ev.Subject
	if strings.HasPrefix(ev.Subject, "ns") {
		what, _, _ = strings.Cut(ev.Text, ": ")
	}
	if delete(w.left, what); len(w.left) == 0 {
		w.then()
	}
}

// deadlined is a context whose deadline passes when the one in it ends.
type deadlined struct{ context.Context }

func (d deadlined) Err() error {
	if d.Context.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

// Value hides what the context package would know the inner context by, and take its
// error.
func (deadlined) Value(any) any { return nil }
