package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/smtp"
	"time"

	"belay/rollout/tlsrpt"
	"belay/rollout/world"
)

// An envelope is one message on its way.
type envelope struct {
	from, to string
	text     []byte // with CRLF
}

// An encounter is what came of one session with an MX host.
type encounter struct {
	// spoke is true where the host spoke SMTP, so that there is something to
	// report.
	spoke bool
	// problem is what was wrong with the session's TLS; empty for nothing.
	problem tlsrpt.ResultType
	why     string
	ip      netip.Addr
	// err says why the message was not delivered; nil where it was.
	err error
}

func (e encounter) at(ip netip.Addr) encounter {
	e.ip = ip
	return e
}

// sessionFor bounds one SMTP session, in real time.
const sessionFor = 10 * time.Second

// session delivers one message to one address of an MX host. judge compares the
// host's certificate with its name; strict delivers only where that is good. Else
// TLS is taken where it is offered, whatever the certificate.
func (s *sender) session(ctx context.Context, mx string, ip netip.Addr, m envelope, judge, strict bool) (met encounter) {
	ctx, cancel := context.WithTimeout(ctx, sessionFor)
	defer cancel()
	conn, err := s.lab.dialDirect(ctx, "tcp", netip.AddrPortFrom(ip, 25))
	if err != nil {
		return encounter{err: err}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(world.Deadline(sessionFor)); err != nil {
		return encounter{err: err}
	}
	client, err := smtp.NewClient(conn, mx)
	if err != nil {
		return encounter{err: err}
	}
	defer client.Close()
	if err := client.Hello("out." + s.domain); err != nil {
		return encounter{err: err}
	}
	met.spoke = true
	var goesOn bool
	met.problem, met.why, goesOn = s.secure(client, mx, judge)
	if met.problem != "" && (strict || !goesOn) {
		met.err = fmt.Errorf("%s: %s", met.problem, met.why)
		return met
	}
	met.err = submit(client, m)
	return met
}

// secure turns the session to TLS and says what is wrong with that. goesOn is false
// where the handshake broke off, so that no mail can follow.
func (s *sender) secure(client *smtp.Client, mx string, judge bool) (problem tlsrpt.ResultType, why string, goesOn bool) {
	if ok, _ := client.Extension("STARTTLS"); !ok {
		return tlsrpt.StartTLSNotSupported, "STARTTLS is not offered", true
	}
	// The certificate is judged below: mail that no policy protects, or one in
	// testing only, goes out whatever it is.
	if err := client.StartTLS(&tls.Config{ServerName: mx, InsecureSkipVerify: true}); err != nil {
		return tlsrpt.ValidationFailure, err.Error(), false
	}
	if !judge {
		return "", "", true
	}
	state, _ := client.TLSConnectionState()
	problem, why = judgeChain(state.PeerCertificates, mx, s.lab.ca.pool(), s.lab.clock.Now())
	return problem, why, true
}

// judgeChain says what is wrong with a server's certificates, in the words of RFC
// 8460 section 4.3; the empty type for nothing.
func judgeChain(chain []*x509.Certificate, host string, roots *x509.CertPool, now time.Time) (tlsrpt.ResultType, string) {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: intermediates, CurrentTime: now})
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return tlsrpt.CertificateExpired, err.Error()
	case errors.As(err, new(x509.HostnameError)):
		return tlsrpt.CertificateHostMismatch, err.Error()
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return tlsrpt.CertificateNotTrusted, err.Error()
	}
	return tlsrpt.ValidationFailure, err.Error()
}

func submit(client *smtp.Client, m envelope) error {
	if err := client.Mail(m.from); err != nil {
		return err
	}
	if err := client.Rcpt(m.to); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	// The message is delivered, however the session ends.
	_ = client.Quit()
	return nil
}
