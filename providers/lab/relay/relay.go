// Package relay stands before a name server that is not the lab's own and hands
// every message on as it is. Because it sees a dynamic update before the server
// does, a test can let something happen between what a client has read and what
// it writes: the moment in which two operators meet.
package relay

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

// A Relay is one way to a name server, over TCP.
type Relay struct {
	listener net.Listener
	open     sync.WaitGroup

	mu   sync.Mutex
	then func()
}

// To opens a relay on a free loopback port before the name server at host:port.
// Whoever opens it closes it.
func To(server string) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a relay before %s: %w", server, err)
	}
	r := &Relay{listener: l}
	r.open.Go(func() { r.accept(server) })
	return r, nil
}

// Address is where the relay listens, host:port.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Close ends the relay when those who use it have hung up.
func (r *Relay) Close() {
	_ = r.listener.Close()
	r.open.Wait()
}

// BeforeUpdate makes f happen once, before the next UPDATE goes through. What
// arrives while f runs is not held up.
func (r *Relay) BeforeUpdate(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.then = f
}

func (r *Relay) accept(server string) {
	for {
		in, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		out, err := net.Dial("tcp", server)
		if err != nil {
			_ = in.Close() // the client sees a server that is not there
			continue
		}
		r.open.Go(func() { r.pass(out, in) })
		r.open.Go(func() {
			_, _ = io.Copy(in, out)
			_ = in.Close()
		})
	}
}

// pass hands on the messages of one client, each behind its length (RFC 1035
// section 4.2.2), until it hangs up.
func (r *Relay) pass(out, in net.Conn) {
	defer func() { _ = out.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return
		}
		message := make([]byte, 2+int(binary.BigEndian.Uint16(size[:])))
		copy(message, size[:])
		if _, err := io.ReadFull(in, message[2:]); err != nil {
			return
		}
		if isUpdate(message[2:]) {
			r.happen()
		}
		if _, err := out.Write(message); err != nil {
			return
		}
	}
}

// isUpdate looks at the opcode in a message's header (RFC 2136 section 2.2).
func isUpdate(message []byte) bool {
	const opcodeUpdate = 5
	return len(message) > 2 && message[2]>>3&0xf == opcodeUpdate
}

func (r *Relay) happen() {
	r.mu.Lock()
	then := r.then
	r.then = nil
	r.mu.Unlock()
	if then != nil {
		then()
	}
}
