package probe

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/world"
)

// View is one look's view of the world: every question is asked once and its
// answer kept for as long as the View lives. Its methods may be called from many
// goroutines at once, and are meant to be.
type View struct {
	world world.World
	// ctx is the look's own: a View lives exactly as long as one look, and all
	// that it does ends with it.
	ctx    context.Context
	cancel context.CancelFunc
	// owned are the goroutines that outlive the call which started them.
	owned sync.WaitGroup

	speaking sync.Mutex
	emit     rollout.Sink

	answers  memo[question, reply]
	zones    memo[string, zoneFound]
	sessions memo[target, Session]
	fetches  memo[target, Fetch]
	glances  memo[glanced, Glance]
	plains   memo[target, PlainHTTP]
	controls memo[controlled, Light]
	reached  families
	deaf     deaf
	// unmade is the first label of the names that nobody made.
	unmade string
}

// target is one address of one named host.
type target struct {
	host string
	ip   netip.Addr
}

// Open starts a view of w that ends with ctx. The sink is called by one
// goroutine at a time; nil is a sink that takes nothing. Close must be called.
func Open(ctx context.Context, w world.World, emit rollout.Sink) *View {
	ctx, cancel := context.WithCancel(ctx)
	return &View{world: w, ctx: ctx, cancel: cancel, emit: emit, unmade: unmadeLabel()}
}

// Close ends what is still being asked and waits for it. No event is emitted
// after it returns.
func (v *View) Close() {
	v.cancel()
	v.owned.Wait()
}

// Go runs f on a goroutine that the view owns: nobody needs to wait for it, and
// Close does.
func (v *View) Go(f func()) { v.owned.Go(f) }

// Wait waits for d of real time, or until the view ends.
func (v *View) Wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-v.ctx.Done():
	}
}

// Err is why the view ended before it was closed: the context's error, or nil
// while it still looks. What failed once it is set tells nothing about the
// world.
func (v *View) Err() error { return v.ctx.Err() }

// Now is what time it is, by the world's clock.
func (v *View) Now() time.Time { return v.world.Clock.Now() }

// Controls are the world's control hosts.
func (v *View) Controls() []string { return v.world.Network.Controls }

// Emit gives ev to the look's sink, one event at a time, its text cleaned.
func (v *View) Emit(ev rollout.Event) {
	if v.emit == nil {
		return
	}
	ev.Subject = finding.Clean(ev.Subject, 300)
	ev.Text = finding.Clean(ev.Text, 300)
	v.speaking.Lock()
	defer v.speaking.Unlock()
	v.emit(ev)
}

func (v *View) asking(subject, what string) {
	v.Emit(rollout.Event{Kind: rollout.Asking, Subject: subject, Text: what})
}

func (v *View) answered(subject, said string, took time.Duration, sev finding.Severity) {
	v.Emit(rollout.Event{Kind: rollout.Answered, Subject: subject, Text: said, Took: took, Severity: sev})
}

// At names one address of a host the way findings do: "mx.corp.test [192.0.2.1]".
func At(host string, ip netip.Addr) string { return host + " [" + ip.String() + "]" }

// dial opens a connection that lives no longer than patience and no longer than
// ctx: when either ends, every read and write on it fails. The returned function
// closes it.
func (v *View) dial(ctx context.Context, network string, addr netip.AddrPort, patience time.Duration) (net.Conn, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	conn, err := v.world.Network.Dial(ctx, network, addr)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end) // a refusal shows in the first read
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(long) })
	return conn, func() { stop(); cancel(); conn.Close() }, nil
}

// long is a moment long past: as a deadline it ends every read and write.
var long = time.Unix(1, 0)

// families notes in which address families something has answered during this
// look, over whatever protocol. It is the proof that silence elsewhere is not
// for want of a network here.
type families struct {
	mu     sync.Mutex
	v4, v6 bool
}

func (f *families) note(ip netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ip.Unmap().Is4() {
		f.v4 = true
	} else {
		f.v6 = true
	}
}

func (f *families) seen(ip netip.Addr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ip.Unmap().Is4() {
		return f.v4
	}
	return f.v6
}

// deaf are the name servers' addresses that let a question go unanswered and
// have answered none: one wait for each is enough.
type deaf struct {
	mu   sync.Mutex
	heed map[netip.AddrPort]bool // true where it has answered, false where it was silent
}

func (d *deaf) note(server netip.AddrPort, answered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.heed == nil {
		d.heed = make(map[netip.AddrPort]bool)
	}
	d.heed[server] = d.heed[server] || answered
}

// is reports whether the server was silent whenever it was asked so far.
func (d *deaf) is(server netip.AddrPort) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	answered, asked := d.heed[server]
	return asked && !answered
}

// Reached reports whether a TCP connection in ip's address family has been
// answered during this look, be it by a refusal.
func (v *View) Reached(ip netip.Addr) bool { return v.reached.seen(ip) }
