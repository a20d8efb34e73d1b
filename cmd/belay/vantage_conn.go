package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/miekg/dns"
	"golang.org/x/crypto/ssh"
)

// join makes a net.Conn of a channel. A channel knows no deadlines; a pipe in
// process does, so the one is laid through the other.
func (v *vantage) join(channel ssh.Channel, to netip.AddrPort) net.Conn {
	near, far := net.Pipe()
	v.owned.Go(func() {
		io.Copy(far, channel) // whoever reads sees the end, however it came
		far.Close()
	})
	v.owned.Go(func() {
		io.Copy(channel, far)
		channel.Close()
	})
	return tunnelled{Conn: near, from: v.here, to: net.TCPAddrFromAddrPort(to)}
}

// tunnelled is a connection through a vantage, with the addresses that the far host
// sees.
type tunnelled struct {
	net.Conn
	from, to net.Addr
}

func (t tunnelled) LocalAddr() net.Addr  { return t.from }
func (t tunnelled) RemoteAddr() net.Addr { return t.to }

// framed carries DNS messages, one a Write and one a Read, over a stream (RFC 7766
// 8): for those who believe that they speak UDP. It is used by one goroutine at a
// time, as a question and its answer are.
type framed struct{ net.Conn }

// maxMessage is the largest DNS message, in octets.
const maxMessage = 1<<16 - 1

func (f *framed) Write(message []byte) (int, error) {
	if len(message) > maxMessage {
		return 0, errors.New("the DNS message is too long")
	}
	wire := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	if _, err := f.Conn.Write(append(wire, message...)); err != nil {
		return 0, err
	}
	return len(message), nil
}

// Read reads one message. One that does not fit into b is passed on as servers do it
// over UDP: without its records, and marked as cut, so that it is asked for again over
// TCP.
func (f *framed) Read(b []byte) (int, error) {
	var size [2]byte
	if _, err := io.ReadFull(f.Conn, size[:]); err != nil {
		return 0, err
	}
	wire := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(f.Conn, wire); err != nil {
		return 0, err
	}
	if len(wire) <= len(b) {
		return copy(b, wire), nil
	}
	var m dns.Msg
	if err := m.Unpack(wire); err != nil {
		return 0, fmt.Errorf("read a DNS message of %d octets: %w", len(wire), err)
	}
	m.Answer, m.Ns, m.Extra, m.Truncated = nil, nil, nil, true
	cut, err := m.Pack()
	return copy(b, cut), err
}
