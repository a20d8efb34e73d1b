package imap

import (
	"fmt"
	"net"
	"sync"
	"time"

	"belay/providers/inbox"
	"belay/rollout/world"
)

// Bounds of what a server says.
const (
	longestLine    = 64 << 10
	longestLiteral = inbox.MaxMail + 1<<20
)

// A meter is a connection whose server may say only so much in one line and in one
// literal, and must say something in time while an answer is awaited. Deadlines that
// others set on it are not heeded.
type meter struct {
	net.Conn

	line    int   // bytes since the last line break
	literal int64 // bytes still to come of a literal (RFC 3501 section 4.3)
	brace   braceState
	size    int64 // of the literal that is being announced

	mu       sync.Mutex
	patience time.Duration // how long one read may take; 0 while nothing is awaited
	exceeded error
}

type braceState int

const (
	outside braceState = iota
	inBrace            // after "{" and digits
	closed             // after "}", where a line break begins the literal
)

// expect has each read from now on take at most d.
func (m *meter) expect(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.patience = d
	_ = m.Conn.SetReadDeadline(world.Deadline(d)) // a closed connection says so when it is read
}

// rest says that nothing is awaited: the server may be silent.
func (m *meter) rest() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.patience = 0
	_ = m.Conn.SetReadDeadline(time.Time{})
}

func (m *meter) SetReadDeadline(time.Time) error { return nil }

// Exceeded is why the server was cut off, where it was.
func (m *meter) Exceeded() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.exceeded
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.ready(); err != nil {
		return 0, err
	}
	n, err := m.Conn.Read(p)
	if over := m.weigh(p[:n]); over != nil { // what led there is still read, and nothing after it
		m.mu.Lock()
		m.exceeded = over
		m.mu.Unlock()
	}
	return n, err
}

// ready sets the deadline of one read, or says why nothing is read any more.
func (m *meter) ready() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.exceeded != nil || m.patience == 0 {
		return m.exceeded
	}
	return m.Conn.SetReadDeadline(world.Deadline(m.patience))
}

// largeMailError is a mail that is larger than its server said it was.
type largeMailError struct{ size int64 }

func (e *largeMailError) Error() string {
	return fmt.Sprintf("a mail of %d MB; at most %d MB are read", e.size>>20, inbox.MaxMail>>20)
}

// weigh follows what the server says far enough to know lines from literals.
func (m *meter) weigh(b []byte) error {
	for i := 0; i < len(b); i++ {
		if m.literal > 0 {
			skip := min(m.literal, int64(len(b)-i))
			m.literal -= skip
			i += int(skip) - 1
			continue
		}
		if m.line++; m.line > longestLine {
			return fmt.Errorf("the server sent a line of more than %d kB", longestLine>>10)
		}
		switch c := b[i]; {
		case c == '\n':
			if m.brace == closed {
				if m.size > longestLiteral {
					return &largeMailError{m.size}
				}
				m.literal = m.size
			}
			m.line, m.brace = 0, outside
		case c == '{':
			m.brace, m.size = inBrace, 0
		case m.brace == inBrace && c >= '0' && c <= '9':
			m.size = min(m.size*10+int64(c-'0'), 1<<50)
		case m.brace == inBrace && c == '}':
			m.brace = closed
		case m.brace == closed && c == '\r':
		default:
			m.brace = outside
		}
	}
	return nil
}
