package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
)

// Limits of one SMTP reply. RFC 5321 4.5.3.1.5 allows lines of 512 octets; servers
// that list many extensions go beyond, none beyond these.
const (
	maxReplyLine  = 2048
	maxReplyLines = 100
)

// smtpReply is one reply of an SMTP server.
type smtpReply struct {
	code int
	// lines are the texts behind the code, one a line, as they came.
	lines []string
}

// String is the reply on one line.
func (r smtpReply) String() string {
	return fmt.Sprintf("%d %s", r.code, strings.Join(r.lines, " / "))
}

// offers reports whether an EHLO reply lists the extension keyword.
func (r smtpReply) offers(keyword string) bool {
	if len(r.lines) == 0 {
		return false
	}
	for _, line := range r.lines[1:] { // the first line greets
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.EqualFold(word, keyword) {
			return true
		}
	}
	return false
}

// errNotSMTP says that what came back is no SMTP reply.
var errNotSMTP = errors.New("what comes back is not SMTP")

// readReply reads one reply of any number of lines (RFC 5321 4.2.1). r must have a
// buffer of at least maxReplyLine.
func readReply(r *bufio.Reader) (smtpReply, error) {
	var reply smtpReply
	for range maxReplyLines {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return reply, fmt.Errorf("%w: a line is longer than %d octets", errNotSMTP, maxReplyLine)
		case errors.Is(err, io.EOF) && (len(line) > 0 || len(reply.lines) > 0):
			return reply, fmt.Errorf("the connection ends within a reply: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return reply, err
		}
		code, text, more, ok := parseReplyLine(line)
		if !ok || len(reply.lines) > 0 && code != reply.code {
			return reply, errNotSMTP
		}
		reply.code = code
		reply.lines = append(reply.lines, text)
		if !more {
			return reply, nil
		}
	}
	return reply, fmt.Errorf("%w: a reply has more than %d lines", errNotSMTP, maxReplyLines)
}

// parseReplyLine reads "250-text" or "250 text", ended by LF or CRLF.
func parseReplyLine(line []byte) (code int, text string, more, ok bool) {
	s := strings.TrimRight(string(line), "\r\n")
	if len(s) < 3 {
		return 0, "", false, false
	}
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, "", false, false
		}
		code = 10*code + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, "", false, false
	}
	if len(s) == 3 {
		return code, "", false, true
	}
	switch s[3] {
	case ' ', '-':
		return code, s[4:], s[3] == '-', true
	}
	return 0, "", false, false
}

// literalOf is how belay names itself in EHLO: by the address it calls from
// (RFC 5321 4.1.3), because it may have no name that means anything to others.
func literalOf(conn net.Conn) string {
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return "[127.0.0.1]"
	}
	if ip := at.Addr().Unmap().WithZone(""); ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	} else {
		return "[" + ip.String() + "]"
	}
}
