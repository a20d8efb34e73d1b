package serve

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/world"
)

// Last keeps what was last read from the source, apart from it, so that a server can be
// started while the source cannot be read.
type Last interface {
	// Keep puts hosts in place of what was kept, whole or not at all.
	Keep(hosts []rollout.ServedHost) error
	// Hosts are those that were kept last; none, and no error, where nothing was.
	Hosts() ([]rollout.ServedHost, error)
}

// firstTakes is how long the first reading of the source may keep a server from
// answering that has kept its last policies.
const firstTakes = 10 * time.Second

// reading is one reading of the source. It may hang in the operating system, on a disk
// that does not answer, whatever its context says.
type reading struct {
	changed rollout.ServedChanges
	err     error
}

// pending is the first reading where nobody waited for its end.
type pending struct {
	result chan reading
	cancel context.CancelFunc
}

// Load reads the store for the first time or, where it cannot be read, takes up what
// was last kept of it. It fails where there is neither. Run does it where nobody did.
func (s *Server) Load(ctx context.Context) error {
	if s.loaded {
		return nil
	}
	kept, keptErr := s.lastHosts()
	reads, cancel := context.WithTimeout(ctx, readingTakes)
	result := make(chan reading, 1)
	go func() {
		changed, err := s.o.Source.Changes(reads)
		result <- reading{changed, err}
	}()
	if len(kept) == 0 {
		defer cancel()
		first := <-result
		if first.err != nil {
			return errors.Join(first.err, keptErr)
		}
		if keptErr != nil { // it is not needed, and is written anew
			s.o.Log.Warn("what was last served was kept in vain", "error", finding.Clean(keptErr.Error(), 400))
		}
		s.take(first.changed)
		return nil
	}
	timer := time.NewTimer(s.firstTakes)
	defer timer.Stop()
	select {
	case first := <-result:
		cancel()
		if first.err == nil {
			s.take(first.changed)
			return nil
		}
		s.restore(kept, first.err.Error())
	case <-timer.C:
		s.restore(kept, "it has not answered for "+s.firstTakes.String())
		s.first = &pending{result, cancel}
	}
	return nil
}

func (s *Server) lastHosts() ([]rollout.ServedHost, error) {
	if s.o.Last == nil {
		return nil, nil
	}
	return s.o.Last.Hosts()
}

// restore serves what was kept, since the store cannot be read because of why.
func (s *Server) restore(kept []rollout.ServedHost, why string) {
	why = finding.Clean(why, 400)
	now := &sites{byHost: make(map[string]*site, len(kept))}
	for _, h := range kept {
		if h.Known() {
			is := newSite(h)
			now.byHost[is.host] = is
		}
	}
	s.sites.Store(now)
	s.loaded = true
	s.trust.mu.Lock()
	s.trust.trouble, s.trust.lap = why, world.Start()
	s.trust.mu.Unlock()
	s.o.Log.Error("the store cannot be read; the policies that were last read from it are served", "error", why, "hosts", len(now.byHost))
}

// awaitFirst takes in the first reading, where nobody waited for it, and reports
// whether the server goes on.
func (s *Server) awaitFirst(ctx context.Context) bool {
	if s.first == nil {
		return true
	}
	defer s.first.cancel()
	select {
	case first := <-s.first.result:
		s.digest(first)
	case <-ctx.Done():
		s.first.cancel()
		<-s.first.result // nobody else may use the source before
		return false
	}
	return true
}

// keepLast keeps what is served, whenever it changed, until ctx ends. It is apart from
// what reads: where this cannot write, that goes on.
func (s *Server) keepLast(ctx context.Context) {
	for failed := false; ; {
		select {
		case <-s.news:
		case <-ctx.Done():
			select {
			case <-s.news: // what came last is not lost
			default:
				return
			}
		}
		err := s.o.Last.Keep(s.sites.Load().kept())
		if err != nil && !failed {
			s.o.Log.Error("what is served cannot be kept for a start without the store", "error", finding.Clean(err.Error(), 400))
		}
		failed = err != nil
	}
}

// kept are the policy hosts as Last keeps them, sorted.
func (s *sites) kept() []rollout.ServedHost {
	out := make([]rollout.ServedHost, 0, len(s.byHost))
	for _, is := range s.byHost {
		h := rollout.ServedHost{Domain: is.domain, Wanted: true, Since: is.since, Body: rollout.Absent()}
		if is.body != nil {
			h.Body = rollout.Body(string(is.body))
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b rollout.ServedHost) int { return strings.Compare(a.Domain, b.Domain) })
	return out
}
