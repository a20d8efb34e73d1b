package inbox

import (
	"context"
	"os"
	"sync"
)

// Bounds of what is read ahead of the store.
const (
	usualWorkers = 2
	// bigItem is the size in bytes from which an item is alone in memory, from its
	// reading until it was taken.
	bigItem = 256 << 10
	// mostAhead and mostAheadBytes bound what was read and waits for its turn, so
	// that the workers read on during a commit.
	mostAhead      = 2 * batchReports
	mostAheadBytes = 8 << 20
	// readyAhead is how many items are named before a worker asks, so that it need not
	// wait for the one who names them.
	readyAhead = 32
)

// each reads the items that feed hands out with a few workers, and hands what they
// gave to take, in order and from the calling goroutine. It stops at take's error,
// with ctx's, or when feed has ended, with feed's. The workers read on while take
// is at work; a single worker, which is to leave the processor to others, only the
// next. The bytes that are in memory already, and those that were read, are
// bounded, so that the largest reports side by side stay within bounds.
func (r *reader) each(ctx context.Context, feed feeder, workers int, take func(item, gleaned) error) error {
	if workers <= 0 {
		workers = usualWorkers
	}
	ahead, ready := mostAhead, readyAhead
	if workers == 1 {
		ahead, ready = 1, 0
	}
	type job struct {
		number int
		item   item
		big    bool
		done   chan gleaned
	}
	ctx, cancel := context.WithCancel(ctx)
	jobs, order := make(chan job, ready), make(chan job, ahead)
	var fed error // feed's; read once order is closed
	var held room
	alone := make(chan struct{}, 1)
	waiting := newTurns(mostAheadBytes)
	var running sync.WaitGroup
	defer running.Wait()
	defer waiting.end()
	defer cancel()
	running.Go(func() {
		defer close(order)
		defer close(jobs)
		number := 0
		fed = feed(ctx, func(it item) error {
			if err := held.enter(ctx, len(it.raw)); err != nil {
				return err
			}
			it.ask()
			j := job{number: number, item: it, big: it.big(), done: make(chan gleaned, 1)}
			number++
			if j.big {
				// Here, in the order of the items, so that whoever is alone never
				// waits for one that wants to be.
				select {
				case alone <- struct{}{}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			select {
			case order <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case jobs <- j:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	for range workers {
		running.Go(func() {
			d := newDecoder()
			for j := range jobs {
				if r.pause != nil {
					r.pause()
				}
				g := r.glean(ctx, d, j.item)
				waiting.enter(j.number, g.size)
				j.done <- g
			}
		})
	}
	for j := range order {
		select {
		case g := <-j.done:
			held.leave(len(j.item.raw))
			if err := take(j.item, g); err != nil {
				return err
			}
			waiting.leave(g.size)
			if j.big {
				<-alone
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fed
}

// ask asks once what kind of file an item is and how large, where it is one.
func (it *item) ask() {
	if it.raw == nil && it.err == nil && it.info == nil {
		it.info, it.err = os.Stat(it.path)
	}
}

// big reports whether an item is to be alone in memory.
func (it item) big() bool {
	if it.info != nil {
		return it.info.Size() >= bigItem
	}
	return len(it.raw) >= bigItem
}

// turns holds back those who bring what was read while too much waits for its turn.
// Whoever's turn it is never waits.
type turns struct {
	mu    sync.Mutex
	moved sync.Cond
	free  int // bytes
	next  int // whose turn it is
	ended bool
}

func newTurns(bytes int) *turns {
	t := &turns{free: bytes}
	t.moved.L = &t.mu
	return t
}

// enter waits until there is place for size bytes, or it is number's turn.
func (t *turns) enter(number, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for number != t.next && size > t.free && !t.ended {
		t.moved.Wait()
	}
	t.free -= size
}

// leave gives size bytes back and the turn to the next.
func (t *turns) leave(size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free += size
	t.next++
	t.moved.Broadcast()
}

// end lets everybody go: nothing more is taken.
func (t *turns) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.moved.Broadcast()
}
