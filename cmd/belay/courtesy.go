package main

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"belay/rollout/world"
	"belay/tui"
)

// longestCourtesy is how long work stands back for one key at most: a key that
// changes nothing brings no frame.
const longestCourtesy = 20 * time.Millisecond

// courtesy lets the screen go first. From the moment a key is read until the frame
// after it is written, a look handles no further answer and an import begins no
// further file; what each has in hand is small, so that a key finds a processor
// nearly at once however busy belay is.
type courtesy struct {
	mu    sync.Mutex
	drawn chan struct{} // closed with the frame; nil while no key waits for one
	taken bool          // the screen has the key, so that the next frame shows it
	bored *time.Timer
}

var _ tui.Courtesy = (*courtesy)(nil)

// Pressed begins to hold work back.
func (c *courtesy) Pressed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = false
	if c.drawn != nil {
		return
	}
	waiting := make(chan struct{})
	c.drawn = waiting
	c.bored = time.AfterFunc(longestCourtesy, func() { c.resume(waiting) })
}

// Taken says that the next frame is the key's.
func (c *courtesy) Taken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = true
}

// Shown lets work go on, where the frame is the key's.
func (c *courtesy) Shown() {
	c.mu.Lock()
	waiting := c.drawn
	if !c.taken {
		waiting = nil
	}
	c.mu.Unlock()
	c.resume(waiting)
}

// resume ends the wait for one frame, once.
func (c *courtesy) resume(waiting chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiting == nil || c.drawn != waiting {
		return
	}
	c.bored.Stop()
	close(waiting)
	c.drawn = nil
}

// afterKeys returns when no key waits for its frame. It is called between two
// pieces of work.
func (c *courtesy) afterKeys() {
	c.mu.Lock()
	waiting := c.drawn
	c.mu.Unlock()
	if waiting != nil {
		<-waiting
	}
}

// network is n with answers over TCP held back while a key waits: those cost
// handshakes and certificates. Time limits go on meanwhile; they are seconds.
func (c *courtesy) network(n world.Network) world.Network {
	dial := n.Dial
	n.Dial = func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
		if network != "tcp" {
			return dial(ctx, network, addr)
		}
		c.afterKeys()
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return courteousConn{conn, c}, nil
	}
	return n
}

type courteousConn struct {
	net.Conn
	courtesy *courtesy
}

func (c courteousConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.courtesy.afterKeys()
	return n, err
}
