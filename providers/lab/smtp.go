package lab

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"belay/rollout/world"
)

// A mailHost is one MX host: an SMTP server (RFC 5321) on a listener for each of
// its addresses, with STARTTLS (RFC 3207) unless a fault takes it away.
type mailHost struct {
	name    string
	config  *tls.Config
	offers  func() bool // STARTTLS, asked for each session
	defers  func() bool // turns everybody away for now
	pauses  func()      // before the greeting
	accepts func(recipient string) bool
	deliver func(recipients []string, message []byte) error

	listeners []net.Listener
	mu        sync.Mutex
	sessions  map[net.Conn]bool // nil once closed
	ended     sync.WaitGroup
}

// Bounds of one SMTP session.
const (
	commandTime  = time.Minute // for each command, in real time
	commandSize  = 4096        // bytes of a command line
	messageSize  = 16 << 20    // bytes of a message
	recipientMax = 100
)

// listen opens one more address of the host and returns its loopback port.
func (h *mailHost) listen() (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for mail to %s on loopback: %w", h.name, err)
	}
	if h.sessions == nil {
		h.sessions = map[net.Conn]bool{}
	}
	h.listeners = append(h.listeners, ln)
	h.ended.Go(func() { h.accept(ln) })
	return ln.Addr().String(), nil
}

func (h *mailHost) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		if h.sessions == nil {
			h.mu.Unlock()
			conn.Close()
			return
		}
		h.sessions[conn] = true
		h.mu.Unlock()
		h.ended.Go(func() {
			newSession(h, conn).serve()
			conn.Close()
			h.mu.Lock()
			delete(h.sessions, conn)
			h.mu.Unlock()
		})
	}
}

// close ends every session and waits for it.
func (h *mailHost) close() {
	for _, ln := range h.listeners {
		ln.Close()
	}
	h.mu.Lock()
	for conn := range h.sessions {
		conn.Close()
	}
	h.sessions = nil
	h.mu.Unlock()
	h.ended.Wait()
}

// A session is one SMTP session.
type session struct {
	host       *mailHost
	conn       net.Conn
	in         *bufio.Reader
	overTLS    bool
	startTLS   bool // offered in this session
	sender     bool // MAIL was accepted
	recipients []string
}

func newSession(h *mailHost, conn net.Conn) *session {
	return &session{host: h, conn: conn, in: bufio.NewReaderSize(conn, commandSize), startTLS: h.offers()}
}

// errQuit ends a session in good order.
var errQuit = errors.New("quit")

func (s *session) serve() {
	if s.host.defers() {
		_ = s.answer(421, "4.3.2 come back later") // and hang up
		return
	}
	s.host.pauses()
	err := s.answer(220, s.host.name+" ESMTP lab")
	for err == nil {
		var line string
		if line, err = s.line(); err == nil {
			verb, rest, _ := strings.Cut(line, " ")
			err = s.obey(strings.ToUpper(verb), strings.TrimSpace(rest))
		}
	}
}

// line reads one command line within its bounds.
func (s *session) line() (string, error) {
	if err := s.conn.SetDeadline(world.Deadline(commandTime)); err != nil {
		return "", err
	}
	raw, err := s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errors.Join(err, s.answer(500, "5.5.2 line is too long"))
	}
	return strings.TrimRight(string(raw), "\r\n"), err
}

// answer writes one reply; lines but the last are continued.
func (s *session) answer(code int, lines ...string) error {
	var b strings.Builder
	for i, line := range lines {
		between := "-"
		if i == len(lines)-1 {
			between = " "
		}
		fmt.Fprintf(&b, "%d%s%s\r\n", code, between, line)
	}
	_, err := io.WriteString(s.conn, b.String())
	return err
}

// obey carries out one command. An error ends the session.
func (s *session) obey(verb, rest string) error {
	switch verb {
	case "HELO":
		s.reset()
		return s.answer(250, s.host.name)
	case "EHLO":
		s.reset()
		lines := []string{s.host.name, "PIPELINING", "8BITMIME", fmt.Sprintf("SIZE %d", messageSize)}
		if s.startTLS && !s.overTLS {
			lines = append(lines, "STARTTLS")
		}
		return s.answer(250, lines...)
	case "STARTTLS":
		return s.turnToTLS()
	case "MAIL":
		if _, ok := mailPath(rest, "FROM:"); !ok {
			return s.answer(501, "5.5.4 MAIL FROM:<address> is expected")
		}
		s.reset()
		s.sender = true
		return s.answer(250, "2.1.0 ok")
	case "RCPT":
		return s.addRecipient(rest)
	case "DATA":
		return s.takeMessage()
	case "RSET":
		s.reset()
		return s.answer(250, "2.0.0 ok")
	case "NOOP":
		return s.answer(250, "2.0.0 ok")
	case "QUIT":
		return errors.Join(s.answer(221, "2.0.0 bye"), errQuit)
	}
	return s.answer(502, "5.5.1 this command is not known here")
}

func (s *session) reset() { s.sender, s.recipients = false, nil }

// turnToTLS takes the session over to TLS. What the client wrote ahead in clear
// is dropped (RFC 3207 section 4.2).
func (s *session) turnToTLS() error {
	if !s.startTLS || s.overTLS {
		return s.answer(502, "5.5.1 STARTTLS is not offered")
	}
	if err := s.answer(220, "2.0.0 go ahead"); err != nil {
		return err
	}
	secured := tls.Server(s.conn, s.host.config)
	if err := secured.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake at %s: %w", s.host.name, err)
	}
	s.conn, s.in, s.overTLS = secured, bufio.NewReaderSize(secured, commandSize), true
	s.reset()
	return nil
}

func (s *session) addRecipient(rest string) error {
	to, ok := mailPath(rest, "TO:")
	switch {
	case !s.sender:
		return s.answer(503, "5.5.1 MAIL comes first")
	case !ok:
		return s.answer(501, "5.5.4 RCPT TO:<address> is expected")
	case len(s.recipients) == recipientMax:
		return s.answer(452, "4.5.3 too many recipients")
	case !s.host.accepts(to):
		return s.answer(550, "5.7.1 no mail for this address here")
	}
	s.recipients = append(s.recipients, to)
	return s.answer(250, "2.1.5 ok")
}

func (s *session) takeMessage() error {
	if len(s.recipients) == 0 {
		return s.answer(503, "5.5.1 RCPT comes first")
	}
	if err := s.answer(354, "end with a line that holds only a dot"); err != nil {
		return err
	}
	text := textproto.NewReader(s.in).DotReader()
	message, err := io.ReadAll(io.LimitReader(text, messageSize+1))
	if err != nil {
		return err
	}
	if len(message) > messageSize {
		return errors.Join(s.answer(552, "5.3.4 message is too large"), errQuit)
	}
	to := s.recipients
	s.reset()
	if err := s.host.deliver(to, message); err != nil {
		return s.answer(451, "4.3.0 the message could not be kept")
	}
	return s.answer(250, "2.0.0 delivered")
}

// mailPath reads the address of "FROM:<address> parameters".
func mailPath(rest, keyword string) (string, bool) {
	if len(rest) < len(keyword) || !strings.EqualFold(rest[:len(keyword)], keyword) {
		return "", false
	}
	address, ok := strings.CutPrefix(strings.TrimSpace(rest[len(keyword):]), "<")
	if !ok {
		return "", false
	}
	address, _, ok = strings.Cut(address, ">")
	return address, ok
}
