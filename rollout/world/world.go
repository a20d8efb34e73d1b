// Package world holds the two things belay needs of the world around it, as
// values: a Clock, which says what time it is, and a Network, which says how to
// reach an address, which resolvers to ask and which roots to trust. The real
// ones are made by System; the lab makes its own, so that nothing above this
// package knows whether it looks at the internet or at a box.
//
// The clock says what time it is: evidence, ids, gates and certificates go by
// it, and it may be wound. How long a thing takes never comes from it: deadlines
// are contexts on real time, and elapsed time is a Stopwatch.
package world

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Clock says what time it is.
type Clock interface {
	Now() time.Time
}

// Network is how the world is reached. Its zero value reaches nothing; use
// System or a lab's.
type Network struct {
	// Dial opens a connection to one address; network is "tcp" or "udp". It
	// never resolves a name and never follows a proxy.
	Dial func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error)
	// Resolvers are the recursive resolvers to ask, best first.
	Resolvers []netip.AddrPort
	// Roots are the trusted roots; nil means the system's.
	Roots *x509.CertPool
	// Controls are hosts known to answer on port 25, tried where every MX host
	// only times out, to tell a blocked network from a dead host.
	Controls []string
}

// World is a clock and a network together.
type World struct {
	Clock   Clock
	Network Network
}

// Stopwatch measures elapsed real time.
type Stopwatch struct{ start time.Time }

// Start starts a stopwatch.
func Start() Stopwatch { return Stopwatch{start: time.Now()} }

// Elapsed is the real time since Start.
func (s Stopwatch) Elapsed() time.Duration { return time.Since(s.start) }

// Deadline is the moment d from now in real time, for sockets.
func Deadline(d time.Duration) time.Time { return time.Now().Add(d) }

// NoRoute reports whether err says that this machine cannot reach the address
// at all (no IPv6 here, say), which tells nothing about the server.
func NoRoute(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH) ||
		errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, ErrNoRoute)
}

// ErrNoRoute is what a Network's Dial wraps when it has no way to an address.
var ErrNoRoute = errors.New("no route to this address from here")

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// SystemClock is the machine's clock.
func SystemClock() Clock { return systemClock{} }
