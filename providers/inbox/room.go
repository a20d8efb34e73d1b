package inbox

import (
	"context"
	"sync"
)

// mostHeld bounds the bytes of mails that are in memory and wait to be read. A mail
// larger than that goes alone.
const mostHeld = 24 << 20

// A room keeps those who bring bytes waiting while too many are inside. One
// goroutine enters, one leaves.
type room struct {
	mu   sync.Mutex
	held int
	left chan struct{} // somebody left
}

// enter returns when there is place for n bytes, or with ctx's error.
func (r *room) enter(ctx context.Context, n int) error {
	for {
		r.mu.Lock()
		if r.left == nil {
			r.left = make(chan struct{}, 1)
		}
		if r.held == 0 || r.held+n <= mostHeld {
			r.held += n
			r.mu.Unlock()
			return nil
		}
		r.mu.Unlock()
		select {
		case <-r.left:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *room) leave(n int) {
	r.mu.Lock()
	r.held -= n
	r.mu.Unlock()
	select {
	case r.left <- struct{}{}:
	default:
	}
}
