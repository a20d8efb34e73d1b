package serve

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
)

// A guard stands before sockets that are open to the world. It counts the
// connections, in all and by client, and where there are too many has the oldest
// make room: a sender that behaves is done within a second, so the oldest is one
// that does not, and whoever comes next is let in.
//
// It counts those at the door, who have not yet named a policy host, apart from those
// inside. So connections that cost nothing to make displace one another, and not a
// sender who is being answered; and those who hang about inside keep nobody from
// the door.
type guard struct {
	count *counters

	mu           sync.Mutex
	door, inside room
}

// doorIsWider is how many times more connections of one client there may be at the
// door than inside. They cost little there, and in a flood from his own address a sender
// must be given the time to say his first words.
const doorIsWider = 8

func newGuard(l Limits, c *counters) *guard {
	atDoor := l
	atDoor.PerClient *= doorIsWider
	return &guard{count: c, door: newRoom(atDoor), inside: newRoom(l)}
}

// room is a number of connections within limits.
type room struct {
	limits  Limits
	all     *list.List // of *guarded, oldest first
	clients map[netip.Addr]*list.List
}

func newRoom(l Limits) room {
	return room{limits: l, all: list.New(), clients: map[netip.Addr]*list.List{}}
}

// enter takes c in, and returns whom it displaces.
func (r *room) enter(c *guarded) *guarded {
	of := r.clients[c.client]
	if of == nil {
		of = list.New()
		r.clients[c.client] = of
	}
	c.room, c.ofAll, c.ofClient = r, r.all.PushBack(c), of.PushBack(c)
	var victim *guarded
	switch {
	case of.Len() > r.limits.PerClient:
		victim = of.Front().Value.(*guarded)
	case r.all.Len() > r.limits.Connections:
		victim = r.all.Front().Value.(*guarded)
	default:
		return nil
	}
	victim.leave()
	return victim
}

// leave uncounts c, once. The guard's lock is held.
func (c *guarded) leave() {
	if c.room == nil {
		return
	}
	c.room.all.Remove(c.ofAll)
	of := c.room.clients[c.client]
	if of.Remove(c.ofClient); of.Len() == 0 {
		delete(c.room.clients, c.client)
	}
	c.room, c.ofAll, c.ofClient = nil, nil, nil
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
	room            *room // nil once it has left
	ofAll, ofClient *list.Element
}

// admit lets conn come to the door.
func (g *guard) admit(conn net.Conn) net.Conn {
	g.count.accepted.Add(1)
	c := &guarded{Conn: conn, guard: g, client: clientOf(conn.RemoteAddr())}
	g.mu.Lock()
	victim := g.door.enter(c)
	g.mu.Unlock()
	g.displace(victim)
	return c
}

// comesIn lets c from the door inside, unless it has left.
func (c *guarded) comesIn() {
	g := c.guard
	g.mu.Lock()
	var victim *guarded
	if c.room == &g.door {
		c.leave()
		victim = g.inside.enter(c)
	}
	g.mu.Unlock()
	g.displace(victim)
}

func (g *guard) displace(victim *guarded) {
	if victim != nil {
		g.count.evicted.Add(1)
		_ = victim.Conn.Close() // whoever reads or writes there is told
	}
}

// open is how many connections there are.
func (g *guard) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.door.all.Len() + g.inside.all.Len()
}

func (c *guarded) Close() error {
	c.guard.mu.Lock()
	c.leave()
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
