package serve

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
)

// A guard stands before the sockets that are open to the world. It counts the
// connections, in all and by client, and where there are too many has the oldest
// make room: a sender that behaves is done within a second, so the oldest is one
// that does not, and whoever comes next is always let in.
type guard struct {
	limits Limits
	count  *counters

	mu      sync.Mutex
	all     list.List // of *guarded, oldest first
	clients map[netip.Addr]*list.List
}

func newGuard(l Limits, c *counters) *guard {
	return &guard{limits: l, count: c, clients: map[netip.Addr]*list.List{}}
}

// before is l with the guard before it.
func (g *guard) before(l net.Listener) net.Listener { return gate{l, g} }

// gate is one listener of a guard.
type gate struct {
	net.Listener
	guard *guard
}

func (l gate) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.guard.admit(conn), nil
}

// guarded is a connection that the guard has let in.
type guarded struct {
	net.Conn
	guard           *guard
	client          netip.Addr
	ofAll, ofClient *list.Element // nil once it has left
}

// admit lets conn in, and one out where there are too many.
func (g *guard) admit(conn net.Conn) net.Conn {
	c := &guarded{Conn: conn, guard: g, client: clientOf(conn.RemoteAddr())}
	if victim := g.enter(c); victim != nil {
		g.count.evicted.Add(1)
		_ = victim.Conn.Close() // whoever reads or writes there is told
	}
	return c
}

// enter counts c and returns whom it displaces.
func (g *guard) enter(c *guarded) *guarded {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count.accepted.Add(1)
	of := g.clients[c.client]
	if of == nil {
		of = list.New()
		g.clients[c.client] = of
	}
	c.ofAll, c.ofClient = g.all.PushBack(c), of.PushBack(c)
	var victim *guarded
	switch {
	case of.Len() > g.limits.PerClient:
		victim = of.Front().Value.(*guarded)
	case g.all.Len() > g.limits.Connections:
		victim = g.all.Front().Value.(*guarded)
	default:
		return nil
	}
	g.leave(victim)
	return victim
}

// leave uncounts c, once. The lock is held.
func (g *guard) leave(c *guarded) {
	if c.ofAll == nil {
		return
	}
	g.all.Remove(c.ofAll)
	of := g.clients[c.client]
	if of.Remove(c.ofClient); of.Len() == 0 {
		delete(g.clients, c.client)
	}
	c.ofAll, c.ofClient = nil, nil
}

// open is how many connections there are.
func (g *guard) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all.Len()
}

func (c *guarded) Close() error {
	c.guard.mu.Lock()
	c.guard.leave(c)
	c.guard.mu.Unlock()
	return c.Conn.Close()
}

// clientOf is whom connections from addr are counted for. An IPv6 client commonly
// has all the addresses of a network of 64 bits.
func clientOf(addr net.Addr) netip.Addr {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return ip
}

// secured is a listener whose connections speak TLS.
type secured struct {
	net.Listener
	config *tls.Config
}

func (l secured) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(conn, l.config), nil
}
