package main

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

// heard is what a program has said so far, which can be read and waited for while it
// speaks.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when more is said; nil where nobody waits
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.more != nil {
		close(h.more)
		h.more = nil
	}
	return h.text.Write(p)
}

// until waits until it was said n times.
func (h *heard) until(t testing.TB, said string, n int) {
	t.Helper()
	for late := time.After(patience); ; {
		h.mu.Lock()
		if bytes.Count(h.text.Bytes(), []byte(said)) >= n {
			h.mu.Unlock()
			return
		}
		if h.more == nil {
			h.more = make(chan struct{})
		}
		more := h.more
		h.mu.Unlock()
		select {
		case <-more:
		case <-late:
			t.Fatalf("it was not said %d times: %q. What was said:\n%s", n, said, h)
		}
	}
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}
