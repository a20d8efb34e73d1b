package vendor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// outside stands for everything beyond this machine: a proxy on loopback that
// libraries use because the environment says so, and an authority that they trust
// for the same reason. Behind it are the servers that tests put there; every other
// host is refused. Libraries that know only their vendor's address meet a loopback
// server so, with their own HTTP client as it is, and nothing leaves the machine.
type outside struct {
	proxy *httptest.Server
	ca    tls.Certificate

	mu    sync.Mutex
	hosts map[string]*httputil.ReverseProxy
}

// theOutside is what every test of this package has around it.
var theOutside *outside

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "outside")
	if err != nil {
		log.Fatal(err)
	}
	if theOutside, err = newOutside(dir); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	theOutside.proxy.Close()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// newOutside sets the environment before anybody in the process has read it.
func newOutside(dir string) (*outside, error) {
	o := &outside{hosts: map[string]*httputil.ReverseProxy{}}
	var err error
	if o.ca, err = authority(); err != nil {
		return nil, err
	}
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.ca.Certificate[0]}), 0o600); err != nil {
		return nil, err
	}
	o.proxy = httptest.NewServer(http.HandlerFunc(o.connect))
	for name, value := range map[string]string{
		"HTTPS_PROXY": o.proxy.URL, "HTTP_PROXY": o.proxy.URL, "https_proxy": "", "http_proxy": "",
		"NO_PROXY": "", "no_proxy": "", "SSL_CERT_FILE": roots, "SSL_CERT_DIR": dir,
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// stands puts the server at srvURL in a host's place until the test ends.
func (o *outside) stands(t *testing.T, host, srvURL string) {
	t.Helper()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the system's own verifier does not read SSL_CERT_FILE")
	}
	u, err := url.Parse(srvURL)
	if err != nil {
		t.Fatal(err)
	}
	to := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: u.Host}) },
		ErrorLog: log.New(io.Discard, "", 0),
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hosts[host] = to
	t.Cleanup(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.hosts, host)
	})
}

// connect is the proxy: it takes a tunnel's place and answers in the host's name.
func (o *outside) connect(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	o.mu.Lock()
	to := o.hosts[host]
	o.mu.Unlock()
	if r.Method != http.MethodConnect || err != nil || to == nil {
		http.Error(w, "there is no outside here", http.StatusBadGateway)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	leaf, err := o.leaf(host)
	if err != nil {
		return
	}
	one := &oneConn{conn: tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{leaf}}), closed: make(chan struct{})}
	srv := &http.Server{Handler: to, ErrorLog: log.New(io.Discard, "", 0), ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed || s == http.StateHijacked {
			one.end()
		}
	}}
	_ = srv.Serve(one)
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	given  bool
	once   sync.Once
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.given {
		l.given = true
		return l.conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) end()           { l.once.Do(func() { close(l.closed) }) }
func (l *oneConn) Close() error   { l.end(); return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }

func authority() (tls.Certificate, error) {
	return certificate(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "outside"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil)
}

func (o *outside) leaf(host string) (tls.Certificate, error) {
	return certificate(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, &o.ca)
}

// certificate signs template by the authority, or by itself.
func certificate(template *x509.Certificate, by *tls.Certificate) (tls.Certificate, error) {
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	parent, signer := template, any(key)
	if by != nil {
		if parent, err = x509.ParseCertificate(by.Certificate[0]); err != nil {
			return tls.Certificate{}, err
		}
		signer = by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// printed runs f and returns what it wrote to standard output.
func printed(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = was }()
	said := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(r)
		said <- string(b)
	}()
	f()
	_ = w.Close()
	defer r.Close()
	return <-said
}
