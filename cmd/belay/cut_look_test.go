//go:build unix

package main

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// withheld is a connection over which no answer comes: a read ends when its deadline is
// set to a moment that is past, as at the end of a look.
type withheld struct {
	net.Conn
	asked func()
	ended chan struct{}
	once  *sync.Once
}

func withhold(c net.Conn, asked func()) net.Conn {
	return withheld{c, asked, make(chan struct{}), new(sync.Once)}
}

func (w withheld) Read([]byte) (int, error) {
	w.asked()
	<-w.ended
	return 0, os.ErrDeadlineExceeded
}

func (w withheld) SetDeadline(t time.Time) error {
	if t.Before(time.Now()) {
		w.once.Do(func() { close(w.ended) })
	}
	return w.Conn.SetDeadline(t)
}

// A signal that comes while a name server is being asked which lags verifies nothing.
func TestASignalDuringALookVerifiesNothing(t *testing.T) {
	b := newBox(t, lab.Options{SecondaryLag: time.Hour})
	b.start()
	b.to(rollout.PublishDNS)
	interrupts := make(chan os.Signal) // taken by the program before the read goes on
	var once sync.Once
	b.setup = func(p *program) {
		p.interrupts = interrupts
		dial := p.world.Network.Dial
		p.world.Network.Dial = func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
			c, err := dial(ctx, network, to)
			lags := to.Addr().String() == "192.0.2.3" || to.Addr().String() == "2001:db8::3"
			if err != nil || !lags || len(b.Records(mtasts.PolicyHost(b.Domain()), "AAAA")) == 0 { // the last that is written
				return c, err
			}
			return withhold(c, func() { once.Do(func() { interrupts <- os.Interrupt }) }), nil
		}
	}
	if r := b.belay("next", b.Domain(), "--yes"); r.status != exitCannot || !strings.Contains(r.err, "stopped") {
		t.Errorf("exit %d: %s%s", r.status, r.out, r.err)
	}
	b.setup = nil
	if log := b.must(exitGood, "log", b.Domain()).out; strings.Contains(log, "verified") {
		t.Errorf("an edit is live by a look that was ended: %s", log)
	}
}

// An address of the policy host that takes every connection and says nothing holds no
// step back up.
func TestStepBackPastAnAddressThatSaysNothing(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.RaiseMaxAge)
	b.settled()
	b.setup = func(p *program) {
		dial := p.world.Network.Dial
		p.world.Network.Dial = func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
			c, err := dial(ctx, network, to)
			if err != nil || to.String() != "[2001:db8::20]:443" {
				return c, err
			}
			return speechless{c}, nil
		}
	}
	if r := b.belay("step-back", b.Domain(), "--yes"); b.status().Mode != mtasts.Testing {
		t.Errorf("exit %d, still in %s: %s%s", r.status, b.status().Mode, r.out, r.err)
	}
}

// speechless is a connection of which every read fails as at its deadline.
type speechless struct{ net.Conn }

func (speechless) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }
