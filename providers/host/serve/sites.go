package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// How often the store is asked for changes, and how long a reading may take. A body
// is live within the first of the two.
const (
	readEvery    = 100 * time.Millisecond
	readAgain    = time.Second // after a reading that failed
	readingTakes = 20 * time.Second
)

// sites are the policy hosts at one moment. They are never changed, only exchanged.
type sites struct {
	byHost map[string]*site
	// orphans are those of them that the store no longer knows, though it did not say
	// that their policies were taken away.
	orphans map[string]bool
}

// site is one policy host, ready to be answered as.
type site struct {
	host, domain string
	body         []byte // nil where nothing was published, or all was taken away
	length       []string
	since        time.Time
}

func newSite(h rollout.ServedHost) *site {
	s := &site{host: mtasts.PolicyHost(h.Domain), domain: h.Domain, since: h.Since}
	if h.Body.Exists {
		s.body = []byte(h.Body.Body)
		s.length = []string{strconv.Itoa(len(s.body))}
	}
	return s
}

// at is the policy host of this name, or nil.
func (s *sites) at(name string) *site {
	if found := s.byHost[name]; found != nil {
		return found
	}
	return s.byHost[plainName(name)]
}

// hosts are the names of all, sorted.
func (s *sites) hosts() []string { return slices.Sorted(maps.Keys(s.byHost)) }

// trust is how well the store can be read.
type trust struct {
	mu sync.Mutex
	// read is when the store was last found readable; zero for never.
	read time.Time
	// trouble is why it cannot be read now; "" where it can.
	trouble string
	// lap is since the last reading ended, well or not.
	lap world.Stopwatch
}

// lapTakes is how long a reading may take before the store is said to hang.
const lapTakes = 45 * time.Second

// follow asks the store for changes until ctx ends.
func (s *Server) follow(ctx context.Context) {
	for s.awaitFirst(ctx) {
		s.first = nil
		wait := readEvery
		if s.ails() != "" {
			wait = readAgain
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.again:
			timer.Stop()
			if err := s.o.Source.Close(); err != nil {
				s.o.Log.Warn("the store could not be let go of", "error", err)
			}
		case <-timer.C:
		}
		s.readNews(ctx)
	}
}

// ails is why the store cannot be read; "" where it can.
func (s *Server) ails() string {
	s.trust.mu.Lock()
	defer s.trust.mu.Unlock()
	if since := s.trust.lap.Elapsed(); s.trust.trouble == "" && since > lapTakes {
		return fmt.Sprintf("it has not answered for %s", since.Round(time.Second))
	}
	return s.trust.trouble
}

// readNews takes in what changed. Where the store cannot be read, what was read last
// stays, and that is said once for each reason.
func (s *Server) readNews(ctx context.Context) {
	reads, cancel := context.WithTimeout(ctx, readingTakes)
	defer cancel()
	changed, err := s.o.Source.Changes(reads)
	if ctx.Err() != nil {
		return
	}
	s.digest(reading{changed, err})
}

// digest is what becomes of a reading.
func (s *Server) digest(r reading) {
	defer func() {
		s.trust.mu.Lock()
		s.trust.lap = world.Start()
		s.trust.mu.Unlock()
	}()
	if r.err == nil {
		s.take(r.changed)
		return
	}
	s.count.unread.Add(1)
	text := finding.Clean(r.err.Error(), 400)
	s.trust.mu.Lock()
	told := s.trust.trouble == text
	s.trust.trouble = text
	s.trust.mu.Unlock()
	if !told {
		s.o.Log.Error("the store cannot be read; the last policies are served on", "error", text, "hosts", len(s.sites.Load().byHost))
	}
}

// take puts what changed into place.
func (s *Server) take(changed rollout.ServedChanges) {
	s.trust.mu.Lock()
	recovered := s.trust.trouble != ""
	s.trust.trouble, s.trust.read, s.trust.lap = "", s.o.Clock.Now(), world.Start()
	s.trust.mu.Unlock()
	first := !s.loaded
	s.loaded = true
	if recovered {
		s.o.Log.Info("the store can be read again")
	}
	if !changed.Whole && len(changed.Hosts) == 0 {
		return
	}
	before := s.sites.Load()
	now := &sites{byHost: maps.Clone(before.byHost), orphans: maps.Clone(before.orphans)}
	if now.byHost == nil {
		now.byHost = make(map[string]*site, len(changed.Hosts))
	}
	other := false // the set of hosts is another one
	mentioned := make(map[string]bool, len(changed.Hosts))
	for _, h := range changed.Hosts {
		host := mtasts.PolicyHost(h.Domain)
		mentioned[host] = true
		delete(now.orphans, host)
		was := now.byHost[host]
		switch {
		case !h.Known():
			delete(now.byHost, host)
		case was == nil || string(was.body) != h.Body.Body || (was.body != nil) != h.Body.Exists:
			now.byHost[host] = newSite(h)
		}
		other = other || (was != nil) != h.Known()
		if !first {
			s.tell(was, now.byHost[host], host)
		}
	}
	if changed.Whole {
		s.orphaned(now, mentioned)
	}
	s.sites.Store(now)
	select {
	case s.news <- struct{}{}:
	default: // it is known already
	}
	if first {
		s.o.Log.Info("policies read", "hosts", len(now.byHost))
	}
	if other && !first {
		select {
		case s.moved <- struct{}{}:
		default: // it is known already that it changed
		}
	}
}

// orphaned notes the hosts of which the store knows nothing any more. It did not
// say that their policies were taken away, so they are served on: what stands in the
// place of a store that was moved away is not the operator's word about them.
func (s *Server) orphaned(now *sites, mentioned map[string]bool) {
	now.orphans = map[string]bool{}
	for host := range now.byHost {
		if !mentioned[host] {
			now.orphans[host] = true
		}
	}
	if len(now.orphans) > 0 {
		s.o.Log.Warn("the store no longer knows policy hosts and does not say that their policies were taken away; they are served on until the server is restarted",
			"hosts", len(now.orphans), "first", slices.Min(slices.Collect(maps.Keys(now.orphans))))
	}
}

// tell logs what became of one host.
func (s *Server) tell(was, is *site, host string) {
	switch {
	case is == nil && was != nil:
		s.o.Log.Info("no policy host here any more", "host", host)
	case is != nil && is.body != nil && is != was:
		s.o.Log.Info("policy live", "host", host, "sha256", hashOf(is.body))
	case is != nil && is.body == nil && was != nil && was.body != nil:
		s.o.Log.Info("policy taken away", "host", host)
	case is != nil && was == nil:
		s.o.Log.Info("policy host known", "host", host)
	}
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// keepCertificates has the hosts' certificates kept whenever the set of hosts changes.
func (s *Server) keepCertificates(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.moved:
		}
		s.manage(ctx)
	}
}

// manage tells for which hosts there are to be certificates. Those that were obtained
// before are shown from then on.
func (s *Server) manage(ctx context.Context) {
	if err := s.o.Certificates.Manage(ctx, s.sites.Load().hosts()); err != nil && !errors.Is(err, context.Canceled) {
		s.o.Log.Error("certificates", "error", finding.Clean(err.Error(), 400))
	}
}
