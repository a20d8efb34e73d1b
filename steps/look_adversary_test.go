package steps_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/finding"
)

// adversaryLimit is what a look at a domain with a hostile server is given at least,
// lookLimit what a busy machine may make of it, and windingUp how much later it may
// end: goroutines have to.
const (
	adversaryLimit = 6 * time.Second
	lookLimit      = 60 * time.Second
	windingUp      = 8 * time.Second
)

// lay puts a hostile TCP server at both addresses of a machine of the lab.
func lay(t testing.TB, l *lab.Lab, number string, port uint16, serve func(net.Conn)) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(lookLimit + 2*windingUp))
				serve(c)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); serving.Wait() })
	for _, ip := range []string{"192.0.2." + number, "2001:db8::" + number} {
		l.Lay("tcp", netip.AddrPortFrom(netip.MustParseAddr(ip), port), ln.Addr().String())
	}
}

// layDNS makes both name servers answer what reply makes of a question's bytes;
// none is no answer.
func layDNS(t testing.TB, l *lab.Lab, reply func(query []byte) []byte) {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFrom(buffer)
			if err != nil {
				return
			}
			if out := reply(bytes.Clone(buffer[:n])); out != nil {
				pc.WriteTo(out, from)
			}
		}
	})
	t.Cleanup(func() { pc.Close(); serving.Wait() })
	for _, number := range []string{"2", "3"} {
		for _, ip := range []string{"192.0.2." + number, "2001:db8::" + number} {
			l.Lay("udp", netip.AddrPortFrom(netip.MustParseAddr(ip), 53), pc.LocalAddr().String())
		}
		lay(t, l, number, 53, func(c net.Conn) {
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			io.ReadFull(c, query)
			out := reply(query)
			c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
		})
	}
}

// flood writes the same for as long as somebody reads.
func flood(text string) func(net.Conn) {
	return func(c net.Conn) {
		block := []byte(strings.Repeat(text, 1+4096/len(text)))
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}
}

// drip writes text a byte a second, over and over.
func drip(text string) func(net.Conn) {
	return func(c net.Conn) {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for i := 0; ; i++ {
			if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
				return
			}
			<-tick.C
		}
	}
}

// mute reads and never says anything.
func mute(c net.Conn) { io.Copy(io.Discard, c) }

// says answers each thing heard with the next text.
func says(texts ...string) func(net.Conn) {
	return func(c net.Conn) {
		heard := make([]byte, 4096)
		for i, text := range texts {
			if i > 0 {
				if _, err := c.Read(heard); err != nil {
					return
				}
			}
			io.WriteString(c, text)
		}
		mute(c)
	}
}

// evil is what hides, moves and colours in a terminal.
const evil = "\x1b[2J\x1b]0;owned\x07\u009b31m\x7f\u202e"

// overTLS serves behind a handshake with config, of which SMTP has its greeting
// before.
func overTLS(config *tls.Config, smtp bool, serve func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		if smtp {
			heard := make([]byte, 4096)
			for _, text := range []string{"220 evil\r\n", "250-evil\r\n250 STARTTLS\r\n", "220 go\r\n"} {
				io.WriteString(c, text)
				if text == "220 go\r\n" {
					break
				}
				if _, err := c.Read(heard); err != nil {
					return
				}
			}
		}
		secured := tls.Server(c, config)
		if secured.Handshake() == nil {
			serve(secured)
		}
	}
}

// absurd is a certificate with names that nobody should print.
func absurd(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"\x1b[2Jmx2.corp.test", strings.Repeat("a.", 5000) + "test"}
	for i := range 2000 {
		names = append(names, fmt.Sprintf("host%d.test", i))
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: evil + strings.Repeat("long", 2000), Organization: []string{evil}},
		DNSNames: names, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<37, 0),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
}

// response gives one HTTP response and whatever follows it.
func response(head string, then func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		heard := make([]byte, 8192)
		if _, err := c.Read(heard); err != nil {
			return
		}
		io.WriteString(c, head)
		then(c)
	}
}

// bomb is a gzip stream that grows by a factor of a thousand.
func bomb() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 1024 {
		z.Write(make([]byte, 64<<10))
	}
	z.Close()
	return b.String()
}

// header turns a query into the head of an answer with so many records; bits are
// its second 16.
func header(query []byte, bits, answers uint16) []byte {
	if len(query) < 12 {
		return nil
	}
	out := bytes.Clone(query)
	binary.BigEndian.PutUint16(out[2:], bits)
	binary.BigEndian.PutUint16(out[6:], answers)
	binary.BigEndian.PutUint16(out[10:], 0) // no OPT record
	end := 12
	for end < len(out) && out[end] != 0 {
		end += 1 + int(out[end])
	}
	return out[:min(end+5, len(out))]
}

// Whatever servers do, a look ends inside its deadline with what it learned, and
// nothing that a terminal would obey comes out of it.
func TestLookAtAdversaries(t *testing.T) {
	const answer = 0x8400 // a response, with authority
	rows := map[string]func(testing.TB, *lab.Lab, *tls.Config){
		"SMTP: mute":             func(t testing.TB, l *lab.Lab, _ *tls.Config) { lay(t, l, "12", 25, mute) },
		"SMTP: a byte a second":  func(t testing.TB, l *lab.Lab, _ *tls.Config) { lay(t, l, "12", 25, drip("220 mx2\r\n")) },
		"SMTP: an endless line":  func(t testing.TB, l *lab.Lab, _ *tls.Config) { lay(t, l, "12", 25, flood("220 x")) },
		"SMTP: endless lines":    func(t testing.TB, l *lab.Lab, _ *tls.Config) { lay(t, l, "12", 25, flood("220-x\r\n")) },
		"SMTP: nonsense":         func(t testing.TB, l *lab.Lab, _ *tls.Config) { lay(t, l, "12", 25, flood("\x00\xff\x1b\n")) },
		"SMTP: an evil greeting": func(t testing.TB, l *lab.Lab, _ *tls.Config) { lay(t, l, "12", 25, says("554 "+evil+"\r\n")) },
		"SMTP: evil extensions": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			lay(t, l, "12", 25, says("220 x\r\n", "250-"+evil+"\r\n250 "+evil+"\r\n"))
		},
		"SMTP: a half handshake": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			lay(t, l, "12", 25, says("220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n", "\x16\x03\x03\xff\xff"))
		},
		"SMTP: no TLS behind 220": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			lay(t, l, "12", 25, says("220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n", evil+"\r\n"))
		},
		"SMTP: absurd names": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			lay(t, l, "12", 25, overTLS(absurd(t), true, says("", "250 "+evil+"\r\n")))
		},
		"SMTP: a flood behind TLS": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			lay(t, l, "12", 25, overTLS(absurd(t), true, flood("250-x\r\n")))
		},
		"HTTPS: mute":            func(t testing.TB, l *lab.Lab, _ *tls.Config) { lay(t, l, "20", 443, mute) },
		"HTTPS: mute behind TLS": func(t testing.TB, l *lab.Lab, good *tls.Config) { lay(t, l, "20", 443, overTLS(good, false, mute)) },
		"HTTPS: absurd names":    func(t testing.TB, l *lab.Lab, _ *tls.Config) { lay(t, l, "20", 443, overTLS(absurd(t), false, mute)) },
		"HTTPS: endless header": func(t testing.TB, l *lab.Lab, good *tls.Config) {
			lay(t, l, "20", 443, overTLS(good, false, response("HTTP/1.1 200 OK\r\n", flood("X-Y: z\r\n"))))
		},
		"HTTPS: endless 100s": func(t testing.TB, l *lab.Lab, good *tls.Config) {
			lay(t, l, "20", 443, overTLS(good, false, response("", flood("HTTP/1.1 100 Continue\r\n\r\n"))))
		},
		"HTTPS: endless policy": func(t testing.TB, l *lab.Lab, good *tls.Config) {
			lay(t, l, "20", 443, overTLS(good, false, response("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", flood("mx: x.test\r\n"))))
		},
		"HTTPS: a byte a second": func(t testing.TB, l *lab.Lab, good *tls.Config) {
			lay(t, l, "20", 443, overTLS(good, false, response("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", drip("version: STSv1\r\n"))))
		},
		"HTTPS: endless chunks": func(t testing.TB, l *lab.Lab, good *tls.Config) {
			lay(t, l, "20", 443, overTLS(good, false, response("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n", flood("1\r\nx\r\n"))))
		},
		"HTTPS: evil header": func(t testing.TB, l *lab.Lab, good *tls.Config) {
			lay(t, l, "20", 443, overTLS(good, false, response("HTTP/1.1 302 \x1b[2J\r\nLocation: https://x.test/"+"\u009b31m\u202e"+"\r\nContent-Length: 0\r\n\r\n", mute)))
		},
		"HTTPS: evil policy": func(t testing.TB, l *lab.Lab, good *tls.Config) {
			lay(t, l, "20", 443, overTLS(good, false, response("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nversion: STSv1\r\nmode: "+evil+"\r\nmx: "+evil+"\r\n"+evil+": x\r\n", func(net.Conn) {})))
		},
		"HTTPS: a bomb": func(t testing.TB, l *lab.Lab, good *tls.Config) {
			lay(t, l, "20", 443, overTLS(good, false, response("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"+bomb(), func(net.Conn) {})))
		},
		"DNS: mute": func(t testing.TB, l *lab.Lab, _ *tls.Config) { layDNS(t, l, func([]byte) []byte { return nil }) },
		"DNS: nonsense": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			layDNS(t, l, func([]byte) []byte { return []byte(evil) })
		},
		"DNS: wrong ids": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			layDNS(t, l, func(q []byte) []byte { q[0]++; return header(q, answer, 0) })
		},
		"DNS: its own question": func(t testing.TB, l *lab.Lab, _ *tls.Config) { layDNS(t, l, func(q []byte) []byte { return q }) },
		"DNS: cut over TCP too": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			layDNS(t, l, func(q []byte) []byte { return header(q, answer|0x0200, 0) })
		},
		"DNS: records that lack": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			layDNS(t, l, func(q []byte) []byte { return header(q, answer, 60000) })
		},
		"DNS: a name in a loop": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			layDNS(t, l, func(q []byte) []byte { h := header(q, answer, 1); return append(h, 0xc0, byte(len(h))) })
		},
		"DNS: an alias of itself": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			layDNS(t, l, func(q []byte) []byte {
				return append(header(q, answer, 1), 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12)
			})
		},
		"DNS: evil texts": func(t testing.TB, l *lab.Lab, _ *tls.Config) {
			layDNS(t, l, func(q []byte) []byte {
				text := "v=STSv1; id=" + evil
				rr := append(header(q, answer, 1), 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, byte(len(text)+1), byte(len(text)))
				return append(rr, text...)
			})
		},
	}
	type outcome struct {
		e    rollout.Evidence
		err  error
		late time.Duration // after it was ended
		said []string
	}
	outcomes := map[string]*outcome{}
	var looking sync.WaitGroup
	atOnce := make(chan struct{}, 8)
	for name, hostile := range rows {
		l, looker := openLab(t, lab.Options{})
		publish(t, l, testingBody, "1")
		good, err := l.Issue("mta-sts.corp.test")
		if err != nil {
			t.Fatal(err)
		}
		hostile(t, l, &tls.Config{Certificates: []tls.Certificate{good}, Time: l.Now})
		o := new(outcome)
		outcomes[name] = o
		looking.Go(func() {
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			limit := lookLimit
			if strings.HasPrefix(name, "DNS") {
				limit = adversaryLimit // nothing will be known of any host
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			known := make(chan struct{})
			well := newWellMet(func() { close(known) })
			var ended time.Time
			var ending sync.WaitGroup
			ending.Go(func() {
				select {
				case <-time.After(adversaryLimit):
				case <-ctx.Done():
				}
				select {
				case <-known:
				case <-ctx.Done():
				}
				ended = time.Now()
				cancel()
			})
			o.e, o.err = looker.Look(deadlined{ctx}, l.Domain(), nil, func(ev rollout.Event) {
				o.said = append(o.said, ev.Subject, ev.Text)
				well.hear(ev)
			})
			over := time.Now()
			cancel()
			ending.Wait()
			o.late = over.Sub(ended)
		})
	}
	looking.Wait()
	for name, o := range outcomes {
		t.Run(name, func(t *testing.T) {
			if o.late > windingUp {
				t.Errorf("the look ended %s after its deadline", o.late)
			}
			if (o.err == nil) != (o.e.Cut == "") {
				t.Errorf("error %v, cut %q", o.err, o.e.Cut)
			}
			harmless(t, append(o.said, o.e.Cut)...)
			for _, f := range o.e.Findings {
				harmless(t, f.Subject, f.Title, f.Detail, f.Fix)
			}
			for _, m := range o.e.MX {
				for _, a := range m.Addresses {
					harmless(t, a.Err)
					for _, c := range a.Certificates {
						harmless(t, append(c.Names, c.Subject, c.Issuer)...)
					}
				}
			}
			if strings.HasPrefix(name, "DNS") {
				return // the zone itself cannot be relied on
			}
			if len(o.e.MX) != 2 || len(o.e.MX[0].Addresses) != 2 || o.e.MX[0].Addresses[0].TLSVersion == "" {
				t.Errorf("what was learned of the host that is well is lost: %+v", o.e.MX)
			}
			if o.e.Verdict() == finding.Pass || o.e.Verdict() == finding.Info {
				t.Errorf("verdict %s", o.e.Verdict())
			}
		})
	}
}

// harmless fails where a text holds what a terminal obeys, or goes on for ever.
func harmless(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if finding.Clean(text, 0) != text || len(text) > 5000 {
			t.Errorf("not fit to print: %.300q", text)
		}
	}
}
