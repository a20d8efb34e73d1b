package serve

import (
	"context"
	"net"
	"testing"

	"belay/rollout/world"
)

// Whoever is let in by a restart finds the certificates that were there before it.
func TestNobodyIsServedBeforeTheCertificatesAreRead(t *testing.T) {
	ca := newAuthority(t)
	s := New(Options{Source: newShelf(published("corp.test", testingBody)), Certificates: ca, Clock: world.SystemClock()})
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if err := s.Run(ctx, Sockets{HTTPS: []net.Listener{l}}, func() {
		if _, err := s.shows(policyHost); err != nil {
			t.Errorf("it says that it has started, and shows %v", err)
		}
		stop()
	}); err != nil {
		t.Fatal(err)
	}
}
