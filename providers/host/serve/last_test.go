package serve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/rollout"
)

// memory is a Last.
type memory struct {
	mu    sync.Mutex
	hosts []rollout.ServedHost
	fails error
}

func (m *memory) Keep(hosts []rollout.ServedHost) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails == nil {
		m.hosts = hosts
	}
	return m.fails
}

func (m *memory) Hosts() ([]rollout.ServedHost, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hosts, m.fails
}

// hung is a source on a disk that does not answer until it is let go.
type hung struct {
	*shelf
	until chan struct{}
}

func (h hung) Changes(ctx context.Context) (rollout.ServedChanges, error) {
	<-h.until
	return h.shelf.Changes(ctx)
}

func keeps(m *memory) func(*Server) {
	return func(s *Server) { s.o.Last, s.firstTakes = m, time.Millisecond }
}

// A server that is started while the store cannot be read serves what the one before
// it served last, says so, and goes on with the store once that can be read.
func TestTheLastPoliciesSurviveARestart(t *testing.T) {
	shelved := newShelf(published("corp.test", testingBody))
	locked := newShelf()
	locked.fail(errors.New("the store is locked"))
	silent := hung{newShelf(published("corp.test", enforceBody)), make(chan struct{})}
	kept := &memory{}

	first := start(t, shelved, Limits{}, keeps(kept))
	shelved.put(rollout.ServedHost{Domain: "new.test", Wanted: true})
	<-first.ca.managed
	first.stop()
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, why string
		source    Source
		mend      func()
	}{
		{"the store cannot be read", "the store is locked", locked, func() { locked.put(published("corp.test", enforceBody)); locked.fail(nil) }},
		{"the store hangs", "not answered for 1ms", silent, func() { close(silent.until) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			again := &memory{hosts: kept.hosts}
			r := start(t, row.source, Limits{}, keeps(again))
			r.serves(policyHost, testingBody)
			if got, err := r.policy("mta-sts.new.test"); err != nil || got.status != http.StatusNotFound {
				t.Errorf("a host without a policy answers %+v, %v", got, err)
			}
			if got := r.told("/healthz"); got.status != 200 || !strings.Contains(got.body, row.why) {
				t.Errorf("/healthz says %+v", got)
			}
			if got := r.told("/metrics").body; !strings.Contains(got, "belay_serve_store_readable 0\n") || !strings.Contains(got, "belay_serve_store_read_timestamp_seconds 0\n") {
				t.Errorf("/metrics says\n%s", got)
			}
			if err := r.Alive(); err != nil {
				t.Errorf("the watchdog would end it: %v", err)
			}
			row.mend()
			r.becomes(policyHost, enforceBody)
		})
	}
}

// What was kept is of no account while the store can be read, and where neither can
// be, nothing is served in its place.
func TestWhatIsKeptStandsInForTheStoreAlone(t *testing.T) {
	r := start(t, newShelf(published("corp.test", enforceBody)), Limits{}, func(s *Server) {
		s.o.Last = &memory{hosts: []rollout.ServedHost{published("corp.test", testingBody), published("gone.test", testingBody)}}
	})
	r.serves(policyHost, enforceBody)
	if _, err := r.policy("mta-sts.gone.test"); err == nil {
		t.Error("a host is served that the store no longer has")
	}
	broken := newShelf()
	broken.fail(errors.New("no store"))
	s := New(Options{Source: broken, Last: &memory{fails: errors.New("half a file")}})
	if err := s.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "no store") || !strings.Contains(err.Error(), "half a file") {
		t.Errorf("%v", err)
	}
}
