package lab

import (
	"context"
	"net"
	"os"
	"sync"
	"time"

	"belay/rollout/world"
)

// delayed holds back what arrives on a connection by the lab's latency, so that
// every exchange of a request and its answer takes that much longer: one round
// trip. Bytes that arrive together are held together, so pipelined answers cost
// one round trip, not several. The TCP handshake is paid for when dialing, and a
// greeting, which a real server can send only when the handshake's last packet
// has reached it, costs one more.
type delayed struct {
	net.Conn
	latency time.Duration

	mu       sync.Mutex
	arrived  []arrival
	ended    error // why nothing more arrives
	closed   bool
	changed  chan struct{}   // closed and replaced on every change of the above
	deadline context.Context // ends when reads do
	disarm   context.CancelFunc
	pumped   sync.WaitGroup
}

// arrival is one read from the network and when it was made.
type arrival struct {
	bytes []byte
	since world.Stopwatch
}

func delay(c net.Conn, latency time.Duration) *delayed {
	d := &delayed{Conn: c, latency: latency, changed: make(chan struct{}), deadline: context.Background(), disarm: func() {}}
	d.pumped.Go(d.pump)
	return d
}

// maxArrivals bounds what is held back; beyond it the network has to wait.
const maxArrivals = 256

// pump takes what arrives off the network until the connection ends.
func (d *delayed) pump() {
	for d.room() {
		buffer := make([]byte, 64<<10)
		n, err := d.Conn.Read(buffer)
		d.mu.Lock()
		if n > 0 {
			d.arrived = append(d.arrived, arrival{buffer[:n:n], world.Start()})
		}
		d.ended = err
		d.tell()
		d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// room waits until one more arrival can be held; it is false once d is closed.
func (d *delayed) room() bool {
	for {
		d.mu.Lock()
		full, closed, changed := len(d.arrived) >= maxArrivals, d.closed, d.changed
		d.mu.Unlock()
		if closed || !full {
			return !closed
		}
		<-changed
	}
}

// tell wakes readers and the pump; mu is held.
func (d *delayed) tell() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Read returns the oldest arrival once it is due.
func (d *delayed) Read(b []byte) (int, error) {
	for {
		d.mu.Lock()
		n, wait, err := d.take(b)
		changed, deadline := d.changed, d.deadline
		d.mu.Unlock()
		if n > 0 || err != nil {
			return n, err
		}
		if deadline.Err() != nil {
			return 0, &net.OpError{Op: "read", Net: d.RemoteAddr().Network(), Addr: d.RemoteAddr(), Err: os.ErrDeadlineExceeded}
		}
		await(deadline, changed, wait)
	}
}

// await returns when changed is closed, when ctx ends, or after wait where that is
// not zero.
func await(ctx context.Context, changed <-chan struct{}, wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-changed:
	case <-ctx.Done():
	case <-due:
	}
}

// take copies what is due into b, or says how long until something is; mu is held.
func (d *delayed) take(b []byte) (n int, wait time.Duration, err error) {
	if len(d.arrived) == 0 {
		return 0, 0, d.ended
	}
	first := &d.arrived[0]
	if wait = d.latency - first.since.Elapsed(); wait > 0 {
		return 0, wait, nil
	}
	n = copy(b, first.bytes)
	first.bytes = first.bytes[n:]
	_, datagram := d.Conn.(net.PacketConn)
	if len(first.bytes) == 0 || datagram {
		d.arrived = d.arrived[1:]
		d.tell()
	}
	return n, 0, nil
}

// SetReadDeadline bounds Read; the pump itself reads on.
func (d *delayed) SetReadDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disarm()
	d.deadline, d.disarm = context.Background(), func() {}
	if !t.IsZero() {
		d.deadline, d.disarm = context.WithDeadline(context.Background(), t)
	}
	d.tell()
	return nil
}

// SetDeadline bounds reads and writes.
func (d *delayed) SetDeadline(t time.Time) error {
	if err := d.SetReadDeadline(t); err != nil {
		return err
	}
	return d.Conn.SetWriteDeadline(t)
}

// Close ends the connection and the pump.
func (d *delayed) Close() error {
	err := d.Conn.Close()
	d.mu.Lock()
	d.closed = true
	d.disarm()
	d.tell()
	d.mu.Unlock()
	d.pumped.Wait()
	return err
}
