package imap

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"belay/rollout/finding"
)

// How long a server may take, in real time.
const (
	dialTime   = 20 * time.Second // for one address, to the end of the handshake
	answerTime = 60 * time.Second // for the next bytes of an answer
	loginTime  = 2 * time.Minute  // from the greeting to the open folder
	batchTime  = 15 * time.Minute // for the mails of one batch
	partTime   = 2 * time.Second  // for saying goodbye
)

// A refusal is an answer that asking again does not change: a login or a certificate
// that is wrong, a folder that is not there.
type refusal struct {
	error
	// passing is true for what another may mend meanwhile, as by making a folder or
	// renewing a certificate.
	passing bool
}

func (r refusal) Unwrap() error { return r.error }

// Hopeless reports whether err is of a kind that following a folder cannot outlast: a
// password that is wrong, lest the login be locked, or that nobody gives.
func Hopeless(err error) bool {
	var r refusal
	return errors.As(err, &r) && !r.passing
}

// Refused reports whether err is one that another attempt will not mend.
func Refused(err error) bool {
	var r refusal
	return errors.As(err, &r)
}

// dial returns a connection over verified TLS, before anything was said on it but,
// with STARTTLS, what leads there.
func (b *Mailbox) dial(ctx context.Context) (*meter, error) {
	a := b.account
	addrs, err := b.addresses(ctx)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(a.Port, 10, 16)
	if err != nil {
		return nil, refusal{error: fmt.Errorf("read mail from %s: %s is no port", a.Host, finding.Quote(a.Port, 20))}
	}
	var failed error
	for _, addr := range addrs {
		conn, err := b.dialAt(ctx, netip.AddrPortFrom(addr, uint16(port)))
		if err == nil {
			return &meter{Conn: conn}, nil
		}
		var cert *tls.CertificateVerificationError
		if errors.As(err, &cert) {
			return nil, refusal{passing: true, error: fmt.Errorf("read mail from %s: its certificate cannot be trusted: %w; --ca names roots of your own", a.Host, cert.Err)}
		}
		failed = fmt.Errorf("read mail from %s [%s]: %w", a.Host, addr, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// addresses are those of the account's host.
func (b *Mailbox) addresses(ctx context.Context) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(b.account.Host); err == nil {
		return []netip.Addr{addr}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	addrs, err := b.options.Resolve(ctx, b.account.Host)
	if err != nil {
		return nil, fmt.Errorf("read mail from %s: find its addresses: %w", b.account.Host, err)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("read mail from %s: it has no address in DNS", b.account.Host)
	}
	return addrs, nil
}

func (b *Mailbox) dialAt(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := b.options.Network.Dial(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	greeting := ""
	if b.account.StartTLS {
		if greeting, err = startTLS(conn); err != nil {
			return nil, errors.Join(err, ctx.Err(), ignoreClosed(conn.Close()))
		}
	}
	secure := tls.Client(conn, &tls.Config{
		ServerName: b.account.Host, RootCAs: b.options.Network.Roots, MinVersion: tls.VersionTLS12, Time: b.options.Clock.Now,
	})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("begin TLS: %w", err), ignoreClosed(conn.Close()))
	}
	return greeted{secure, strings.NewReader(greeting)}, nil
}

// startTLS asks the server to begin TLS, in clear. What it says before TLS counts for
// nothing (RFC 3501 section 6.2.1), so a greeting in its place is returned; and
// whoever stands between must not be able to put words in front of what comes after.
func startTLS(conn net.Conn) (greeting string, err error) {
	r := bufio.NewReader(io.LimitReader(conn, longestLine))
	line, err := r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("await its greeting: %w", err)
	}
	if !strings.HasPrefix(strings.ToUpper(line), "* OK") {
		return "", fmt.Errorf("it greets with %s", finding.Quote(line, 120))
	}
	if _, err := io.WriteString(conn, "a STARTTLS\r\n"); err != nil {
		return "", fmt.Errorf("ask for TLS: %w", err)
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("ask for TLS: %w", err)
		}
		switch said := strings.ToUpper(line); {
		case strings.HasPrefix(said, "* "):
		case !strings.HasPrefix(said, "A OK"):
			return "", refusal{passing: true, error: fmt.Errorf("it refuses to begin TLS: %s", finding.Quote(line, 120))}
		case r.Buffered() > 0:
			return "", errors.New("it goes on in clear after it agreed to begin TLS")
		default:
			return "* OK ready\r\n", nil
		}
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// greeted is a connection on which first is read first.
type greeted struct {
	net.Conn
	first *strings.Reader
}

func (g greeted) Read(p []byte) (int, error) {
	if g.first.Len() > 0 {
		return g.first.Read(p)
	}
	return g.Conn.Read(p)
}
