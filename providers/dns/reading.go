package dns

import (
	"context"
	"errors"
)

// reading is one reading of a name that several callers wait for. A look reads
// every type of a name at once; the provider is asked once for all of them.
type reading struct {
	done chan struct{}
	sets []RRset
	err  error
}

// shared reads a name, together with whoever wants the same. Only a reading that
// has not begun is joined, so that nobody gets an answer older than his question.
func (a *remote) shared(ctx context.Context, z Zone, name string) ([]RRset, error) {
	for {
		a.mu.Lock()
		r, joined := a.waiting[name]
		if !joined {
			r = &reading{done: make(chan struct{})}
			a.waiting[name] = r
		}
		a.mu.Unlock()
		if !joined {
			a.read(ctx, z, name, r)
			return r.sets, r.err
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		// Whoever led may have been called off; that is not this caller's end.
		if !errors.Is(r.err, context.Canceled) || ctx.Err() != nil {
			return r.sets, r.err
		}
	}
}

// read carries out r.
func (a *remote) read(ctx context.Context, z Zone, name string, r *reading) {
	defer close(r.done)
	begun := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.waiting[name] == r {
			delete(a.waiting, name)
		}
	}
	defer begun() // also where it never began
	r.sets, r.err = guarded(ctx, a.seat, a.o.Patience, func(ctx context.Context) ([]RRset, error) {
		begun()
		return a.source.At(ctx, z, name)
	})
	if isOdd(r.err) {
		r.sets, r.err = a.fromServers(ctx, z, name, r.err)
	}
}
