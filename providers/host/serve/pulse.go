package serve

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"belay/rollout/world"
)

// A pulse is whether one listener still takes who comes. Each connection is handed on
// before the next is taken, in next to no time; where that does not end, the listener
// is dead though its socket is open.
type pulse struct {
	up world.Stopwatch
	// since is when, by up, it took the connection that it still hands on; zero while
	// it waits for one.
	since atomic.Int64
}

func (p *pulse) waits() { p.since.Store(0) }

func (p *pulse) takes() { p.since.Store(max(1, int64(p.up.Elapsed()))) }

// stuck is how long it has been handing on the same connection.
func (p *pulse) stuck() time.Duration {
	since := p.since.Load()
	if since == 0 {
		return 0
	}
	return p.up.Elapsed() - time.Duration(since)
}

// mostStuck is how long a listener may hand on one connection.
const mostStuck = 30 * time.Second

// felt is a listener whose pulse is felt.
type felt struct {
	net.Listener
	pulse *pulse
}

func (l felt) Accept() (net.Conn, error) {
	l.pulse.waits()
	conn, err := l.Listener.Accept()
	l.pulse.takes()
	return conn, err
}

// feel has Alive watch l.
func (s *Server) feel(l net.Listener) net.Listener {
	p := &pulse{up: world.Start()}
	s.feeling.Lock()
	defer s.feeling.Unlock()
	s.pulses = append(s.pulses, p)
	return felt{l, p}
}

// Alive fails where a listener no longer takes who comes. A service manager then does
// best to start the server anew. That the store cannot be read is no reason: the last
// policies are served on, and a new server could read no more.
func (s *Server) Alive() error {
	s.feeling.Lock()
	defer s.feeling.Unlock()
	for _, p := range s.pulses {
		if stuck := p.stuck(); stuck > mostStuck {
			return fmt.Errorf("a listener has taken nobody for %s", stuck.Round(time.Second))
		}
	}
	return nil
}
