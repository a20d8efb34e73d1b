package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"belay/rollout/world"
)

// A share lets other processes of this machine into the lab. It answers, one JSON
// object for each JSON object, where an address leads, what time it is and whom to
// trust; the connections themselves then go straight to the lab's servers.
type share struct {
	lab      *Lab
	listener net.Listener
	mu       sync.Mutex
	guests   map[net.Conn]bool // nil once closed
	ended    sync.WaitGroup
}

// inquiry is what a guest asks: "world", "now" or "route".
type inquiry struct {
	Ask     string         `json:"ask"`
	Network string         `json:"network,omitempty"`
	Addr    netip.AddrPort `json:"addr,omitzero"`
}

// notice is what a guest is told.
type notice struct {
	Now       time.Time        `json:"now"`
	Fate      fate             `json:"fate,omitempty"`
	To        string           `json:"to,omitempty"`
	Latency   time.Duration    `json:"latency_ns,omitempty"`
	Resolvers []netip.AddrPort `json:"resolvers,omitempty"`
	Controls  []string         `json:"controls,omitempty"`
	Roots     []byte           `json:"roots,omitempty"` // PEM
}

// inquirySize bounds what a guest asks, in bytes.
const inquirySize = 1024

// Share opens the lab to other processes of this machine and returns the loopback
// host:port that Visit takes. Calling it again returns the same.
func (l *Lab) Share() (string, error) {
	l.passing.Lock()
	defer l.passing.Unlock()
	if l.running.Err() != nil {
		return "", fmt.Errorf("share the lab: it is closed")
	}
	if l.shared != nil {
		return l.shared.listener.Addr().String(), nil
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("share the lab: %w", err)
	}
	s := &share{lab: l, listener: ln, guests: map[net.Conn]bool{}}
	s.ended.Go(s.accept)
	l.shared = s
	return ln.Addr().String(), nil
}

func (s *share) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.guests == nil {
			s.mu.Unlock()
			conn.Close()
			return
		}
		s.guests[conn] = true
		s.mu.Unlock()
		s.ended.Go(func() {
			s.serve(conn)
			conn.Close()
			s.mu.Lock()
			delete(s.guests, conn)
			s.mu.Unlock()
		})
	}
}

// serve answers inquiries until the guest hangs up or is silent for too long.
func (s *share) serve(conn net.Conn) {
	in := io.LimitedReader{R: conn}
	for dec, enc := json.NewDecoder(&in), json.NewEncoder(conn); ; {
		in.N = inquirySize
		var q inquiry
		if conn.SetDeadline(world.Deadline(inquiryTime)) != nil || dec.Decode(&q) != nil {
			return
		}
		if enc.Encode(s.answer(q)) != nil {
			return
		}
	}
}

func (s *share) answer(q inquiry) notice {
	n := notice{Now: s.lab.clock.Now()}
	switch q.Ask {
	case "route":
		n.Fate, n.To = s.lab.route(q.Network, q.Addr)
	case "world":
		w := s.lab.World()
		n.Latency, n.Resolvers, n.Controls, n.Roots = s.lab.options.Latency, w.Network.Resolvers, w.Network.Controls, s.lab.ca.pem()
	}
	return n
}

func (s *share) close() {
	s.listener.Close()
	s.mu.Lock()
	for conn := range s.guests {
		conn.Close()
	}
	s.guests = nil
	s.mu.Unlock()
	s.ended.Wait()
}
