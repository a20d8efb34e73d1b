package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/store"
)

// server is a belay serve in this process, on loopback.
type server struct {
	t                   *testing.T
	https, http, status string
	interrupts          chan os.Signal
	ended               chan int
	said                *spoken
}

// spoken is a log that is read line by line while it is written.
type spoken struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan map[string]any
	part  []byte
}

func newSpoken() *spoken { return &spoken{lines: make(chan map[string]any, 1000)} }

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	s.part = append(s.part, p...)
	for {
		line, rest, whole := bytes.Cut(s.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		var said map[string]any
		if json.Unmarshal(line, &said) == nil {
			select {
			case s.lines <- said:
			default: // nobody waits for so much
			}
		}
		s.part = rest
	}
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// until waits for a line with this message.
func (s *spoken) until(t *testing.T, message string) map[string]any {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case said := <-s.lines:
			if said["msg"] == message {
				return said
			}
		case <-deadline:
			t.Fatalf("it never said %q:\n%s", message, s)
		}
	}
}

// serve starts belay serve on the box's store, with a certificate for every host
// named.
func (b *box) serve(hosts ...string) *server {
	b.t.Helper()
	cert, key := b.certificateFiles(hosts...)
	return b.serveWith("--tls-cert", cert, "--tls-key", key)
}

// serveWith is serve with these flags more.
func (b *box) serveWith(more ...string) *server {
	b.t.Helper()
	s := &server{t: b.t, interrupts: make(chan os.Signal, 1), ended: make(chan int, 1), said: newSpoken()}
	p := newProgram(b.World(), strings.NewReader(""), io.Discard, s.said, func(name string) (string, bool) {
		v, ok := b.env[name]
		return v, ok
	})
	p.interrupts = s.interrupts
	args := append([]string{"--state", b.state, "--json", "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--status", "127.0.0.1:0"}, more...)
	go func() { s.ended <- p.run(args) }()
	b.t.Cleanup(s.stop)
	line := s.said.until(b.t, "serving")
	s.https, s.http, s.status = line["https"].(string), line["http"].(string), line["status"].(string)
	return s
}

// stop ends the server as a service manager does.
func (s *server) stop() {
	s.t.Helper()
	s.interrupts <- syscall.SIGTERM
	if status := s.end(); status != exitGood {
		s.t.Errorf("it ended with status %d:\n%s", status, s.said)
	}
}

func (s *server) end() int {
	s.t.Helper()
	select {
	case status := <-s.ended:
		s.ended <- status
		return status
	case <-time.After(patience):
		s.t.Fatalf("it does not end:\n%s", s.said)
		return -1
	}
}

// certificateFiles are a certificate of the lab's CA for these hosts, and its key.
func (b *box) certificateFiles(hosts ...string) (cert, key string) {
	b.t.Helper()
	issued, err := b.Issue(hosts...)
	if err != nil {
		b.t.Fatal(err)
	}
	dir := b.t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(b.t, issued, cert, key)
	return cert, key
}

func writeCertificate(t testing.TB, issued tls.Certificate, cert, key string) {
	t.Helper()
	var chain []byte
	for _, der := range issued.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(issued.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{cert: chain, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// leadTo makes the policy host's addresses lead to the server.
func (b *box) leadTo(s *server) {
	for _, ip := range b.PolicyAddresses() {
		b.Lay("tcp", netip.AddrPortFrom(ip, 443), s.https)
	}
}

// fetch is what a sender fetches from host at the server.
func (s *server) fetch(host string, roots *x509.CertPool) (string, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", s.https, &tls.Config{ServerName: host, RootCAs: roots, InsecureSkipVerify: roots == nil})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	fmt.Fprintf(conn, "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	return string(body), err
}

// becomes waits until the server answers with a body that has this in it.
func (s *server) becomes(host, want string) (took time.Duration) {
	s.t.Helper()
	for begun := time.Now(); ; {
		body, err := s.fetch(host, nil)
		if err == nil && strings.Contains(body, want) {
			return time.Since(begun)
		}
		if time.Since(begun) > patience {
			s.t.Fatalf("%s still answers %q, %v\n%s", host, body, err, s.said)
		}
	}
}

// told is what the status address answers.
func (s *server) told(path string) (int, string) {
	s.t.Helper()
	resp, err := http.Get("http://" + s.status + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// A rollout whose policy belay serves itself passes through all six phases, with the
// server started once, before anything is published.
func TestRolloutServedByBelayItself(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	tried := b.must(exitGood, "providers", "show", "serve").out
	if !strings.Contains(tried, "belay serve") {
		t.Errorf("the catalogue says %s", tried)
	}
	s := b.serve(host)
	b.leadTo(s)
	b.start("--host", "serve")
	if line := s.said.until(t, "policy host known"); line["host"] != host {
		t.Errorf("it knows %v", line)
	}
	roots := b.World().Network.Roots
	if _, err := s.fetch(host, roots); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("before anything is published: %v", err)
	}
	b.to(rollout.ReviewReports)
	if body, err := s.fetch(host, roots); err != nil || !strings.Contains(body, "mode: testing") {
		t.Errorf("in testing: %q, %v", body, err)
	}
	b.to(rollout.Holding)
	body, err := s.fetch(host, roots)
	if err != nil || !strings.Contains(body, "mode: enforce") || !strings.Contains(body, "max_age: 2592000") {
		t.Errorf("holding: %q, %v", body, err)
	}
	seen := b.check()
	if seen.Policy.Mode != "enforce" || seen.Verdict == "fail" {
		t.Errorf("what is seen from outside: %+v", seen)
	}
	b.settled()
	b.must(exitGood, "step-back", b.Domain(), "--yes")
	if body, err := s.fetch(host, roots); err != nil || !strings.Contains(body, "mode: testing") {
		t.Errorf("after a step back: %q, %v", body, err)
	}
	if code, text := s.told("/readyz"); code != 200 {
		t.Errorf("/readyz: %d %s", code, text)
	}
}

// published begins a rollout whose testing policy the server answers with.
func (b *box) published(s *server) {
	b.t.Helper()
	b.leadTo(s)
	b.start("--host", "serve")
	b.to(rollout.ReviewReports)
}

// The server is restarted and serves what it served.
func TestServeIsRestarted(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	first := b.serve(host)
	b.published(first)
	first.stop()
	if _, err := net.Dial("tcp", first.https); err == nil {
		t.Error("it still listens")
	}
	second := b.serve(host)
	second.becomes(host, "mode: testing")
	third := b.serve(host) // and one more beside it
	third.becomes(host, "mode: testing")
	b.leadTo(third)
	b.to(rollout.Enforce)
	b.settled()
	b.next(exitGood)
	for _, s := range []*server{second, third} {
		if took := s.becomes(host, "mode: enforce"); took > 5*time.Second { // well under one on an idle machine
			t.Errorf("the new body was live after %s", took)
		}
	}
}

// Whatever becomes of the store, the last policy that could be read is served on,
// and an operator is told.
func TestServeOutlivesItsStore(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	s := b.serve(host)
	b.published(s)
	file := filepath.Join(b.state, "belay.db")
	steady := func(what, why string) {
		t.Helper()
		line := s.said.until(t, "the store cannot be read; the last policies are served on")
		if !strings.Contains(line["error"].(string), why) {
			t.Errorf("%s: it says %v", what, line["error"])
		}
		if body, err := s.fetch(host, b.World().Network.Roots); err != nil || !strings.Contains(body, "mode: testing") {
			t.Errorf("%s: %q, %v", what, body, err)
		}
		if _, text := s.told("/metrics"); !strings.Contains(text, "belay_serve_store_readable 0\n") {
			t.Errorf("%s: the metrics do not say so", what)
		}
	}

	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	steady("gone", "is gone")
	if err := os.WriteFile(file, bytes.Repeat([]byte("not a database. "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	steady("damaged", "damaged")
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	s.said.until(t, "the store can be read again")

	execute(t, file, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	steady("newer", "has version 99 now")
	execute(t, file, "DELETE FROM goose_db_version WHERE version_id = 99")
	s.said.until(t, "the store can be read again")
	b.to(rollout.Enforce)
	b.settled()
	b.next(exitGood)
	s.becomes(host, "mode: enforce")
}

// Somebody who tries the host is told which servers run, and nothing that is not so.
func TestNewSaysWhetherAServerRuns(t *testing.T) {
	b := newBox(t, lab.Options{})
	tries := func() string {
		t.Helper()
		kept, err := store.Open(t.Context(), b.state)
		if err != nil {
			t.Fatal(err)
		}
		defer kept.Close()
		p := newProgram(b.World(), strings.NewReader(""), io.Discard, io.Discard, func(name string) (string, bool) { v, ok := b.env[name]; return v, ok })
		a := p.accounts(nil)
		a.served = kept
		settings := rollout.DefaultSettings()
		settings.DNS, settings.Host = rollout.Account{Provider: "rfc2136"}, rollout.HostAccount{Kind: "serve"}
		trial, err := a.Try(t.Context(), b.Domain(), settings)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(trial.Lines, "\n")
	}
	if got := tries(); !strings.Contains(got, "no belay serve runs") {
		t.Errorf("without a server: %s", got)
	}
	s := b.serve(mtasts.PolicyHost(b.Domain()))
	if got := tries(); !strings.Contains(got, fmt.Sprintf("process %d at %s", os.Getpid(), s.https)) {
		t.Errorf("with one: %s", got)
	}
	s.stop()
	if got := tries(); !strings.Contains(got, "no belay serve runs") {
		t.Errorf("after it ended: %s", got)
	}
}
