package receiver

import (
	"context"
	"net/netip"
	"sync"
)

// turns gives each client a few places, so that one that is slow, or slow on purpose,
// waits for itself and not others for it.
type turns struct {
	most int // places of one client

	mu   sync.Mutex
	held map[netip.Prefix]*turn
}

// turn is the places of one client. It is forgotten when nobody has or awaits one.
type turn struct {
	places chan struct{}
	users  int
}

func newTurns(most int) *turns { return &turns{most: most, held: make(map[netip.Prefix]*turn)} }

// enter takes a place of a client, or gives up after a while. Whoever got one calls
// leave.
func (t *turns) enter(ctx context.Context, client netip.Prefix) (leave func(), ok bool) {
	t.mu.Lock()
	of := t.held[client]
	if of == nil {
		of = &turn{places: make(chan struct{}, t.most)}
		t.held[client] = of
	}
	of.users++
	t.mu.Unlock()
	if !enter(ctx, of.places) {
		t.forget(client, of)
		return nil, false
	}
	return func() {
		<-of.places
		t.forget(client, of)
	}, true
}

func (t *turns) forget(client netip.Prefix, of *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if of.users--; of.users == 0 {
		delete(t.held, client)
	}
}
