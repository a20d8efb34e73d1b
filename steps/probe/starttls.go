package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/world"
)

// How long each step of an SMTP session may take, in real time. RFC 5321 4.5.3.2
// lets a server take minutes for its greeting; a sender that enforces has no
// reason to wait as long for a host that is known to be slow.
const (
	connectPatience  = 10 * time.Second
	greetingPatience = 30 * time.Second
	stepPatience     = 15 * time.Second
)

// Session is what one address of an MX host showed of itself: its fate is how far
// the strictest sender would have come.
type Session struct {
	rollout.MXAddress
	Fate Fate
	// Said is what the server answered, or the error, where the fate is not Fine.
	// It is clean.
	Said string
	// Greeting is how long the server took to greet.
	Greeting time.Duration
	Flaws    []Flaw
	// chain is what the server presented, leaf first.
	chain []*x509.Certificate
}

// Fate is how far a connection came.
type Fate string

// The fates, in the order in which a session meets them. Those up to Silent say
// that nothing was heard.
const (
	Unroutable  Fate = "no route"           // this machine cannot reach the address at all
	Silent      Fate = "silent"             // nothing answered the connection
	Refused     Fate = "refused"            // the connection was refused or broken off
	NotSpoken   Fate = "not spoken"         // it answers, but not in the protocol expected, or not in time
	Deferred    Fate = "deferred"           // the greeting says: later (4xx)
	Rejected    Fate = "rejected"           // the greeting says: never (5xx)
	NoSTARTTLS  Fate = "no STARTTLS"        // EHLO does not offer it
	NotStarted  Fate = "STARTTLS refused"   // it is offered, and refused
	Injected    Fate = "injected"           // clear text follows the 220 that begins TLS
	NoHandshake Fate = "handshake failed"   // TLS could not be agreed
	OldTLS      Fate = "TLS too old"        // below 1.2
	BrokenTLS   Fate = "broken behind TLS"  // the session ends behind the handshake
	Fine        Fate = "fine"               // the second EHLO was answered
	CutOff      Fate = "the look was ended" // nothing was learned
)

// Heard reports whether the server gave any answer, be it a refusal.
func (f Fate) Heard() bool {
	switch f {
	case Unroutable, Silent, CutOff:
		return false
	}
	return true
}

// Session plays a sender's part against one address of an MX host, once in a look:
// greeting, EHLO, STARTTLS, handshake with the host's name as SNI, second EHLO,
// QUIT. No mail is sent.
func (v *View) Session(host string, ip netip.Addr) Session {
	return v.sessions.do(target{host, ip}, func() Session {
		v.asking(At(host, ip), "STARTTLS on port 25")
		watch := world.Start()
		s := v.session(host, ip)
		s.IP, s.Took = ip, watch.Elapsed()
		s.Said = finding.Clean(s.Said, 200)
		if v.Err() != nil && s.Fate != Fine {
			s.Fate, s.Said = CutOff, "the look was ended before it answered"
		}
		if s.Fate != Fine {
			s.Err = string(s.Fate)
			if s.Said != "" {
				s.Err += ": " + s.Said
			}
		}
		s.NoRoute = s.Fate == Unroutable
		s.Reachable = s.Fate.Heard() && s.Fate != Refused
		v.answered(At(host, ip), s.summary(v.Now()), s.Took, s.severity())
		return s
	})
}

// severity is a first impression, for the event; the judgement is made where the
// whole MX set is known.
func (s Session) severity() finding.Severity {
	switch {
	case s.Fate == CutOff || s.Fate == Unroutable || s.Fate == Silent || s.Fate == Deferred:
		return finding.Warn
	case s.Fate != Fine:
		return finding.Fail
	}
	for _, f := range s.Flaws {
		if f.Kind.Bars() {
			return finding.Fail
		}
	}
	if len(s.Flaws) > 0 {
		return finding.Warn
	}
	return finding.Pass
}

func (s Session) summary(now time.Time) string {
	if s.Fate != Fine {
		return s.Err
	}
	if len(s.Flaws) > 0 {
		return s.TLSVersion + ", " + s.Flaws[0].Text
	}
	return s.TLSVersion + ", certificate valid for another " + span(s.Certificates[0].NotAfter.Sub(now))
}

// session does the talking. It fills in all but what Session adds.
func (v *View) session(host string, ip netip.Addr) (s Session) {
	conn, fate, err := v.connect(v.ctx, netip.AddrPortFrom(ip, 25))
	if err != nil {
		s.Fate, s.Said = fate, plainly(err)
		return s
	}
	defer conn.hangUp()
	if conn.beforeTLS(&s) {
		v.behindTLS(&s, conn, host)
	}
	return s
}

// beforeTLS speaks in the clear up to the 220 behind which TLS begins; it is false
// where s ends before that.
func (c *call25) beforeTLS(s *Session) bool {
	watch := world.Start()
	in := bufio.NewReaderSize(c, maxReplyLine)
	c.within(greetingPatience)
	greeting, err := readReply(in)
	s.Greeting = watch.Elapsed()
	switch {
	case err != nil:
		s.Fate, s.Said = unspoken(err), "no greeting: "+plainly(err)
		return false
	case greeting.code/100 == 4:
		s.Fate, s.Said = Deferred, greeting.String()
		return false
	case greeting.code != 220:
		s.Fate, s.Said = Rejected, greeting.String()
		return false
	}
	offered, err := c.command(in, "EHLO "+literalOf(c))
	switch {
	case err != nil:
		s.Fate, s.Said = unspoken(err), "no answer to EHLO: "+plainly(err)
		return false
	case offered.code/100 == 4:
		s.Fate, s.Said = Deferred, offered.String()
		return false
	case offered.code != 250 || !offered.offers("STARTTLS"):
		s.Fate, s.Said = NoSTARTTLS, offered.String()
		c.quit()
		return false
	}
	s.STARTTLS = true
	return c.startTLS(s, in)
}

// startTLS sends STARTTLS and hears the 220.
func (c *call25) startTLS(s *Session, in *bufio.Reader) bool {
	ready, err := c.command(in, "STARTTLS")
	switch {
	case err != nil:
		s.Fate, s.Said = NotStarted, "no answer to STARTTLS: "+plainly(err)
		return false
	case ready.code != 220:
		s.Fate, s.Said = NotStarted, ready.String()
		c.quit()
		return false
	case in.Buffered() > 0:
		// What an attacker on the way slips in before the handshake would be
		// taken for the server's word behind it.
		s.Fate, s.Said = Injected, fmt.Sprintf("%d octets of clear text follow the 220", in.Buffered())
		return false
	}
	return true
}

// behindTLS makes the handshake and says EHLO again.
func (v *View) behindTLS(s *Session, conn *call25, host string) {
	secured := tls.Client(conn, v.tlsConfig(host))
	conn.within(stepPatience)
	if err := secured.HandshakeContext(v.ctx); err != nil {
		s.Fate, s.Said = NoHandshake, plainly(err)
		return
	}
	state := secured.ConnectionState()
	s.TLSVersion = tls.VersionName(state.Version)
	s.chain = state.PeerCertificates
	s.Certificates = facts(state.PeerCertificates)
	s.Flaws = judgeChain(state.PeerCertificates, host, v.Now(), v.world.Network.Roots)
	if state.Version < tls.VersionTLS12 {
		s.Fate, s.Said = OldTLS, s.TLSVersion
		return
	}
	inner := &call25{Conn: secured}
	in := bufio.NewReaderSize(inner, maxReplyLine)
	again, err := inner.command(in, "EHLO "+literalOf(conn))
	switch {
	case err != nil:
		s.Fate, s.Said = BrokenTLS, "no answer to EHLO behind TLS: "+plainly(err)
	case again.code != 250:
		s.Fate, s.Said = BrokenTLS, again.String()
	default:
		s.Fate = Fine
		inner.quit()
	}
}

// call25 is a connection whose steps each have their own deadline.
type call25 struct {
	net.Conn
	end    context.Context
	hangUp func()
}

// within gives the next step d of real time.
func (c *call25) within(d time.Duration) {
	c.SetDeadline(world.Deadline(d))
	if c.end != nil && c.end.Err() != nil {
		c.SetDeadline(long) // the look ended while the deadline was set
	}
}

// command sends one command and reads its reply.
func (c *call25) command(in *bufio.Reader, line string) (smtpReply, error) {
	c.within(stepPatience)
	if _, err := c.Write([]byte(line + "\r\n")); err != nil {
		return smtpReply{}, err
	}
	return readReply(in)
}

// quit takes leave without waiting to hear the server's: nothing depends on it.
func (c *call25) quit() {
	c.within(time.Second)
	c.Write([]byte("QUIT\r\n")) // whoever has left already needs no farewell
}

// connect opens a TCP connection and says what became of it.
func (v *View) connect(ctx context.Context, to netip.AddrPort) (*call25, Fate, error) {
	dialing, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	conn, err := v.world.Network.Dial(dialing, "tcp", to)
	if err != nil {
		fate := fateOf(err)
		if fate.Heard() {
			v.reached.note(to.Addr())
		}
		return nil, fate, err
	}
	v.reached.note(to.Addr())
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(long) })
	return &call25{Conn: conn, end: ctx, hangUp: func() { stop(); conn.Close() }}, Fine, nil
}

// fateOf says what a failed connection tells.
func fateOf(err error) Fate {
	switch {
	case world.NoRoute(err):
		return Unroutable
	case errors.Is(err, context.Canceled):
		return CutOff
	case timedOut(err):
		return Silent
	}
	return Refused
}

// unspoken says what a connection that broke before it was of any use tells.
func unspoken(err error) Fate {
	if errors.Is(err, syscall.ECONNRESET) {
		return Refused
	}
	return NotSpoken
}

// plainly says an error of the network without the addresses that Go puts before
// it; who was asked stands in the finding's subject.
func plainly(err error) string {
	if timedOut(err) {
		return "no answer in time"
	}
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return "the server sends the TLS alert " + finding.Quote(strings.TrimPrefix(alert.Error(), "tls: "), 100)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return strings.TrimPrefix(op.Err.Error(), "connect: ")
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}
