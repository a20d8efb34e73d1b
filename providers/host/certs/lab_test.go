package certs_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"belay/providers/host/certs"
	"belay/rollout"

	"github.com/caddyserver/certmagic"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

func TestMain(m *testing.M) {
	// pebble reads these when a CA is made: no random waits, no refused nonces, and
	// every order is proved anew.
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"} {
		os.Setenv(name, value)
	}
	os.Exit(m.Run())
}

// patience is how long a test waits, in real time, for what should come at once.
const patience = 30 * time.Second

// lab is a CA that validates against one server on loopback, whatever the name.
type lab struct {
	t         *testing.T
	zone      *zone
	tls, http net.Listener
	ports     [2]int
	db        *db.MemoryStore
	directory string
	apiRoots  *x509.CertPool
	leafRoots *x509.CertPool
	clock     *wound
	orders    atomic.Int32
	// refuse, where set, answers a request to the CA in its place and reports that.
	refuse atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	front  atomic.Pointer[served]
}

// served is what answers at the policy host.
type served struct {
	certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	plain       http.Handler
}

// serving is a Certificates or a Rehearsal.
type serving interface {
	Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	HTTPChallenge(http.Handler) http.Handler
}

type labOptions struct {
	binding  bool // the CA wants an external account
	https    net.Listener
	http     net.Listener
	zone     *zone
	validity time.Duration
}

func newLab(t *testing.T, o labOptions) *lab {
	t.Helper()
	l := &lab{t: t, clock: &wound{}, zone: o.zone, tls: o.https, http: o.http}
	if l.zone == nil {
		l.zone = newZone(t)
	}
	if l.tls == nil {
		l.listen()
	}
	l.ports = [2]int{l.http.Addr().(*net.TCPAddr).Port, l.tls.Addr().(*net.TCPAddr).Port}
	quiet := log.New(io.Discard, "", 0)
	l.db = db.NewMemoryStore()
	validity := o.validity
	if validity == 0 {
		validity = 90 * 24 * time.Hour
	}
	authority := ca.New(quiet, l.db, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(validity / time.Second)}})
	validator := va.New(quiet, l.ports[0], l.ports[1], false, l.zone.address, l.db)
	front := wfe.New(quiet, l.db, validator, authority, []string{"pebble.letsencrypt.org"}, false, o.binding, 0, 0)
	handler := front.Handler()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := l.refuse.Load(); f != nil && (*f)(w, r) {
			return
		}
		if strings.HasPrefix(r.URL.Path, "/order-plz") {
			l.orders.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)
	l.directory = api.URL + wfe.DirectoryPath
	l.apiRoots, l.leafRoots = x509.NewCertPool(), x509.NewCertPool()
	l.apiRoots.AddCert(api.Certificate())
	l.leafRoots.AppendCertsFromPEM(authority.GetRootCert(0).PEM())
	return l
}

// listen starts the policy server's two listeners; serve says what answers there.
func (l *lab) listen() {
	l.tls, l.http = listener(l.t), listener(l.t)
	secure := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{
		NextProtos:     []string{"http/1.1", certs.ALPN},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return l.front.Load().certificate(h) },
	}}
	plain := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.front.Load().plain.ServeHTTP(w, r) })}
	var both sync.WaitGroup
	both.Go(func() { _ = secure.ServeTLS(l.tls, "", "") })
	both.Go(func() { _ = plain.Serve(l.http) })
	l.t.Cleanup(func() {
		secure.Close()
		plain.Close()
		both.Wait()
	})
}

// serve has c answer at the policy host.
func (l *lab) serve(c serving) {
	l.front.Store(&served{c.Certificate, c.HTTPChallenge(http.NotFoundHandler())})
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// settings are those of an instance at this CA. The log tells what happens.
func (l *lab) settings(storage certmagic.Storage) (certs.Settings, *journal) {
	j := &journal{lines: make(chan string, 1000)}
	return certs.Settings{CA: l.directory, Email: "admin@corp.test", Roots: l.apiRoots, Clock: l.clock, Storage: storage, Log: slog.New(j)}, j
}

// instance is one server.
type instance struct {
	*certs.Certificates
	log *journal
}

// open starts an instance with these settings and has it answer.
func (l *lab) open(s certs.Settings, j *journal) instance {
	l.t.Helper()
	c, err := certs.Open(s)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	l.serve(c)
	return instance{c, j}
}

func (i instance) manage(t *testing.T, hosts ...string) {
	t.Helper()
	if err := i.Manage(context.Background(), hosts); err != nil {
		t.Fatal(err)
	}
}

// state is what is known of a host.
func (i instance) state(t *testing.T, host string) rollout.HostCertificate {
	t.Helper()
	for _, s := range i.States() {
		if s.Host == host {
			return s
		}
	}
	t.Fatalf("nothing is known of %s", host)
	return rollout.HostCertificate{}
}

// shown is the certificate that a sender meets at host, which it must trust.
func (l *lab) shown(host string) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", l.tls.Addr().String(), &tls.Config{ServerName: host, RootCAs: l.leafRoots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func (l *lab) mustShow(host string) *x509.Certificate {
	l.t.Helper()
	leaf, err := l.shown(host)
	if err != nil {
		l.t.Fatalf("a sender at %s: %v", host, err)
	}
	return leaf
}

func serialOf(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber) }

// wound is a clock that a test winds.
type wound struct{ ahead atomic.Int64 }

func (w *wound) Now() time.Time       { return time.Now().Add(time.Duration(w.ahead.Load())) }
func (w *wound) wind(d time.Duration) { w.ahead.Add(int64(d)) }

// journal is a slog handler that a test reads.
type journal struct{ lines chan string }

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	select {
	case j.lines <- line:
	default: // nobody reads any more
	}
	return nil
}

// await reads the log until a line begins so, and returns it.
func (j *journal) await(t *testing.T, begins string) string {
	t.Helper()
	late := time.After(patience)
	var read []string
	for {
		select {
		case line := <-j.lines:
			if strings.HasPrefix(line, begins) {
				return line
			}
			read = append(read, line)
		case <-late:
			t.Fatalf("the log does not say %q; it says:\n%s", begins, strings.Join(read, "\n"))
		}
	}
}

// refuses has the CA answer requests below path with a problem.
func (l *lab) refuses(path string, status int, header http.Header, problem map[string]any) {
	f := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, path) {
			return false
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Replay-Nonce", "unused")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(problem)
		return true
	}
	l.refuse.Store(&f)
}

// zone answers for every name: A is loopback, TXT what was put there.
type zone struct {
	address string
	mu      sync.Mutex
	txt     map[string][]string
	missing map[string]bool
}

func newZone(t *testing.T) *zone {
	t.Helper()
	z := &zone{txt: map[string][]string{}, missing: map[string]bool{}}
	ln := listener(t)
	z.address = ln.Addr().String()
	ready := make(chan struct{})
	server := &dns.Server{Listener: ln, Handler: z, NotifyStartedFunc: func() { close(ready) }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe()
	}()
	<-ready
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-done
	})
	return z
}

func (z *zone) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	q := r.Question[0]
	name := strings.TrimSuffix(strings.ToLower(q.Name), ".")
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case z.missing[name]:
		m.Rcode = dns.RcodeNameError
	case q.Qtype == dns.TypeA:
		m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)})
	case q.Qtype == dns.TypeTXT:
		for _, v := range z.txt[name] {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET}, Txt: []string{v}})
		}
	}
	_ = w.WriteMsg(m)
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// wantsBack has the CA want this certificate renewed at once (RFC 9773).
func (l *lab) wantsBack(leaf *x509.Certificate) {
	l.t.Helper()
	window := fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q}}`,
		time.Now().Add(-2*time.Hour).UTC().Format(time.RFC3339), time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	if err := l.db.SetARIResponse(leaf.SerialNumber, window); err != nil {
		l.t.Fatal(err)
	}
}

// proof is the certificate by which a host answers TLS-ALPN-01 (RFC 8737).
func (l *lab) proof(host string) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", l.tls.Addr().String(), &tls.Config{ServerName: host, NextProtos: []string{certs.ALPN}, InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}
