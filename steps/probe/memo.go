package probe

import "sync"

// memo remembers the result of a question by its key, and lets several askers of
// the same question share one act of asking. The zero value is ready to use.
type memo[K comparable, T any] struct {
	mu    sync.Mutex
	calls map[K]*call[T]
}

type call[T any] struct {
	done chan struct{}
	got  T
}

// do returns what ask returned for key, asking only where nobody has yet. Callers
// that come while the first still asks wait for it: ask must end by itself, which
// every question of a View does when the View's context ends.
func (m *memo[K, T]) do(key K, ask func() T) T {
	m.mu.Lock()
	if c, ok := m.calls[key]; ok {
		m.mu.Unlock()
		<-c.done
		return c.got
	}
	if m.calls == nil {
		m.calls = make(map[K]*call[T])
	}
	c := &call[T]{done: make(chan struct{})}
	m.calls[key] = c
	m.mu.Unlock()

	defer close(c.done)
	c.got = ask()
	return c.got
}
