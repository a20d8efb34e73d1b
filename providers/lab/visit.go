package lab

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"belay/rollout/world"
)

// A Visitor sees a lab that runs in another process of this machine.
type Visitor struct {
	told notice
	door *door

	mu    sync.Mutex
	last  time.Time
	heard world.Stopwatch // since last was heard

	routing sync.Mutex
	routes  map[destination]route
}

// destination is what a visitor dials.
type destination struct {
	network string
	addr    netip.AddrPort
}

// route is where the lab said that a destination is.
type route struct {
	notice
	heard world.Stopwatch
}

// routeTime is how long the lab's word on a route holds. A look dials the same few
// name servers dozens of times within a moment.
const routeTime = 100 * time.Millisecond

// Visit enters the lab that is shared at address. There is nothing to close: the
// lab hangs up on whoever asks nothing for a while. It fails where no lab answers.
func Visit(ctx context.Context, address string) (*Visitor, error) {
	d := &door{address: address, idle: make(chan *line, idleLines)}
	told, err := d.inquire(ctx, inquiry{Ask: "world"})
	if err != nil {
		return nil, err
	}
	return &Visitor{door: d, told: told, last: told.Now, heard: world.Start(), routes: map[destination]route{}}, nil
}

// World is the lab as this process sees it.
func (v *Visitor) World() world.World {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(v.told.Roots)
	return world.World{
		Clock: v,
		Network: world.Network{
			Dial:      v.dial,
			Resolvers: v.told.Resolvers,
			Roots:     roots,
			Controls:  v.told.Controls,
		},
	}
}

// Now is what time it is in the lab. Where the lab has gone it is the time last
// heard, run on with real time.
func (v *Visitor) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n, err := v.door.inquire(context.Background(), inquiry{Ask: "now"}); err == nil {
		v.last, v.heard = n.Now, world.Start()
		return v.last
	}
	return v.last.Add(v.heard.Elapsed())
}

// dial asks where addr leads and goes there. The latency of the lab is added here.
func (v *Visitor) dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	transport, err := transportOf(network)
	if err != nil {
		return nil, err
	}
	n, err := v.route(ctx, destination{transport, addr})
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return connect(ctx, transport, addr, n.Fate, n.To, v.told.Latency)
}

// route asks the lab where p is, unless it has just said so.
func (v *Visitor) route(ctx context.Context, p destination) (notice, error) {
	v.routing.Lock()
	known, ok := v.routes[p]
	v.routing.Unlock()
	if ok && known.heard.Elapsed() < routeTime {
		return known.notice, nil
	}
	asked := world.Start()
	n, err := v.door.inquire(ctx, inquiry{Ask: "route", Network: p.network, Addr: p.addr})
	if err != nil {
		return n, err
	}
	v.routing.Lock()
	v.routes[p] = route{n, asked}
	v.routing.Unlock()
	return n, nil
}
