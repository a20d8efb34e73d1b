package imap

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/inbox"
	"belay/rollout/world"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

const (
	host   = "imap.corp.test"
	user   = "tlsrpt@corp.test"
	secret = "a secret"
)

// dovecot stands in for a mail server: go-imap's own, with one user.
type dovecot struct {
	user *imapmemserver.User
	addr netip.AddrPort
	ca   *x509.CertPool

	mu    sync.Mutex
	conns []net.Conn
	said  strings.Builder // all that clients said, in clear
}

// how a server is odd.
type odd struct {
	caps     imap.CapSet
	names    []string // of its certificate
	expired  bool     // its certificate
	versions uint16   // the highest TLS version it speaks
	session  func(imapserver.Session) imapserver.Session
	startTLS bool
}

func start(t *testing.T, o odd) *dovecot {
	t.Helper()
	d := &dovecot{user: imapmemserver.NewUser(user, secret)}
	for _, folder := range []string{"INBOX", "Reports/TLS"} {
		if err := d.user.Create(folder, nil); err != nil {
			t.Fatal(err)
		}
	}
	if o.names == nil {
		o.names = []string{host}
	}
	cert, pool := certificate(t, o.names, o.expired)
	d.ca = pool
	memory := imapmemserver.New()
	memory.AddUser(d.user)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: o.versions, MinVersion: tls.VersionTLS10}
	options := &imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			s := memory.NewSession()
			if o.session != nil {
				s = o.session(s)
			}
			return s, nil, nil
		},
		Caps: o.caps, Logger: log.New(io.Discard, "", 0), DebugWriter: d,
	}
	if o.startTLS {
		options.TLSConfig = config
	}
	server := imapserver.New(options)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = netip.MustParseAddrPort(l.Addr().String())
	l = kept{l, d}
	if !o.startTLS {
		l = tls.NewListener(l, config)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() { server.Close(); <-done })
	return d
}

func (d *dovecot) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.Write(p)
}

func (d *dovecot) talk() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.String()
}

// cut breaks every connection off.
func (d *dovecot) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.Close()
	}
	d.conns = nil
}

// kept is a listener that remembers its connections.
type kept struct {
	net.Listener
	d *dovecot
}

func (k kept) Accept() (net.Conn, error) {
	c, err := k.Listener.Accept()
	if err == nil {
		k.d.mu.Lock()
		k.d.conns = append(k.d.conns, c)
		k.d.mu.Unlock()
	}
	return c, err
}

func (d *dovecot) add(t *testing.T, folder string, mails ...string) {
	t.Helper()
	for _, mail := range mails {
		if _, err := d.user.Append(folder, literal{strings.NewReader(mail)}, &imap.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

type literal struct{ *strings.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// box opens a mailbox at the server with what it is to remember.
func (d *dovecot) box(m *memory, change func(*Account, *Options)) *Mailbox {
	a := Account{User: user, Host: host, Port: "993", Folder: "INBOX"}
	o := Options{
		Network: world.Network{Roots: d.ca, Dial: func(ctx context.Context, _ string, _ netip.AddrPort) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "tcp", d.addr.String())
		}},
		Clock:    world.SystemClock(),
		Resolve:  func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{d.addr.Addr()}, nil },
		Password: func(context.Context) (string, error) { return secret, nil },
		Load:     func(context.Context) (Cursor, error) { return m.at, nil },
		Save:     func(_ context.Context, c Cursor) error { m.at = c; return nil },
	}
	if change != nil {
		change(&a, &o)
	}
	return New(a, o)
}

// memory is a cursor that is kept.
type memory struct{ at Cursor }

// read takes what a mailbox gives, keeps all of it, and returns the mails, or for one
// that could not be had why.
func read(t *testing.T, b *Mailbox) (got []string, err error) {
	t.Helper()
	var last uint64
	var marks []uint64
	err = b.Mails(t.Context(), func(m inbox.Mail) error {
		if m.Mark == last {
			t.Errorf("mark %d after %d", m.Mark, last)
		}
		last = m.Mark
		if m.Err != nil {
			got = append(got, m.Err.Error())
			return nil
		}
		marks = append(marks, m.Mark)
		got = append(got, string(m.Raw))
		return nil
	})
	if last > 0 {
		if err := b.Keep(t.Context(), inbox.Kept{UpTo: last, Taken: marks}); err != nil {
			t.Error(err)
		}
	}
	if settled := b.Settle(t.Context()); settled != nil {
		t.Error(settled)
	}
	return got, err
}

func certificate(t *testing.T, names []string, expired bool) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour)
	if expired {
		until = time.Now().Add(-time.Hour)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
