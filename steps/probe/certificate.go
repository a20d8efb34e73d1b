package probe

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// Flaw is one thing wrong with a server's certificate chain.
type Flaw struct {
	Kind FlawKind
	// Text completes a sentence that begins with the host: "certificate expired
	// 3 days ago". It is clean.
	Text string
}

// FlawKind says what is wrong with a certificate chain.
type FlawKind string

// The kinds of flaw. EndsSoon and WeakKey do not keep a sender away today; the
// others do.
const (
	OutOfDate      FlawKind = "out of date"      // expired or not yet valid
	EndsSoon       FlawKind = "ends soon"        // within three weeks
	WrongName      FlawKind = "wrong name"       // not for the host
	CommonNameOnly FlawKind = "common name only" // the host stands where nobody looks
	Incomplete     FlawKind = "incomplete"       // an issuer is neither sent nor trusted
	Untrusted      FlawKind = "untrusted"        // self-signed, or of a private CA
	WeakKey        FlawKind = "weak key"         // RSA below 2048 bits, or SHA-1
)

// Bars reports whether a sender that verifies certificates refuses a host with
// this flaw.
func (k FlawKind) Bars() bool {
	switch k {
	case EndsSoon, WeakKey, CommonNameOnly:
		return false
	}
	return true
}

// soon is how long before a certificate's end belay warns: three weeks, or half
// its lifetime where that is shorter.
func soon(leaf *x509.Certificate) time.Duration {
	return min(21*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/2)
}

// judgeChain says what is wrong with chain, leaf first, for host at now. Each
// flaw is found apart from the others, so that an operator mends them at once.
func judgeChain(chain []*x509.Certificate, host string, now time.Time, roots *x509.CertPool) []Flaw {
	if len(chain) == 0 {
		return []Flaw{{Untrusted, "the server presents no certificate"}}
	}
	leaf := chain[0]
	var flaws []Flaw
	add := func(kind FlawKind, format string, args ...any) {
		flaws = append(flaws, Flaw{kind, finding.Clean(fmt.Sprintf(format, args...), 300)})
	}

	at := now // when the chain itself is judged: the leaf's dates are a flaw of their own
	switch left := leaf.NotAfter.Sub(now); {
	case now.Before(leaf.NotBefore):
		add(OutOfDate, "certificate is not valid before %s, in %s", day(leaf.NotBefore), span(leaf.NotBefore.Sub(now)))
		at = leaf.NotBefore
	case left < 0:
		add(OutOfDate, "certificate expired on %s, %s ago", day(leaf.NotAfter), span(-left))
		at = leaf.NotAfter
	case left <= soon(leaf):
		add(EndsSoon, "certificate ends on %s, in %s", day(leaf.NotAfter), span(left))
	}
	if err := leaf.VerifyHostname(host); err != nil {
		add(WrongName, "certificate is for %s", namesOf(leaf))
		if len(leaf.DNSNames) == 0 && strings.EqualFold(leaf.Subject.CommonName, host) {
			add(CommonNameOnly, "certificate names %s only as its common name, which senders ignore", host)
		}
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		add(WeakKey, "certificate has an RSA key of %d bits", key.N.BitLen())
	}
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); ok && key.Curve.Params().BitSize < 256 {
		add(WeakKey, "certificate has an ECDSA key of %d bits", key.Curve.Params().BitSize)
	}
	if kind, text := distrust(chain, at, now, roots); kind != "" {
		add(kind, "%s", text)
	}
	return flaws
}

// validAt reports whether c is neither expired nor not valid yet.
func validAt(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// distrust says why chain leads to no trusted root at a moment within its leaf's
// dates, empty where it does.
func distrust(chain []*x509.Certificate, at, now time.Time, roots *x509.CertPool) (FlawKind, string) {
	leaf := chain[0]
	sent := x509.NewCertPool()
	for _, c := range chain[1:] {
		sent.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Intermediates: sent, Roots: roots, CurrentTime: at})
	if err == nil {
		return "", ""
	}
	top := topOf(chain)
	var weak x509.InsecureAlgorithmError
	var expired x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &expired) && expired.Reason == x509.Expired && expired.Cert != leaf && validAt(expired.Cert, now):
		return "", "" // its issuer is younger than the leaf, which has expired: nothing is wrong with the issuer
	case errors.As(err, &weak):
		return WeakKey, "certificate chain is signed with an algorithm that is no longer accepted: " + err.Error()
	case errors.As(err, &expired) && expired.Reason == x509.Expired && expired.Cert != leaf:
		return OutOfDate, fmt.Sprintf("certificate of its issuer %s is valid from %s to %s only",
			commonName(expired.Cert.Subject.CommonName, expired.Cert.Subject.String()), day(expired.Cert.NotBefore), day(expired.Cert.NotAfter))
	case !errors.As(err, &unknown):
		return Untrusted, "certificate is not trusted: " + strings.TrimPrefix(err.Error(), "x509: ")
	case selfIssued(top) && top == leaf:
		return Untrusted, "certificate is self-signed"
	case selfIssued(top):
		return Untrusted, "certificate comes from " + commonName(top.Subject.CommonName, top.Subject.String()) + ", a CA that senders do not trust"
	}
	return Incomplete, "the chain ends at the issuer " + commonName(top.Issuer.CommonName, top.Issuer.String()) +
		", which is neither sent nor a trusted root"
}

// topOf follows the issuers among the certificates sent, from the leaf up, and
// returns the last.
func topOf(chain []*x509.Certificate) *x509.Certificate {
	top := chain[0]
	for range chain {
		next := top
		for _, c := range chain[1:] {
			if c != top && bytes.Equal(c.RawSubject, top.RawIssuer) {
				next = c
				break
			}
		}
		if next == top || selfIssued(top) {
			break
		}
		top = next
	}
	return top
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

func commonName(cn, whole string) string {
	if cn == "" {
		return finding.Quote(whole, 100)
	}
	return finding.Quote(cn, 100)
}

// namesOf lists who a certificate is for, as an operator would say it.
func namesOf(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names[:len(names):len(names)], ip.String())
	}
	const shown = 5
	switch {
	case len(names) == 0 && c.Subject.CommonName != "":
		return "no name at all but the common name " + finding.Quote(c.Subject.CommonName, 100)
	case len(names) == 0:
		return "no name at all"
	case len(names) > shown:
		return finding.Clean(strings.Join(names[:shown], ", "), 250) + fmt.Sprintf(" and %d more names", len(names)-shown)
	}
	return finding.Clean(strings.Join(names, ", "), 250) + " only"
}

// facts are what belay keeps of a chain, leaf first, cleaned and bounded.
func facts(chain []*x509.Certificate) []rollout.Certificate {
	const most = 8
	var out []rollout.Certificate
	for _, c := range chain[:min(len(chain), most)] {
		sum := sha256.Sum256(c.Raw)
		names := make([]string, 0, min(len(c.DNSNames), 100))
		for _, n := range c.DNSNames[:min(len(c.DNSNames), 100)] {
			names = append(names, finding.Clean(n, 253))
		}
		out = append(out, rollout.Certificate{
			Subject:     finding.Clean(c.Subject.String(), 200),
			Issuer:      finding.Clean(c.Issuer.String(), 200),
			Names:       names,
			NotBefore:   c.NotBefore.UTC(),
			NotAfter:    c.NotAfter.UTC(),
			Fingerprint: hex.EncodeToString(sum[:]),
		})
	}
	return out
}

// tlsConfig is how belay meets a server: it offers everything a sender might
// still speak and verifies nothing by itself, so that each flaw can be told from
// the others. Whoever uses it judges the chain afterwards.
func (v *View) tlsConfig(host string) *tls.Config {
	return &tls.Config{
		ServerName:         host,
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS10,
		Time:               v.world.Clock.Now,
	}
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// span says a duration in the largest unit that leaves a number worth reading.
func span(d time.Duration) string {
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	switch {
	case d >= 48*time.Hour:
		return count(int(d/(24*time.Hour)), "day")
	case d >= 2*time.Hour:
		return count(int(d/time.Hour), "hour")
	case d >= 2*time.Minute:
		return count(int(d/time.Minute), "minute")
	}
	return count(int(d/time.Second), "second")
}
