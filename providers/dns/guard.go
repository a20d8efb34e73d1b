package dns

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A seat lets one provider call run at a time. A call that outlives its deadline
// keeps the seat until it really ends, so that no reading can be taken while a
// write that was given up may still land.
type seat chan struct{}

// errUnended says that a provider's call went on after its deadline.
var errUnended = errors.New("the call has not ended")

// grace is how long a call may take to notice that its context has ended.
const grace = time.Second

// guarded runs call in a goroutine of its own, with a deadline and a recover.
// The next call waits for that goroutine, within its own deadline.
func guarded[T any](ctx context.Context, s seat, patience time.Duration, call func(context.Context) (T, error)) (T, error) {
	var none T
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case s <- struct{}{}:
	case <-ctx.Done():
		return none, fmt.Errorf("an earlier call at the provider is still running: %w", errors.Join(errUnended, ctx.Err()))
	}
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-s }()
		var r result
		defer func() {
			if p := recover(); p != nil {
				r = result{err: fmt.Errorf("the provider's library broke down: %v", p)}
			}
			done <- r
		}()
		r.v, r.err = call(ctx)
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case r := <-done:
		return r.v, r.err
	case <-late.C:
		return none, fmt.Errorf("no answer in time: %w", errors.Join(errUnended, ctx.Err()))
	}
}
