package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// script plays an SMTP server: each line of it is sent after one line was read,
// the first at once.
func script(replies ...string) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		for i, r := range replies {
			if i > 0 {
				if _, err := in.ReadString('\n'); err != nil {
					return
				}
			}
			io.WriteString(c, r)
		}
		io.Copy(io.Discard, in)
	}
}

// withTLS is a whole server: it greets, offers STARTTLS and speaks TLS.
func withTLS(config *tls.Config, behind func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		io.WriteString(c, "220 box ESMTP\r\n")
		in.ReadString('\n')
		io.WriteString(c, "250-box\r\n250-SIZE 1000\r\n250 starttls\r\n")
		in.ReadString('\n')
		io.WriteString(c, "220 go ahead\r\n")
		secured := tls.Server(c, config)
		if secured.Handshake() == nil {
			behind(secured)
		}
	}
}

func polite(c net.Conn) {
	in := bufio.NewReader(c)
	in.ReadString('\n')
	io.WriteString(c, "250 box\r\n")
	in.ReadString('\n')
}

const mxHost = "mx.box.test"

func TestSession(t *testing.T) {
	b := newBox(t)
	good := b.certificate(nil, mxHost)
	config := func(c tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{c}, Time: b.Now, MinVersion: tls.VersionTLS10}
	}
	old := config(good)
	old.MaxVersion = tls.VersionTLS11
	for name, row := range map[string]struct {
		serve func(net.Conn)
		fate  Fate
		says  string
		flaws []FlawKind
	}{
		"a server in order":                   {withTLS(config(good), polite), Fine, "", nil},
		"a greeting that defers":              {script("450 4.7.1 greylisted\r\n"), Deferred, "greylisted", nil},
		"a greeting that rejects":             {script("554 go away\r\n"), Rejected, "go away", nil},
		"no greeting":                         {func(c net.Conn) {}, NotSpoken, "no greeting", nil},
		"something else than SMTP":            {script("HTTP/1.1 400 Bad Request\r\n"), NotSpoken, "not SMTP", nil},
		"a line without end":                  {script("220 " + strings.Repeat("x", 5000)), NotSpoken, "longer than", nil},
		"lines without end":                   {script("220 box\r\n", strings.Repeat("250-x\r\n", 200)), NotSpoken, "more than 100 lines", nil},
		"a code that changes":                 {script("220-box\r\n250 box\r\n"), NotSpoken, "not SMTP", nil},
		"no STARTTLS":                         {script("220 box\r\n", "250-box\r\n250 SIZE\r\n"), NoSTARTTLS, "SIZE", nil},
		"STARTTLS only as the host's name":    {script("220 box\r\n", "250 STARTTLS\r\n"), NoSTARTTLS, "", nil},
		"STARTTLS offered and refused":        {script("220 box\r\n", "250-box\r\n250 STARTTLS\r\n", "454 not now\r\n"), NotStarted, "not now", nil},
		"clear text slipped in behind 220":    {script("220 box\r\n", "250-box\r\n250 STARTTLS\r\n", "220 go\r\n250 OK\r\n"), Injected, "8 octets", nil},
		"no TLS behind 220":                   {script("220 box\r\n", "250-box\r\n250 STARTTLS\r\n", "220 go\r\n", "503 what\r\n"), NoHandshake, "", nil},
		"TLS 1.1":                             {withTLS(old, polite), OldTLS, "TLS 1.1", nil},
		"no answer behind TLS":                {withTLS(config(good), func(net.Conn) {}), BrokenTLS, "", nil},
		"terminal sequences in the greeting":  {script("554 \x1b[31mred\x07\r\n"), Rejected, "554 red", nil},
		"a certificate that has expired":      {withTLS(config(b.certificate(func(c *x509.Certificate) { c.NotAfter = b.now.Add(-72 * time.Hour) }, mxHost)), polite), Fine, "", []FlawKind{OutOfDate}},
		"a certificate that is not valid yet": {withTLS(config(b.certificate(func(c *x509.Certificate) { c.NotBefore = b.now.Add(72 * time.Hour) }, mxHost)), polite), Fine, "", []FlawKind{OutOfDate}},
		"a certificate that ends soon":        {withTLS(config(b.certificate(func(c *x509.Certificate) { c.NotAfter = b.now.AddDate(0, 0, 10) }, mxHost)), polite), Fine, "", []FlawKind{EndsSoon}},
		"a certificate for another name":      {withTLS(config(b.certificate(nil, "www.box.test")), polite), Fine, "", []FlawKind{WrongName}},
		"expired and for another name":        {withTLS(config(b.certificate(func(c *x509.Certificate) { c.NotAfter = b.now.Add(-time.Hour) }, "www.box.test")), polite), Fine, "", []FlawKind{OutOfDate, WrongName}},
		"expired before its issuer was made": {withTLS(config(b.certificate(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = b.now.AddDate(-20, 0, 0), b.now.AddDate(-10, 0, 0)
		}, mxHost)), polite), Fine, "", []FlawKind{OutOfDate}},
		"the name as common name only":  {withTLS(config(b.certificate(func(c *x509.Certificate) { c.DNSNames = nil }, mxHost)), polite), Fine, "", []FlawKind{WrongName, CommonNameOnly}},
		"a certificate of a private CA": {withTLS(config(newBox(t).certificate(nil, mxHost)), polite), Fine, "", []FlawKind{Incomplete}},
	} {
		t.Run(name, func(t *testing.T) {
			b.listen("192.0.2.1:25", row.serve)
			s := b.open(t.Context()).Session(mxHost, netip.MustParseAddr("192.0.2.1"))
			if s.Fate != row.fate || !strings.Contains(s.Said, row.says) {
				t.Fatalf("fate %q, said %q; want %q, %q", s.Fate, s.Said, row.fate, row.says)
			}
			var kinds []FlawKind
			for _, f := range s.Flaws {
				kinds = append(kinds, f.Kind)
			}
			if row.fate == Fine && strings.Join(asStrings(kinds), ",") != strings.Join(asStrings(row.flaws), ",") {
				t.Errorf("flaws %v, want %v", s.Flaws, row.flaws)
			}
			if row.fate == Fine && len(s.Certificates) == 0 {
				t.Error("no certificate among the facts")
			}
		})
	}
}

func asStrings(kinds []FlawKind) []string {
	var out []string
	for _, k := range kinds {
		out = append(out, string(k))
	}
	return out
}

// A refused connection is heard; an address without a route is not.
func TestSessionWithoutConnection(t *testing.T) {
	b := newBox(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.route("tcp", "192.0.2.1:25", l.Addr().String())
	l.Close()
	v := b.open(t.Context())
	if s := v.Session(mxHost, netip.MustParseAddr("192.0.2.1")); s.Fate != Refused || s.Reachable {
		t.Errorf("closed port: %q, %q", s.Fate, s.Said)
	}
	if s := v.Session(mxHost, netip.MustParseAddr("2001:db8::1")); s.Fate != Unroutable || !s.NoRoute {
		t.Errorf("no route: %q, %q", s.Fate, s.Said)
	}
	if v.Reached(netip.MustParseAddr("2001:db8::2")) || !v.Reached(netip.MustParseAddr("192.0.2.9")) {
		t.Error("a refusal is an answer over IPv4, and nothing was heard over IPv6")
	}
}

// When the look ends, a session with a server that says nothing ends with it, and
// is no verdict on the server.
func TestSessionEndsWithTheLook(t *testing.T) {
	b := newBox(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.listen("192.0.2.1:25", func(c net.Conn) {
		cancel() // once connected
		io.Copy(io.Discard, c)
	})
	s := b.open(ctx).Session(mxHost, netip.MustParseAddr("192.0.2.1"))
	if s.Fate != CutOff || s.Took > 10*time.Second {
		t.Errorf("fate %q after %s", s.Fate, s.Took)
	}
}

func TestLongNamesInACertificateAreBounded(t *testing.T) {
	b := newBox(t)
	var names []string
	for i := range 300 {
		names = append(names, strings.Repeat("x", i%50+1)+".box.test")
	}
	leaf := b.certificate(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "evil\x1b[2Jname"} }, names...).Leaf
	kept := facts([]*x509.Certificate{leaf})[0]
	if len(kept.Names) > 100 || strings.ContainsRune(kept.Subject, 0x1b) {
		t.Errorf("kept %d names, subject %q", len(kept.Names), kept.Subject)
	}
	if text := namesOf(leaf); len(text) > 400 {
		t.Errorf("told in %d bytes: %s", len(text), text)
	}
}

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"220 ok\r\n", "250-a\r\n250 STARTTLS\r\n", "250", "999 x\n", "250-a\n251 b\n", "\x00\xff\n", "220 " + strings.Repeat("a", 3000) + "\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		reply, err := readReply(bufio.NewReaderSize(strings.NewReader(string(wire)), maxReplyLine))
		if len(reply.lines) > maxReplyLines {
			t.Errorf("%d lines", len(reply.lines))
		}
		for _, line := range reply.lines {
			if len(line) > maxReplyLine {
				t.Errorf("a line of %d octets", len(line))
			}
		}
		if err == nil && (reply.code < 200 || reply.code > 599 || len(reply.lines) == 0) {
			t.Errorf("taken for a reply: %+v", reply)
		}
		if err == nil && !strings.Contains(string(wire), "\n") {
			t.Error("a reply without an end of line")
		}
		if errors.Is(err, errNotSMTP) && len(wire) == 0 {
			t.Error("nothing is not a wrong reply")
		}
		reply.offers("STARTTLS")
	})
}
