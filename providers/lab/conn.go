package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// connect makes a connection as fate says. A silent one is waited for until ctx
// ends. latency is added to every round trip: to making a TCP connection, and to
// whatever comes back (see delayed).
func connect(ctx context.Context, network string, addr netip.AddrPort, f fate, to string, latency time.Duration) (net.Conn, error) {
	if err := refusal(network, addr, f); err != nil {
		return nil, err
	}
	remote := addressOf(network, addr)
	if network == "udp" {
		return connectUDP(remote, f, to, latency)
	}
	if f == silent {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: remote, Err: whyDone(ctx)}
	}
	if latency > 0 {
		handshake := time.NewTimer(latency)
		defer handshake.Stop()
		select {
		case <-handshake.C:
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Net: network, Addr: remote, Err: whyDone(ctx)}
		}
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp4", to)
	if err != nil {
		return nil, fmt.Errorf("dial %s in the lab: %w", addr, err)
	}
	if latency > 0 {
		c = delay(c, latency)
	}
	return &overlaid{Conn: c, remote: remote}, nil
}

// whyDone is a timeout where ctx ran out of time, as the system's own dialer
// says it.
func whyDone(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return ctx.Err()
}

// connectUDP opens a datagram socket. A silent one is connected to itself: what is
// written to it comes back to nobody but itself, so it is read by no server, and
// reads wait for their deadline.
func connectUDP(remote net.Addr, f fate, to string, latency time.Duration) (net.Conn, error) {
	if f == silent {
		sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, fmt.Errorf("dial %s in the lab: %w", remote, err)
		}
		return &unheard{UDPConn: sink, remote: remote}, nil
	}
	c, err := net.Dial("udp4", to)
	if err != nil {
		return nil, fmt.Errorf("dial %s in the lab: %w", remote, err)
	}
	if latency > 0 {
		c = delay(c, latency)
	}
	return &datagrams{overlaid{Conn: c, remote: remote}}, nil
}

// overlaid is a loopback connection that says it leads to a documentation
// address.
type overlaid struct {
	net.Conn
	remote net.Addr
}

func (c *overlaid) RemoteAddr() net.Addr { return c.remote }

// datagrams is an overlaid UDP socket. It is a net.PacketConn too, by which DNS
// clients know that messages have no length before them.
type datagrams struct{ overlaid }

func (c *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.remote, err
}

func (c *datagrams) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// unheard is a UDP socket to a host that does not answer: writes go nowhere.
type unheard struct {
	*net.UDPConn
	remote net.Addr
}

func (c *unheard) RemoteAddr() net.Addr                      { return c.remote }
func (c *unheard) Write(b []byte) (int, error)               { return len(b), nil }
func (c *unheard) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (c *unheard) Read(b []byte) (int, error)                { n, _, err := c.UDPConn.ReadFrom(b); return n, err }
func (c *unheard) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.remote, err
}
