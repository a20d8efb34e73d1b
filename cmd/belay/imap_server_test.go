package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// mailServer is an IMAP server on loopback with one user, whose INBOX fills up as the
// test wants, and who hands out no more mails than the test lets him.
type mailServer struct {
	t    *testing.T
	user *imapmemserver.User
	ca   string // a file
	url  string
	now  time.Time // when every report was made, so that one delivered again is the same

	mu    sync.Mutex
	more  *sync.Cond
	left  int  // mails that may still be handed out
	away  bool // nothing that a client says is heard
	ended bool
	conns []net.Conn
	idle  map[chan struct{}]bool // who is told that mail came
	said  strings.Builder        // all that was said, in clear
}

const mailServerUser, mailServerPassword = "tlsrpt", "a secret"

// newMailServer starts one; idle says whether it can say by itself that mail came.
func newMailServer(t *testing.T, idle bool) *mailServer {
	t.Helper()
	m := &mailServer{t: t, user: imapmemserver.NewUser(mailServerUser, mailServerPassword), now: time.Now(), left: 1 << 30, idle: map[chan struct{}]bool{}}
	m.more = sync.NewCond(&m.mu)
	if err := m.user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	memory := imapmemserver.New()
	memory.AddUser(m.user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return rationedSession{memory.NewSession(), m}, nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}}, Logger: log.New(io.Discard, "", 0), DebugWriter: m,
		InsecureAuth: true, // it cannot see that silent speaks TLS
	})
	cert := m.certificate()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.url = fmt.Sprintf("imaps://%s@localhost:%d/INBOX", mailServerUser, l.Addr().(*net.TCPAddr).Port)
	var spoken net.Listener = tls.NewListener(noting{l, m}, &tls.Config{Certificates: []tls.Certificate{cert}})
	if !idle {
		spoken = silent{spoken}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(spoken)
	}()
	t.Cleanup(func() {
		m.mu.Lock()
		m.ended = true
		m.more.Broadcast()
		m.mu.Unlock()
		server.Close()
		<-done
	})
	return m
}

// certificate is one for localhost, whose authority is in the file ca.
func (m *mailServer) certificate() tls.Certificate {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		m.t.Fatal(err)
	}
	m.ca = filepath.Join(m.t.TempDir(), "ca.pem")
	if err := os.WriteFile(m.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// deliver puts a report mail for reportedDomain into the folder for each id.
func (m *mailServer) deliver(ids ...string) {
	m.t.Helper()
	for _, id := range ids {
		mail := "From: a@b.test\r\nContent-Type: application/tlsrpt+json\r\n\r\n" + reportAbout(reportedDomain, id, m.now, 5, 1)
		if _, err := m.user.Append("INBOX", sized{strings.NewReader(mail)}, &imap.AppendOptions{}); err != nil {
			m.t.Error(err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for told := range m.idle {
		select {
		case told <- struct{}{}:
		default: // it has still to look
		}
	}
}

type sized struct{ *strings.Reader }

func (s sized) Size() int64 { return s.Reader.Size() }

// madeAnew deletes the folder and makes it again: its UIDs begin again.
func (m *mailServer) madeAnew() {
	m.t.Helper()
	if err := m.user.Delete("INBOX"); err != nil {
		m.t.Error(err)
	}
	if err := m.user.Create("INBOX", nil); err != nil {
		m.t.Error(err)
	}
}

// let lets so many mails be handed out from now on; who asks for more waits.
func (m *mailServer) let(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = n
	m.more.Broadcast()
}

// cut breaks every connection off. Whoever comes again finds all that was done
// meanwhile, and nothing of it half done.
func (m *mailServer) cut(meanwhile func()) {
	m.t.Helper()
	m.breakOff()
	meanwhile()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = false
	m.more.Broadcast()
}

func (m *mailServer) breakOff() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = true
	for _, c := range m.conns {
		c.Close()
	}
	m.conns = nil
	m.said.Reset()
}

func (m *mailServer) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.more.Broadcast()
	return m.said.Write(p)
}

// until waits until words were said on a connection since the last cut.
func (m *mailServer) until(words string) {
	m.t.Helper()
	late := time.AfterFunc(patience, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ended = true
		m.more.Broadcast()
	})
	defer late.Stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	for !strings.Contains(m.said.String(), words) {
		if m.ended {
			m.t.Fatalf("nobody said %q: %s", words, m.said.String())
		}
		m.more.Wait()
	}
}

// rationedSession hands out what the server is let.
type rationedSession struct {
	imapserver.Session
	m *mailServer
}

func (s rationedSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	uids, ok := set.(imap.UIDSet)
	if !ok || len(o.BodySection) == 0 {
		return s.Session.Fetch(w, set, o)
	}
	all, _ := uids.Nums()
	for _, uid := range all {
		if !s.m.handOut() {
			return io.ErrClosedPipe
		}
		if err := s.Session.Fetch(w, imap.UIDSetNum(uid), o); err != nil {
			return err
		}
	}
	return nil
}

// Idle tells what came before it too, as servers do: go-imap's own may miss it.
func (s rationedSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	told := make(chan struct{}, 1)
	s.m.mu.Lock()
	s.m.idle[told] = true
	s.m.mu.Unlock()
	defer func() {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		delete(s.m.idle, told)
	}()
	for {
		if err := s.Session.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-told:
		case <-stop:
			return nil
		}
	}
}

// handOut waits until one more mail may be handed out; false when the server ends.
func (m *mailServer) handOut() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.left == 0 && !m.ended {
		m.more.Wait()
	}
	m.left--
	return !m.ended
}

// silent is a listener whose server does not say that it knows IDLE: go-imap's always
// does.
type silent struct{ net.Listener }

func (s silent) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	return silentConn{c}, err
}

type silentConn struct{ net.Conn }

func (c silentConn) Write(p []byte) (int, error) {
	_, err := c.Conn.Write(bytes.ReplaceAll(p, []byte(" IDLE "), []byte(" ")))
	return len(p), err
}

// noting is a listener that notes its connections.
type noting struct {
	net.Listener
	m *mailServer
}

func (n noting) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		n.m.mu.Lock()
		n.m.conns = append(n.m.conns, c)
		n.m.mu.Unlock()
	}
	return heeded{c, n.m}, err
}

// heeded is a connection of which the server reads nothing while it is away.
type heeded struct {
	net.Conn
	m *mailServer
}

func (h heeded) Read(p []byte) (int, error) {
	h.m.mu.Lock()
	for h.m.away {
		h.m.more.Wait()
	}
	h.m.mu.Unlock()
	return h.Conn.Read(p)
}
