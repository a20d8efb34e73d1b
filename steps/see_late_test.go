package steps_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/steps"
)

// sullen is a connection over which nothing more comes once a request was written: the
// next read fails as it would at its deadline.
type sullen struct {
	net.Conn
	reads  int32 // how many are let through: those of the handshake
	read   atomic.Int32
	asking atomic.Bool
}

func (m *sullen) Write(p []byte) (int, error) {
	m.asking.Store(m.read.Load() >= m.reads)
	return m.Conn.Write(p)
}

func (m *sullen) Read(p []byte) (int, error) {
	if m.asking.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	m.read.Add(1)
	return m.Conn.Read(p)
}

// An address that keeps the connection and says nothing has given no answer, whatever
// the others serve; one that answers with something else has.
func TestWhoSaysNothingInTimeHasNotAnswered(t *testing.T) {
	for name, row := range map[string]struct {
		reads    int32
		mute     bool
		answered bool
	}{
		"nothing on the connection": {0, true, false},
		"nothing but a handshake":   {1, true, false},
		"nothing stands in its way": {0, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := openLab(t, lab.Options{})
			addresses := l.PolicyAddresses()
			set(t, l, mtasts.PolicyHost(l.Domain()), "A", addresses[0].String())
			set(t, l, mtasts.PolicyHost(l.Domain()), "AAAA", addresses[1].String())
			w := l.World()
			dial := w.Network.Dial
			w.Network.Dial = func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
				c, err := dial(ctx, network, to)
				if err != nil || !row.mute || to != netip.AddrPortFrom(addresses[1], 443) {
					return c, err
				}
				return &sullen{Conn: c, reads: row.reads}, nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			_, seen, err := steps.NewLooker(w).See(ctx, rollout.Edit{Kind: rollout.Policy, Name: mtasts.PolicyURL(l.Domain()), After: rollout.Body(enforceBody)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(seen.Sightings, func(s rollout.Sighting) bool { return s.IP == addresses[1] })
			if at < 0 || seen.Sightings[at].Answered != row.answered {
				t.Errorf("seen %+v", seen.Sightings)
			}
		})
	}
}
