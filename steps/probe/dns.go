package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/world"

	"github.com/miekg/dns"
)

// Limits of one DNS question, in real time and in octets.
const (
	// udpSize is the largest UDP answer asked for: what passes every path
	// unfragmented.
	udpSize = 1232
	// strays is how many datagrams that answer something else are skipped.
	strays      = 8
	tcpPatience = 5 * time.Second
)

// udpPatience is how long each sending of a question over UDP waits.
func udpPatience() []time.Duration {
	return []time.Duration{time.Second, time.Second, 2 * time.Second}
}

// question is one question to one server.
type question struct {
	server  netip.AddrPort
	recurse bool
	// unchecked asks a validating resolver for what it has, be it forged (the CD
	// bit of RFC 4035 3.2.2).
	unchecked bool
	name      string
	qtype     uint16
}

// reply is what became of a question. msg is nil exactly where err is not.
type reply struct {
	msg  *dns.Msg
	err  error
	took time.Duration
}

// ask puts q to its server, once in a look. host names the server in events.
func (v *View) ask(host string, q question) reply {
	return v.answers.do(q, func() reply {
		subject := host
		if subject == "" {
			subject = q.server.Addr().String()
		} else {
			subject = At(host, q.server.Addr())
		}
		what := q.name + " " + dns.TypeToString[q.qtype]
		if q.unchecked {
			what += ", unvalidated"
		}
		if v.deaf.is(q.server) {
			return reply{err: fmt.Errorf("ask %s for %s: %w", subject, what, errDeaf)}
		}
		v.asking(subject, what)
		watch := world.Start()
		msg, err := v.exchange(q)
		if err == nil || timedOut(err) {
			v.deaf.note(q.server, err == nil)
		}
		r := reply{msg: msg, err: err, took: watch.Elapsed()}
		if err != nil {
			r.err = fmt.Errorf("ask %s for %s: %w", subject, what, err)
			v.answered(subject, what+": "+err.Error(), r.took, finding.Warn)
			return r
		}
		v.answered(subject, what+": "+summary(msg), r.took, finding.Pass)
		return r
	})
}

// exchange sends the question over UDP, again where nothing comes back, and over
// TCP where the answer was cut. A server that does not know EDNS is asked without.
func (v *View) exchange(q question) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.name), q.qtype)
	m.RecursionDesired = q.recurse
	m.AuthenticatedData = q.recurse // ask whether it was validated (RFC 6840 5.7)
	m.CheckingDisabled = q.unchecked
	m.SetEdns0(udpSize, false)

	var in *dns.Msg
	var err error
	for _, patience := range udpPatience() {
		if in, err = v.attempt("udp", q.server, m, patience); err == nil || !timedOut(err) || v.Err() != nil {
			break
		}
		m.Id = dns.Id()
	}
	if err != nil {
		return nil, err
	}
	if in.Rcode == dns.RcodeFormatError || in.Rcode == dns.RcodeNotImplemented {
		m.Id, m.Extra = dns.Id(), nil
		if in, err = v.attempt("udp", q.server, m, tcpPatience); err != nil {
			return nil, err
		}
	}
	if in.Truncated {
		m.Id = dns.Id()
		if in, err = v.attempt("tcp", q.server, m, tcpPatience); err != nil {
			return nil, fmt.Errorf("over TCP, after a cut answer: %w", err)
		}
	}
	return in, nil
}

// attempt sends m once and reads its answer.
func (v *View) attempt(network string, server netip.AddrPort, m *dns.Msg, patience time.Duration) (*dns.Msg, error) {
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("not a question that DNS can carry: %w", err)
	}
	conn, hangUp, err := v.dial(v.ctx, network, server, patience)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	if network == "tcp" {
		return overTCP(conn, wire, m)
	}
	return overUDP(conn, wire, m)
}

func overUDP(conn net.Conn, wire []byte, m *dns.Msg) (*dns.Msg, error) {
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	for range strays {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if in, err := readAnswer(buf[:n], m); !errors.Is(err, errStray) {
			return in, err
		}
	}
	return nil, fmt.Errorf("%d datagrams came back and none answers the question", strays)
}

func overTCP(conn net.Conn, wire []byte, m *dns.Msg) (*dns.Msg, error) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(wire)))
	if _, err := conn.Write(append(framed, wire...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	return readAnswer(buf, m)
}

// errDeaf says that a server was not asked again.
var errDeaf = errors.New("no answer in time to an earlier question")

// errStray says that a message is no answer to the question asked.
var errStray = errors.New("the message does not answer the question asked")

// readAnswer reads wire as the answer to asked: its id and its question must be
// those asked, or it may come from anybody.
func readAnswer(wire []byte, asked *dns.Msg) (*dns.Msg, error) {
	if len(wire) < 12 || binary.BigEndian.Uint16(wire) != asked.Id {
		return nil, errStray
	}
	in := new(dns.Msg)
	if err := in.Unpack(wire); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	if !in.Response || in.Opcode != dns.OpcodeQuery {
		return nil, errStray
	}
	if len(in.Question) == 0 && in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError {
		return in, nil // some servers refuse without repeating the question
	}
	if len(in.Question) != 1 {
		return nil, errStray
	}
	got, want := in.Question[0], asked.Question[0]
	if got.Qtype != want.Qtype || got.Qclass != want.Qclass || !strings.EqualFold(got.Name, want.Name) {
		return nil, errStray
	}
	return in, nil
}

// timedOut reports whether err says that nothing came back in time.
func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
