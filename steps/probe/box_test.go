package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"belay/rollout/world"

	"github.com/miekg/dns"
)

// box is a small world of adversarial servers on loopback: a documentation
// address leads to whatever a test put there, everything else has no route.
type box struct {
	t      testing.TB
	mu     sync.Mutex
	routes map[string]string
	roots  *x509.CertPool
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
	now    time.Time
}

func newBox(t testing.TB) *box {
	b := &box{t: t, routes: map[string]string{}, roots: x509.NewCertPool(), now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	b.key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Box Root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: b.now.AddDate(-1, 0, 0), NotAfter: b.now.AddDate(5, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	b.ca = sign(t, template, template, b.key, b.key)
	b.roots.AddCert(b.ca)
	return b
}

// Now makes the box its own clock.
func (b *box) Now() time.Time { return b.now }

func (b *box) world() world.World {
	return world.World{Clock: b, Network: world.Network{
		Dial: b.dial, Roots: b.roots, Resolvers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")},
	}}
}

func (b *box) dial(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	b.mu.Lock()
	at, ok := b.routes[network+" "+addr.String()]
	b.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("dial %s: %w", addr, world.ErrNoRoute)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, at)
}

func (b *box) route(network, from, to string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.routes[network+" "+from] = to
}

// listen runs serve for every TCP connection to addr.
func (b *box) listen(addr string, serve func(net.Conn)) {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(20 * time.Second))
				serve(c)
			})
		}
	})
	b.t.Cleanup(func() { l.Close(); running.Wait() })
	b.route("tcp", addr, l.Addr().String())
}

// dns answers questions to addr over UDP and TCP.
func (b *box) dns(addr string, answer func(w dns.ResponseWriter, q *dns.Msg)) {
	b.t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: pc}, {Listener: l}} {
		s.Handler = dns.HandlerFunc(answer)
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); s.ActivateAndServe() }()
		<-started
		b.t.Cleanup(func() { s.Shutdown(); <-done })
	}
	b.route("udp", addr, pc.LocalAddr().String())
	b.route("tcp", addr, l.Addr().String())
}

// certificate makes one for the names, signed by the box's root.
func (b *box) certificate(change func(*x509.Certificate), names ...string) tls.Certificate {
	b.t.Helper()
	key := newKey(b.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: b.now.AddDate(0, -1, 0), NotAfter: b.now.AddDate(0, 2, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	leaf := sign(b.t, template, b.ca, key, b.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, issuer *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	raw, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open starts a view of the box that the test closes.
func (b *box) open(ctx context.Context) *View {
	v := Open(ctx, b.world(), nil)
	b.t.Cleanup(v.Close)
	return v
}
