package dns_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// TestHangingWrites: an API that hangs is given up, and what stands is read once more.
// All hang at the same time, so that each may be given time enough to read in.
func TestHangingWrites(t *testing.T) {
	type given struct {
		receipt rollout.Receipt
		err     error
	}
	e := edit("_mta-sts", "TXT", nil, list(sts1))
	release := make(chan struct{})
	hung := map[string]*given{}
	var hanging sync.WaitGroup
	for name, entered := range entrants() {
		if len(entered.refusals) == 0 {
			continue
		}
		b, g := entered.start(t), &given{}
		b.onWrite(func() *vendor.Fault { return &vendor.Fault{Hang: release} })
		a, c := b.open(t, dns.Options{Patience: 2 * time.Second}), ctx(t)
		hung[name] = g
		hanging.Go(func() { g.receipt, g.err = a.Apply(c, e) })
	}
	hanging.Wait()
	close(release)
	for name, g := range hung {
		t.Run(name, func(t *testing.T) {
			row(t)
			if r := g.receipt; r.Outcome != rollout.Unknown || !r.Saw.Equal(e.Before) || g.err == nil || strings.Contains(g.err.Error(), "context") {
				t.Errorf("outcome %s, saw %s, %v", r.Outcome, r.Saw, g.err)
			}
		})
	}
}
