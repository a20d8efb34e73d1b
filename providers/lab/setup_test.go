package lab_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/smtp"
	"os"
	"path/filepath"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/world"
)

// build makes a lab for one test.
func build(t testing.TB, o lab.Options) *lab.Lab {
	t.Helper()
	o.Dir = t.TempDir()
	l, err := lab.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func set(t testing.TB, l *lab.Lab, id string, on bool) {
	t.Helper()
	if err := l.Set(id, on); err != nil {
		t.Fatal(err)
	}
}

func at(ip string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(ip), port)
}

// soon bounds what a test waits for.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// mailTo opens an SMTP session to one address of an MX host.
func mailTo(t testing.TB, l *lab.Lab, ip, name string) (*smtp.Client, error) {
	t.Helper()
	conn, err := l.World().Network.Dial(soon(t), "tcp", at(ip, 25))
	if err != nil {
		return nil, err
	}
	c, err := smtp.NewClient(conn, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, c.Hello("tester.test")
}

func clientTLS(l *lab.Lab, name string) *tls.Config { return tlsFor(l.World(), name) }

func tlsFor(w world.World, name string) *tls.Config {
	return &tls.Config{ServerName: name, RootCAs: w.Network.Roots, Time: w.Clock.Now}
}

// fetch gets the policy from one address of the policy host.
func fetch(t testing.TB, l *lab.Lab, ip string) (*http.Response, string, error) {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: clientTLS(l, "mta-sts.corp.test"),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return l.World().Network.Dial(ctx, network, at(ip, 443))
		},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(soon(t), http.MethodGet, "https://mta-sts.corp.test/.well-known/mta-sts.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func writePolicy(t testing.TB, l *lab.Lab, body string) {
	t.Helper()
	dir := filepath.Join(l.WebRoot(), ".well-known")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mta-sts.txt"), []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}
