package certs

import (
	"context"
	"encoding/json"
	"path"
	"strings"
	"sync"
	"time"

	"belay/rollout/world"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// The CA may well meet another instance than the one that ordered, which then has to
// look into the storage that they share. But anybody can ask as the CA does, as often
// as they like. So what stands there for a host is read at most once in readingPause:
// who asks in between waits for the next reading and is answered out of that one. An
// earlier reading that shows nothing says little: the order may have begun since, and a
// CA that is answered wrongly once gives it up. Only where very many ask at once are
// some answered out of a reading that has just begun.
const (
	readingPause = 250 * time.Millisecond
	// readingFor is how long a reading may take, and how long the next one waits for
	// one that takes longer all the same. readingsAtOnce is how many hosts are read at
	// the same time.
	readingFor     = 5 * time.Second
	readingsAtOnce = 4
	// mostWaiting is how many wait for the next reading of one host. Further ones are
	// answered out of the last, if that began within readingPause; else they wait too.
	mostWaiting = 64
	// mostProofs is how many are read of one host; orders of it leave one or two.
	mostProofs = 16
)

// elsewhere is what stands in the storage for one host, put there by other instances.
type elsewhere struct {
	mu      sync.Mutex
	last    *reading // begun last
	since   world.Stopwatch
	next    *reading // not begun; the one who made it sees to it
	waiting int
}

// reading is one look into the storage.
type reading struct {
	ended chan struct{}
	found map[string]answer // by key; set before ended is closed
}

// find is the answer at key, as it stands in the storage now.
func (e *elsewhere) find(ctx context.Context, a *answers, host, key string) (answer, bool) {
	r, leads := e.join()
	defer e.leave()
	if leads {
		e.carryOut(a, host, r)
	}
	select {
	case <-r.ended:
	case <-ctx.Done():
		return answer{}, false
	}
	one, ok := r.found[key]
	return one, ok
}

// join is the reading to wait for, and whether the caller is to carry it out.
func (e *elsewhere) join() (r *reading, leads bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting++
	if e.waiting > mostWaiting && e.last != nil && e.since.Elapsed() < readingPause {
		return e.last, false
	}
	if e.next == nil {
		e.next, leads = &reading{ended: make(chan struct{})}, true
	}
	return e.next, leads
}

func (e *elsewhere) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting--
}

// carryOut makes the reading r when its time has come. Others wait for it, so it is made
// though whoever asked first may have gone, and ends whatever the storage does: without
// an answer where the storage fails, or holds every turn for longer than it may.
func (e *elsewhere) carryOut(a *answers, host string, r *reading) {
	defer close(r.ended)
	e.mu.Lock()
	last, since := e.last, e.since
	e.mu.Unlock()
	if last != nil {
		select {
		case <-last.ended:
		case <-time.After(readingFor - since.Elapsed()):
		}
		time.Sleep(readingPause - since.Elapsed())
	}
	turn := false
	select {
	case a.turns <- struct{}{}:
		turn = true
		defer func() { <-a.turns }()
	case <-time.After(readingFor):
		a.log.Warn("the storage has not answered for long; a challenge of another instance cannot be looked for", "host", host)
	}
	e.mu.Lock()
	e.last, e.since, e.next = r, world.Start(), nil
	e.mu.Unlock()
	if !turn {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), readingFor)
	defer cancel()
	r.found = a.stored(ctx, host)
}

// stored are the answers that the storage has for host. What cannot be read is left out.
func (a *answers) stored(ctx context.Context, host string) map[string]answer {
	found := map[string]answer{}
	for _, key := range standing(ctx, a.storage, host) {
		if !isAnswer(key) {
			continue
		}
		text, err := a.storage.Load(ctx, key)
		var one answer
		if err == nil {
			err = json.Unmarshal(text, &one.challenge)
		}
		if err == nil && one.challenge.Type == acme.ChallengeTypeTLSALPN01 {
			one.cert, err = acmez.TLSALPN01ChallengeCert(one.challenge)
		}
		if err != nil {
			a.log.Debug("a challenge that another instance put there could not be read", "host", host, "error", err.Error())
			continue
		}
		if found[key] = one; len(found) == mostProofs {
			break
		}
	}
	return found
}

// isAnswer reports whether key is that of an answer to a handshake or a request.
func isAnswer(key string) bool {
	name := path.Base(key)
	return name == alpnName || strings.HasPrefix(name, httpName)
}

// folderOf is where the challenges of host stand in the storage.
func folderOf(host string) string { return "challenges/" + certmagic.StorageKeys.Safe(host) }
