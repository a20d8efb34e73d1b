package serve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

const (
	testingBody = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n"
	enforceBody = "version: STSv1\r\nmode: enforce\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n"
	policyHost  = "mta-sts.corp.test"
)

// patience bounds everything a test waits for.
const patience = 20 * time.Second

// shelf is a Source that a test changes.
type shelf struct {
	mu    sync.Mutex
	hosts map[string]rollout.ServedHost
	news  map[string]bool
	whole bool
	fails error
	reads chan struct{} // one for each reading that failed
}

func newShelf(hosts ...rollout.ServedHost) *shelf {
	s := &shelf{hosts: map[string]rollout.ServedHost{}, news: map[string]bool{}, whole: true, reads: make(chan struct{}, 1)}
	for _, h := range hosts {
		s.hosts[h.Domain] = h
	}
	return s
}

func (s *shelf) Changes(context.Context) (rollout.ServedChanges, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		s.whole = true
		select {
		case s.reads <- struct{}{}:
		default:
		}
		return rollout.ServedChanges{}, s.fails
	}
	changed := rollout.ServedChanges{Whole: s.whole}
	for domain, h := range s.hosts {
		if s.whole || s.news[domain] {
			changed.Hosts = append(changed.Hosts, h)
		}
	}
	s.whole, s.news = false, map[string]bool{}
	return changed, nil
}

func (s *shelf) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole = true
	return nil
}

// put changes one host.
func (s *shelf) put(h rollout.ServedHost) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[h.Domain], s.news[h.Domain] = h, true
}

// fail makes readings fail, or with nil go well again.
func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
}

// lose empties the shelf without a word, as an empty store in place of one that was
// moved away.
func (s *shelf) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts, s.whole = map[string]rollout.ServedHost{}, true
}

func published(domain, body string) rollout.ServedHost {
	return rollout.ServedHost{Domain: domain, Wanted: true, Body: rollout.Body(body), Since: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)}
}

// authority is a CA that gives every managed host a certificate.
type authority struct {
	root *x509.Certificate
	key  *ecdsa.PrivateKey

	mu      sync.Mutex
	shown   map[string]*tls.Certificate
	managed chan []string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test root"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{root: root, key: key, shown: map[string]*tls.Certificate{}, managed: make(chan []string, 16)}
}

// issue makes a certificate for these names, with its key.
func (a *authority) issue(names ...string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.root, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

func (a *authority) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cert := a.shown[plainName(hello.ServerName)]; cert != nil {
		return cert, nil
	}
	return nil, errors.New("no certificate yet")
}

func (a *authority) HTTPChallenge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/acme-challenge/token" {
			io.WriteString(w, "token.thumb")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *authority) Manage(_ context.Context, hosts []string) error {
	for _, host := range hosts {
		a.mu.Lock()
		has := a.shown[host] != nil
		a.mu.Unlock()
		if has {
			continue
		}
		cert, err := a.issue(host)
		if err != nil {
			return err
		}
		a.mu.Lock()
		a.shown[host] = cert
		a.mu.Unlock()
	}
	a.managed <- hosts
	return nil
}

// running is a server on loopback.
type running struct {
	testing.TB
	*Server
	ca                  *authority
	https, http, status string
	log                 *heard
	stop                context.CancelFunc
	ended               chan error
}

// heard is a log that can be read while it is written.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// start runs a server of the source, which has its certificates when it returns.
func start(t testing.TB, source Source, limits Limits, prepare ...func(*Server)) *running {
	t.Helper()
	r := &running{TB: t, ca: newAuthority(t), log: &heard{}, ended: make(chan error, 1)}
	r.Server = New(Options{Source: source, Certificates: r.ca, Clock: world.SystemClock(), Log: slog.New(slog.NewTextHandler(r.log, nil)), Limits: limits, Version: "test"})
	for _, f := range prepare {
		f(r.Server)
	}
	listen := func() (net.Listener, string) {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l, l.Addr().String()
	}
	var at Sockets
	var l net.Listener
	l, r.https = listen()
	at.HTTPS = append(at.HTTPS, l)
	l, r.http = listen()
	at.HTTP = append(at.HTTP, l)
	l, r.status = listen()
	at.Status = append(at.Status, l)
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	up := make(chan struct{})
	go func() { r.ended <- r.Run(ctx, at, func() { close(up) }) }()
	select {
	case <-up:
	case err := <-r.ended:
		t.Fatal(err)
	}
	<-r.ca.managed
	t.Cleanup(func() {
		stop()
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// end waits for the end of the server.
func (r *running) end() error {
	select {
	case err := <-r.ended:
		r.ended <- nil
		return err
	case <-time.After(patience):
		return errors.New("the server does not end")
	}
}

// dial makes a TLS connection to the server as host.
func (r *running) dial(host string, config *tls.Config) (*tls.Conn, error) {
	if config == nil {
		config = &tls.Config{}
	}
	config.ServerName, config.RootCAs = host, x509.NewCertPool()
	config.RootCAs.AddCert(r.ca.root)
	d := &net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(d, "tcp", r.https, config)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// answer is what came of one request.
type answer struct {
	status int
	header http.Header
	body   string
}

// client fetches from host, each time over a connection of its own, and follows
// nothing.
func (r *running) client(host string) *http.Client {
	return &http.Client{
		Timeout: patience,
		Transport: &http.Transport{DisableKeepAlives: true, DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			return r.dial(host, nil)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask makes a request of url over a connection to host.
func (r *running) ask(method, host, url string) (answer, error) {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		return answer{}, err
	}
	return ended(r.client(host).Do(req))
}

func ended(resp *http.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

// policy is what a sender fetches from host.
func (r *running) policy(host string) (answer, error) {
	return r.ask(http.MethodGet, host, "https://"+host+policyPath)
}

// serves fails unless host answers with body.
func (r *running) serves(host, body string) {
	r.Helper()
	if got, err := r.policy(host); err != nil || got.status != http.StatusOK || got.body != body {
		r.Fatalf("%s answers %+v, %v; want %q", host, got, err, body)
	}
}

// becomes waits until host answers with body and says how long that took.
func (r *running) becomes(host, body string) time.Duration {
	r.Helper()
	for begun := time.Now(); ; {
		got, err := r.policy(host)
		if err == nil && got.status == http.StatusOK && got.body == body {
			return time.Since(begun)
		}
		if time.Since(begun) > patience {
			r.Fatalf("%s still answers %+v, %v; want %q", host, got, err, body)
		}
	}
}

// told is what the status address answers.
func (r *running) told(path string) answer {
	r.Helper()
	got, err := ended(http.Get("http://" + r.status + path))
	if err != nil {
		r.Fatal(err)
	}
	return got
}
