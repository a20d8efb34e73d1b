package main

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"belay/rollout"
)

// stoppable is the context of a subcommand. The first signal ends it: a walk
// finishes the edit in flight, its provider call and its receipt, and stops. The
// second cuts the provider's call off. The third ends the process. stop gives the
// signals up and waits for whoever listened to them.
func (p *program) stoppable(parent context.Context) (ctx context.Context, stop func()) {
	hard, abort := context.WithCancel(parent)
	soft, cancel := context.WithCancel(hard)
	done := make(chan struct{})
	var listening sync.WaitGroup
	listening.Go(func() {
		for asked := 1; ; asked++ {
			select {
			case <-done:
				return
			case <-p.interrupts:
			}
			switch asked {
			case 1:
				fmt.Fprintln(p.errs, "belay: "+cmp.Or(p.stopping, "stopping; an edit in flight is finished first, a second signal cuts it off"))
				cancel()
			case 2:
				abort()
			default:
				p.leave(exitCannot)
			}
		}
	})
	return rollout.WithAbort(soft, hard), func() {
		close(done)
		listening.Wait()
		cancel()
		abort()
	}
}
