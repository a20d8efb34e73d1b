package rollout_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"belay/rollout"
	"belay/steps"
)

// rig is an engine over a box and a book.
type rig struct {
	*testing.T
	box    *box
	book   *book
	engine *rollout.Engine
}

func newRig(t *testing.T) *rig {
	t.Helper()
	b, s := newBox(), newBook()
	return &rig{T: t, box: b, book: s, engine: &rollout.Engine{
		Store: s, Reports: s, Looker: b, Accounts: b, Steps: steps.All(), Clock: b.clock, Who: "anna@host",
	}}
}

func testSettings() rollout.Settings {
	s := rollout.DefaultSettings()
	s.DNS.Provider, s.Host = "rfc2136", rollout.HostAccount{Kind: "webroot", Place: "/srv/www"}
	s.HostAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.20")}
	s.RUA = []string{"mailto:tlsrpt@corp.test"}
	return s
}

// hasty are settings without any soak.
func hasty() rollout.Settings {
	s := testSettings()
	s.Soak = rollout.Soak{MaxAge: map[uint32]time.Duration{0: 0}}
	s.MinReporters = 0
	return s
}

func (r *rig) create(s rollout.Settings) rollout.Rollout {
	r.Helper()
	out, err := r.engine.Create(context.Background(), domain, s, rollout.AdoptConsent{Given: true}, nil)
	if err != nil {
		r.Fatalf("create: %v", err)
	}
	return out
}

func (r *rig) next() rollout.Progress {
	r.Helper()
	p, err := r.engine.Next(context.Background(), domain, rollout.Consent{Given: true}, nil)
	if err != nil {
		r.Fatalf("next: %v", err)
	}
	return p
}

// to drives the rollout until it stands in phase, and fails where it does not
// come there.
func (r *rig) to(phase rollout.Phase) rollout.Rollout {
	r.Helper()
	for range 30 {
		now, err := r.engine.Load(context.Background(), domain)
		if err != nil {
			r.Fatal(err)
		}
		if now.Phase == phase {
			return now
		}
		p := r.next()
		if !p.Moved && !p.Applied {
			r.Fatalf("stuck in %s: %s", p.Phase, reasons(p.Gate))
		}
		r.box.clock.wind(time.Minute)
	}
	r.Fatalf("did not come to %s", phase)
	return rollout.Rollout{}
}

func (r *rig) load() rollout.Rollout {
	r.Helper()
	out, err := r.engine.Load(context.Background(), domain)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

func reasons(g rollout.Gate) string {
	out := ""
	for _, x := range g.Closed() {
		out += fmt.Sprintf("[%s %s: %s]", x.Code, x.Subject, x.Text)
	}
	return out
}
