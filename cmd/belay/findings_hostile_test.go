package main

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
)

// hostile is what clears, moves, renames and colours in a terminal, as bytes of C0
// and C1 both.
const hostile = "\x1b[2J\x1b]0;owned\x07\u009b31m\x7f\u202e"

// Servers, records and policies that speak to the terminal are not heard by it,
// neither in check's words nor in its JSON.
func TestHostileWorldsDoNotReachTheTerminal(t *testing.T) {
	for _, flags := range [][]string{{"check", "corp.test"}, {"check", "--json", "corp.test"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			b := newBox(t, lab.Options{})
			published(b)
			record("_mta-sts.corp.test", "TXT", "v=STSv1; id="+hostile+";")(b)
			record("_smtp._tls.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:"+hostile+"@corp.test", "v=spf1 "+hostile)(b)
			serves(strings.Replace(policyBody("testing", 86400), "mx1", hostile, 1) + hostile + ": " + hostile + "\r\n")(b)
			b.greets("12", "554 5.7.1 "+hostile+"\r\n")
			g := b.guest(flags...)
			if r := g.run(); r.status != exitFails {
				t.Fatalf("exit %d\n%q\n%q", r.status, r.out, r.err)
			} else if at := strings.IndexFunc(r.out+r.err, obeyed); at >= 0 {
				t.Errorf("a terminal would obey %q", (r.out + r.err)[max(0, at-60):at+1])
			} else if !strings.Contains(r.out, "554") {
				t.Errorf("what the host said is lost: %s", r.out)
			}
		})
	}
}

// obeyed reports whether a terminal does something else with r than show it.
func obeyed(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || 0x7f <= r && r <= 0x9f
}

// greets puts a server to an MX host's addresses that says one thing and waits.
func (b *box) greets(number, text string) {
	b.t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
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
				c.SetDeadline(time.Now().Add(10 * time.Second))
				io.WriteString(c, text)
				io.Copy(io.Discard, c)
			})
		}
	})
	b.t.Cleanup(func() { ln.Close(); serving.Wait() })
	for _, ip := range []string{"192.0.2." + number, "2001:db8::" + number} {
		b.Lay("tcp", netip.AddrPortFrom(netip.MustParseAddr(ip), 25), ln.Addr().String())
	}
}
