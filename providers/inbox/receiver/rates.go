package receiver

import (
	"net/netip"
	"sync"

	"belay/rollout/world"
)

// mostClients bounds the clients that are told apart; those beyond share one rate.
const mostClients = 8192

// rates says who has posted too much. Each client has a bucket that holds a burst and
// fills up evenly.
type rates struct {
	perSecond, burst float64
	clock            world.Stopwatch

	mu      sync.Mutex
	buckets map[netip.Prefix]bucket
}

type bucket struct {
	left float64
	at   float64 // seconds on the clock
}

func newRates(l Limits) *rates {
	return &rates{perSecond: float64(l.PerMinute) / 60, burst: float64(l.Burst), clock: world.Start(), buckets: make(map[netip.Prefix]bucket)}
}

// take takes one post out of a client's bucket, and reports whether there was one.
func (r *rates) take(client netip.Prefix) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Elapsed().Seconds()
	b, known := r.buckets[client]
	if !known && len(r.buckets) >= mostClients {
		r.forgetFull(now)
		if len(r.buckets) >= mostClients {
			client = netip.Prefix{}
			b, known = r.buckets[client]
		}
	}
	if !known {
		b = bucket{r.burst, now}
	}
	b = bucket{r.filled(b, now), now}
	ok := b.left >= 1
	if ok {
		b.left--
	}
	r.buckets[client] = b
	return ok
}

func (r *rates) filled(b bucket, now float64) float64 {
	return min(r.burst, b.left+(now-b.at)*r.perSecond)
}

// forgetFull forgets the clients that have posted nothing for a while.
func (r *rates) forgetFull(now float64) {
	for client, b := range r.buckets {
		if r.filled(b, now) >= r.burst {
			delete(r.buckets, client)
		}
	}
}

// clientOf is whoever is behind an address: an IPv4 address, or an IPv6 network of 64
// bits, which is what one customer has at least.
func clientOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip := at.Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}
