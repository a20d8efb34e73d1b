package main

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
)

// TestTwoProcessesOnOneDomain: while one belay is in the middle of a walk, another
// one is told who works on the domain and does nothing, and whoever only looks is
// not held up. When the first is done, or dead, the way is free.
func TestTwoProcessesOnOneDomain(t *testing.T) {
	for _, tc := range []struct {
		shows string
		ends  func(t *testing.T, first *guestRun, goOn func()) ran
		want  int
	}{
		{"the first finishes", func(_ *testing.T, first *guestRun, goOn func()) ran {
			goOn()
			return first.end()
		}, exitGood},
		{"the first is killed, and what it sent arrives later", func(t *testing.T, first *guestRun, goOn func()) ran {
			u := first.box.holdUpdates()
			defer u.letGo()
			goOn()
			select {
			case <-u.arrived:
			case <-time.After(patience):
				t.Error("its update does not come")
			}
			if err := first.Process.Kill(); err != nil {
				t.Error(err)
			}
			r := first.end()
			u.letGo()
			<-u.carriedOut
			return r
		}, -1},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := newBox(t, lab.Options{})
			b.start()
			b.to(rollout.PublishDNS)
			first := b.guest("next", b.Domain(), "--yes")
			walk := first.pauses()
			first.begin()
			select {
			case <-walk.arrived:
			case <-time.After(patience):
				t.Fatal("the first does not come to a write")
			}

			second, decides := b.guest("next", b.Domain(), "--yes"), b.guest("set", b.Domain(), "--min-reporters", "9")
			looks := []*guestRun{b.guest("check", b.Domain()), b.guest("status", b.Domain()), b.guest("plan", b.Domain()), b.guest("log", b.Domain())}
			for _, g := range append(looks, second, decides) {
				if err := g.Start(); err != nil {
					t.Fatal(err)
				}
			}
			host, err := os.Hostname()
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []*guestRun{second, decides} {
				if r := g.end(); r.status != exitRefused || !strings.Contains(r.err, "another belay works on "+b.Domain()) || !strings.Contains(r.err, "@"+host) {
					t.Errorf("%s beside a walk: exit %d, %q; want %d and who works", g.Args[3], r.status, r.err, exitRefused)
				}
			}
			for _, g := range looks {
				if r := g.end(); r.status != exitGood || !strings.Contains(r.out, b.Domain()) || r.err != "" {
					t.Errorf("%s beside a walk: exit %d\n%s%s", g.Args[3], r.status, r.out, r.err)
				}
			}
			if writes := b.Writes(); len(writes) > 0 {
				t.Errorf("somebody wrote beside the walk: %v", writes)
			}

			if r := tc.ends(t, first, walk.letGo); r.status != tc.want {
				t.Errorf("the first: exit %d, want %d\n%s%s", r.status, tc.want, r.out, r.err)
			}
			b.to(rollout.ReviewReports)
			for name, times := range map[string]int{"_smtp._tls.": 1, "mta-sts.": 2, "_mta-sts.": 1} {
				if got := b.Writes()[name+b.Domain()]; got != times {
					t.Errorf("%s%s was written %d times, want %d", name, b.Domain(), got, times)
				}
			}
		})
	}
}

// heldUpdates are the updates that a name server holds in its hand.
type heldUpdates struct {
	arrived    chan struct{} // closed when the first is there
	carriedOut chan struct{} // closed when the first was carried out
	free       chan struct{}
	once       sync.Once
}

// holdUpdates makes the name server hold every update until they are let go.
func (b *box) holdUpdates() *heldUpdates {
	u := &heldUpdates{arrived: make(chan struct{}), carriedOut: make(chan struct{}), free: make(chan struct{})}
	var arrived, carriedOut sync.Once
	b.OnUpdate(func(stage string, _ []string) {
		if stage == "before" {
			arrived.Do(func() { close(u.arrived) })
			<-u.free
			return
		}
		carriedOut.Do(func() { close(u.carriedOut) })
	})
	return u
}

func (u *heldUpdates) letGo() { u.once.Do(func() { close(u.free) }) }
