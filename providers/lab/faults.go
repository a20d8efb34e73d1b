package lab

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Fault is one thing that can be made wrong in the lab while it runs.
type Fault struct {
	// ID names it: "mx2.expired", "policy.404", "ns2.lagging".
	ID string
	// Label says in a few words what is wrong while it is on.
	Label string
	// Where is the host it is about, or "network".
	Where string
	On    bool
}

// faults holds the switches: the faults that Faults lists, and behind them the
// finer ones (see finer.go).
type faults struct {
	mu     sync.RWMutex
	list   []Fault
	listed int
	at     map[string]int
}

func newFaults(domain string, mx []string) *faults {
	f := &faults{at: map[string]int{}}
	add := func(where, id, label string) {
		f.at[id] = len(f.list)
		f.list = append(f.list, Fault{ID: id, Label: label, Where: where})
	}
	certificate := func(where, key string) {
		add(where, key+".expired", "certificate expired 3 days ago")
		add(where, key+".wrong-name", "certificate is for another name")
		add(where, key+".self-signed", "certificate is self-signed")
		add(where, key+".missing-intermediate", "intermediate certificate is not sent")
		add(where, key+".no-renewal", "certificate is not renewed any more")
	}
	for i, host := range mx {
		key := fmt.Sprintf("mx%d", i+1)
		certificate(host, key)
		add(host, key+".no-starttls", "STARTTLS is not offered")
		add(host, key+".old-tls", "nothing newer than TLS 1.1 is spoken")
		add(host, key+".unreachable", "connections time out")
		add(host, key+".refused", "connections are refused")
		add(host, key+".no-ipv6", "connections to the IPv6 address are refused")
	}
	host := "mta-sts." + domain
	certificate(host, "policy")
	add(host, "policy.404", "the policy is not found (404)")
	add(host, "policy.redirect", "the policy is redirected (302)")
	add(host, "policy.type", "the policy is served as text/html")
	add(host, "policy.slow", "answers come late")
	add(host, "policy.ipv6-stale", "the IPv6 address serves the body of now for ever")
	add(host, "policy.cached", "a shared cache keeps bodies for an hour")
	add(host, "policy.wrong-date", "the host's clock is ten minutes behind")
	add(host, "policy.unreachable", "connections time out")
	add(host, "policy.ipv4-unreachable", "connections to the IPv4 address time out")
	add(host, "policy.ipv6-unreachable", "connections to the IPv6 address time out")
	add("ns2."+domain, "ns2.lagging", "zone is not brought up to date")
	add("ns2."+domain, "ns2.dead", "queries are not answered")
	add("network", "network.no-ipv6", "no route to IPv6 addresses from here")
	add("network", "network.no-port-25", "port 25 is blocked on the way out")
	f.listed = len(f.list)
	addFiner(add, domain, mx)
	return f
}

func (f *faults) on(id string) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	i, ok := f.at[id]
	return ok && f.list[i].On
}

// set switches a fault and reports whether that changed anything.
func (f *faults) set(id string, on bool) (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.at[id]
	if !ok {
		return false, fmt.Errorf("switch lab fault %q: there is none of this name", id)
	}
	changed = f.list[i].On != on
	f.list[i].On = on
	return changed, nil
}

// Faults are the lab's faults with their switches as they stand, the MX hosts'
// first. The finer ones are not among them.
func (l *Lab) Faults() []Fault {
	l.faults.mu.RLock()
	defer l.faults.mu.RUnlock()
	return slices.Clone(l.faults.list[:l.faults.listed])
}

// FinerFaults are the faults that only a close look tells apart: odd certificates,
// rare answers, what stands on other ports.
func (l *Lab) FinerFaults() []Fault {
	l.faults.mu.RLock()
	defer l.faults.mu.RUnlock()
	return slices.Clone(l.faults.list[l.faults.listed:])
}

// Set switches a fault on or off. Switching "expired" off renews the
// certificate, and switching "ns2.lagging" off brings the secondary up to date.
// It fails where there is no fault id.
func (l *Lab) Set(id string, on bool) error {
	changed, err := l.faults.set(id, on)
	if err != nil || !changed {
		return err
	}
	l.certificates.forget(id)
	switch id {
	case "ns2.lagging":
		l.freezeSecondary(on)
	case "policy.ipv6-stale":
		l.policy.bodies.freeze(on)
	case "policy.cached":
		l.policy.bodies.empty()
	}
	if on {
		return nil
	}
	for _, host := range l.certificates.hosts() {
		if id == l.faultKey(host)+".expired" {
			if err := l.certificates.put(host, l.clock.Now()); err != nil {
				return fmt.Errorf("switch lab fault %q off: %w", id, err)
			}
		}
	}
	return nil
}

// SetSlowness sets how late, in real time, answers of the policy host come while
// "policy.slow" is on, and the greeting of an MX host while its "slow-greeting"
// is. The default is 5 s.
func (l *Lab) SetSlowness(d time.Duration) { l.slowness.Store(int64(d)) }
