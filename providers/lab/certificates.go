package lab

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"time"
)

// CertificateLife is how long the lab's certificates are valid. They are renewed
// when two thirds of it have passed.
const CertificateLife = 90 * 24 * time.Hour

// certificates keeps what each host shows: a good certificate, renewed as the
// clock is wound, and in its place a bad one while a fault says so.
type certificates struct {
	ca       *authority
	stranger *authority // whom nobody trusts
	clock    *clock
	faults   *faults

	mu   sync.Mutex
	good map[string]*tls.Certificate // by host
	bad  map[string]*tls.Certificate // by fault id
}

func newCertificates(ca, stranger *authority, clock *clock, faults *faults) *certificates {
	return &certificates{ca: ca, stranger: stranger, clock: clock, faults: faults,
		good: map[string]*tls.Certificate{}, bad: map[string]*tls.Certificate{}}
}

// start gives host its first certificate, issued ten days ago.
func (c *certificates) start(host string) error {
	return c.put(host, c.clock.Now().Add(-10*24*time.Hour))
}

func (c *certificates) put(host string, from time.Time) error {
	cert, err := c.ca.issue([]string{host}, from, from.Add(CertificateLife))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.good[host] = cert
	return nil
}

// renewDue renews every certificate of which two thirds are over, but where the
// fault "no-renewal" of its host is on. key names the faults of a host.
func (c *certificates) renewDue(key func(host string) string) error {
	now := c.clock.Now()
	for _, host := range c.hosts() {
		c.mu.Lock()
		leaf := c.good[host].Leaf
		c.mu.Unlock()
		due := leaf.NotBefore.Add(CertificateLife * 2 / 3)
		if now.Before(due) || c.faults.on(key(host)+".no-renewal") {
			continue
		}
		if err := c.put(host, now); err != nil {
			return fmt.Errorf("renew as the clock stands at %s: %w", now.Format(time.RFC3339), err)
		}
	}
	return nil
}

func (c *certificates) hosts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for host := range c.good {
		out = append(out, host)
	}
	return out
}

// The faults of a certificate, the first that is on being the one shown.
var certificateFaults = [...]string{
	"self-signed", "expired", "wrong-name", "missing-intermediate",
	"common-name", "weak-key", "not-yet-valid", "private-ca", "expiring", "shared-certificate",
}

// shown is the certificate that host shows now; key names its faults.
func (c *certificates) shown(host, key string) (*tls.Certificate, error) {
	c.mu.Lock()
	good := c.good[host]
	c.mu.Unlock()
	if good == nil {
		return nil, fmt.Errorf("no certificate for %q here", host)
	}
	for _, kind := range certificateFaults {
		id := key + "." + kind
		if c.faults.on(id) {
			return c.broken(host, id, kind, good)
		}
	}
	if c.faults.on("network.inspected") && (strings.HasPrefix(key, "mx") || key == controlHost.key) {
		return c.broken(host, "network.inspected", "private-ca", good)
	}
	return good, nil
}

// broken is host's certificate with one thing wrong with it. It is made once for
// each time that the fault is switched on.
func (c *certificates) broken(host, id, kind string, good *tls.Certificate) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cert := c.bad[id+" "+host]; cert != nil {
		return cert, nil
	}
	const day = 24 * time.Hour
	now := c.clock.Now()
	var cert *tls.Certificate
	var err error
	switch kind {
	case "self-signed":
		cert, err = c.ca.selfSigned([]string{host}, now.Add(-day), now.Add(year))
	case "expired":
		cert, err = c.ca.issue([]string{host}, now.Add(-3*day-CertificateLife), now.Add(-3*day))
	case "wrong-name":
		cert, err = c.ca.issue([]string{"mail." + parentOf(host)}, now.Add(-day), now.Add(-day+CertificateLife))
	case "missing-intermediate":
		cert = &tls.Certificate{Certificate: good.Certificate[:1], PrivateKey: good.PrivateKey, Leaf: good.Leaf}
	default:
		cert, err = c.odd(host, kind)
	}
	if err != nil {
		return nil, err
	}
	c.bad[id+" "+host] = cert
	return cert, nil
}

// forget drops the bad certificates of a fault that was switched.
func (c *certificates) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.bad {
		if len(key) > len(id) && key[:len(id)+1] == id+" " {
			delete(c.bad, key)
		}
	}
}
