package steps

import (
	"context"
	"time"

	"belay/steps/probe"
)

// grace is how long a look whose own questions are all answered still waits, in
// real time, for what was asked beside them.
const grace = 750 * time.Millisecond

// An aside is a question that no sender asks and no verdict hangs on: whether a
// host would also do something else. It is asked while the look goes its way, and
// its answer is taken if it has come when the look is over.
type aside[T any] struct{ answer chan T }

// headStart is how long the way that takes longest is let go alone, in real time:
// the sessions with the MX hosts. What is asked beside it is over long before it,
// and would only keep its connections waiting for a processor.
const headStart = 10 * time.Millisecond

// beside asks after a headStart.
func beside[T any](v *probe.View, ask func() T) aside[T] {
	a := aside[T]{make(chan T, 1)}
	v.Go(func() {
		v.Wait(headStart)
		a.answer <- ask()
	})
	return a
}

// take returns the answer, once; ok is false where there is none when late ends.
func (a aside[T]) take(late context.Context) (t T, ok bool) {
	if a.answer == nil {
		return t, false
	}
	select {
	case t = <-a.answer:
		return t, true
	default:
	}
	select {
	case t = <-a.answer:
		return t, true
	case <-late.Done():
		return t, false
	}
}
