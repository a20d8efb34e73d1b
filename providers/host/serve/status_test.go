package serve

import (
	"net"
	"strings"
	"testing"
	"time"

	"belay/rollout/world"
)

// An empty store, which may stand in the place of a disk that was not mounted, is not
// called ready.
func TestAServerOfNobodyIsNotReady(t *testing.T) {
	r := start(t, newShelf(), Limits{})
	for path, status := range map[string]int{"/readyz": 503, "/healthz": 200} {
		if got := r.told(path); got.status != status || !strings.Contains(got.body, "no policy is served") {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// The watchdog watches who lets senders in.
func TestAliveIsWhoTakesConnections(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{})
	r.serves(policyHost, testingBody)
	if err := r.Alive(); err != nil {
		t.Error(err)
	}
	dead := &pulse{up: world.Start()}
	dead.since.Store(-int64(time.Hour))
	s := Server{pulses: append(r.pulses, dead)}
	if err := s.Alive(); err == nil || !strings.Contains(err.Error(), "has taken nobody for 1h") {
		t.Errorf("with a listener that is stuck: %v", err)
	}
}

// Connections to the status address are bounded, and whoever comes next is answered.
func TestTheStatusAddressIsGuarded(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{Header: 2 * patience})
	first, err := net.Dial("tcp", r.status)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for range mostWatching {
		conn, err := net.Dial("tcp", r.status)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if got := r.told("/healthz"); got.status != 200 {
		t.Errorf("%+v", got)
	}
	if err := first.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the oldest still holds its place: %v", err)
	}
	if got := r.told("/metrics").body; !strings.Contains(got, "belay_serve_connections_total 0\n") {
		t.Errorf("who watches is counted with the senders:\n%s", got)
	}
}
