package lab

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"belay/rollout/world"
)

// A Visitor sees a lab that runs in another process of this machine.
type Visitor struct {
	address string
	told    notice

	mu    sync.Mutex
	last  time.Time
	heard world.Stopwatch // since last was heard
}

// Bounds of an inquiry.
const (
	inquiryTime = 5 * time.Second // in real time
	noticeSize  = 64 << 10        // bytes
)

// Visit enters the lab that is shared at address. There is nothing to close: every
// inquiry is a connection of its own. It fails where no lab answers.
func Visit(ctx context.Context, address string) (*Visitor, error) {
	told, err := inquire(ctx, address, inquiry{Ask: "world"})
	if err != nil {
		return nil, err
	}
	return &Visitor{address: address, told: told, last: told.Now, heard: world.Start()}, nil
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
	if n, err := inquire(context.Background(), v.address, inquiry{Ask: "now"}); err == nil {
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
	n, err := inquire(ctx, v.address, inquiry{Ask: "route", Network: transport, Addr: addr})
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return connect(ctx, transport, addr, n.Fate, n.To, v.told.Latency)
}

// inquire asks the lab at address one thing.
func inquire(ctx context.Context, address string, q inquiry) (n notice, err error) {
	ctx, cancel := context.WithTimeout(ctx, inquiryTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return n, fmt.Errorf("ask the lab at %s: %w", address, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := json.NewEncoder(conn).Encode(q); err != nil {
		return n, fmt.Errorf("ask the lab at %s: %w", address, err)
	}
	if err := json.NewDecoder(io.LimitReader(conn, noticeSize)).Decode(&n); err != nil {
		return n, fmt.Errorf("ask the lab at %s: read its answer: %w", address, err)
	}
	return n, nil
}
