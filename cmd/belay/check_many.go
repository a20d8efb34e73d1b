package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// How many domains are looked at side by side. Each look asks all its questions at
// once already. One that takes longer than slowAfter, because a host of it lets
// connections hang, moves over and lets the next domain begin.
const (
	looksAtOnce = 16
	slowAtOnce  = 64
	slowAfter   = 3 * time.Second
)

// Memory that a run over many domains or mails may use before its garbage is collected more
// eagerly, and how much garbage beside what lives is left until then, in per cent.
// What lives is little: nothing is kept of a domain but a few numbers, and of mails those under way.
const (
	roomForMany = 112 << 20 // octets
	leisure     = 400
)

// roomy lets garbage lie a while longer, which spares a tenth of the work, unless
// the operator has settled that by GOGC or GOMEMLIMIT. It returns what undoes it.
func (p *program) roomy() (restore func()) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, settled := p.env(name); settled {
			return func() {}
		}
	}
	percent, limit := debug.SetGCPercent(leisure), debug.SetMemoryLimit(roomForMany)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// lanes are the seats of looks.
type lanes struct {
	quick, slow chan struct{}
	after       time.Duration // when a look is slow, in real time
}

func newLanes(quick, slow int, after time.Duration) lanes {
	return lanes{make(chan struct{}, quick), make(chan struct{}, slow), after}
}

// run runs f, for which a quick seat was taken, and gives its seat back. Where f is
// slow and a slow seat is free, it moves there.
func (l lanes) run(f func()) {
	seat := l.quick
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		patience := time.NewTimer(l.after)
		defer patience.Stop()
		select {
		case <-ended:
			return
		case <-patience.C:
		}
		select {
		case <-ended:
		case l.slow <- struct{}{}:
			<-l.quick
			seat = l.slow
		}
	})
	f()
	close(ended)
	watching.Wait()
	<-seat
}

// lookAll looks at every domain and gives each look to take as it is done, one at a
// time; more is false for the first. It ends at the first error of take, or when
// ctx ends: what is looked at then is still taken.
func (p *program) lookAll(ctx context.Context, domains []string, at looking, shown *progress, take func(l look, more bool) error) error {
	if len(domains) > looksAtOnce {
		defer p.roomy()()
	}
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	gone := make(chan struct{}) // closed when nobody takes looks any more
	defer working.Wait()
	defer cancel()
	defer close(gone)
	lanes := newLanes(looksAtOnce, slowAtOnce, slowAfter)
	done := make(chan look)
	working.Go(func() {
		var looks sync.WaitGroup
		for _, domain := range domains {
			lanes.quick <- struct{}{}
			if ctx.Err() != nil {
				<-lanes.quick
				break
			}
			looks.Go(func() {
				lanes.run(func() {
					l := p.lookFor(ctx, domain, at)
					select {
					case done <- l:
					case <-gone:
					}
				})
			})
		}
		looks.Wait()
		close(done)
	})
	defer shown.end()
	for n := 0; ; {
		select {
		case l, more := <-done:
			if !more && n < len(domains) {
				return fmt.Errorf("called off after %d of %d domains: %w", n, len(domains), ctx.Err())
			}
			if !more {
				return nil
			}
			shown.clear()
			if err := take(l, n > 0); err != nil {
				return err
			}
			n++
			shown.draw()
		case <-shown.beat():
			shown.draw()
		}
	}
}
