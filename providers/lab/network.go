package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"belay/rollout/world"
)

// ErrOutside is what dialing an address outside the lab fails with. It comes with
// world.ErrNoRoute: there is no way out of the box.
var ErrOutside = errors.New("this address is outside the lab")

// A fate is what becomes of a connection to an address.
type fate string

const (
	open    fate = "open"     // it is made
	refused fate = "refused"  // a host is there, and nobody listens
	silent  fate = "silent"   // nothing ever comes back
	noRoute fate = "no-route" // this machine has no way to this family
	outside fate = "outside"  // the address is none of the lab's
)

// An endpoint is one documentation address and port over a transport.
type endpoint struct {
	network string // "tcp" or "udp"
	addr    netip.AddrPort
}

// routes says where on loopback each endpoint is served.
type routes struct {
	mu    sync.RWMutex
	to    map[endpoint]string
	hosts map[netip.Addr]string // the faults' key of the host at an address
}

func newRoutes() *routes {
	return &routes{to: map[endpoint]string{}, hosts: map[netip.Addr]string{}}
}

func (r *routes) add(network string, ip netip.Addr, port uint16, key, loopback string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to[endpoint{network, netip.AddrPortFrom(ip, port)}] = loopback
	r.hosts[ip] = key
}

// find says which host has ip, and where on loopback the endpoint is served; both
// are empty where there is none.
func (r *routes) find(network string, ip netip.Addr, port uint16) (key, to string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.hosts[ip], r.to[endpoint{network, netip.AddrPortFrom(ip, port)}]
}

// Lay makes an endpoint of the lab lead to a loopback host:port, in place of
// whatever it led to: tests put servers there that no lab would have. network is
// "tcp" or "udp", addr a documentation address.
func (l *Lab) Lay(network string, addr netip.AddrPort, loopback string) {
	key, _ := l.routes.find(network, addr.Addr(), addr.Port())
	if key == "" {
		key = "laid"
	}
	l.routes.add(network, addr.Addr(), addr.Port(), key, loopback)
}

// inLab reports whether ip is one of the documentation addresses.
func inLab(ip netip.Addr) bool {
	return netip.MustParsePrefix("192.0.2.0/24").Contains(ip) || netip.MustParsePrefix("2001:db8::/32").Contains(ip)
}

// route says what becomes of a connection from the operator's machine, and to
// which loopback port it leads.
func (l *Lab) route(network string, addr netip.AddrPort) (fate, string) {
	switch {
	case !inLab(addr.Addr().Unmap()):
		return outside, ""
	case addr.Addr().Is6() && l.faults.on("network.no-ipv6"):
		return noRoute, ""
	case network == "tcp" && addr.Port() == 25 && l.faults.on("network.no-port-25"):
		return silent, ""
	}
	return l.routeDirect(network, addr)
}

// routeDirect is route for those who live in the lab and have no faults of their
// own on the way.
func (l *Lab) routeDirect(network string, addr netip.AddrPort) (fate, string) {
	ip := addr.Addr().Unmap()
	key, to := l.routes.find(network, ip, addr.Port())
	family := ".ipv4"
	if ip.Is6() {
		family = ".ipv6"
	}
	switch {
	case !inLab(ip):
		return outside, ""
	case key == "", l.faults.on(key + ".unreachable"), l.faults.on(key + family + "-unreachable"), l.faults.on(key + ".dead"):
		return silent, ""
	case to == "", l.faults.on(key + ".refused"), ip.Is6() && l.faults.on(key+".no-ipv6"):
		return refused, ""
	case addr.Port() == 80 && !l.faults.on(key+".http") && !l.faults.on(key+".proxied"):
		return refused, ""
	case addr.Port() == 25 && l.faults.on(key+".proxied"):
		return silent, ""
	}
	return open, to
}

// dial is the lab's Network.Dial: it lays the documentation addresses over
// loopback, adds the lab's latency, and goes nowhere else.
func (l *Lab) dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	transport, err := transportOf(network)
	if err != nil {
		return nil, err
	}
	fate, to := l.route(transport, addr)
	return connect(ctx, transport, addr, fate, to, l.options.Latency)
}

// dialDirect dials for those who live in the lab, without latency. They wait by
// the lab's clock, in which a timeout takes no real time.
func (l *Lab) dialDirect(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	fate, to := l.routeDirect(network, addr)
	if fate == silent {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addressOf(network, addr), Err: os.ErrDeadlineExceeded}
	}
	return connect(ctx, network, addr, fate, to, 0)
}

func transportOf(network string) (string, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return "tcp", nil
	case "udp", "udp4", "udp6":
		return "udp", nil
	}
	return "", fmt.Errorf("dial over %q in the lab: only tcp and udp are there", network)
}

// refusal is the error of a connection that is not made at once; nil where fate
// is another.
func refusal(network string, addr netip.AddrPort, f fate) error {
	var why error
	switch f {
	case refused:
		why = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	case noRoute:
		why = os.NewSyscallError("connect", syscall.ENETUNREACH)
	case outside:
		why = fmt.Errorf("%w: %w", ErrOutside, world.ErrNoRoute)
	default:
		return nil
	}
	return &net.OpError{Op: "dial", Net: network, Addr: addressOf(network, addr), Err: why}
}

func addressOf(network string, addr netip.AddrPort) net.Addr {
	if network == "udp" {
		return net.UDPAddrFromAddrPort(addr)
	}
	return net.TCPAddrFromAddrPort(addr)
}
