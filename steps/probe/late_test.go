package probe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"belay/rollout/world"
)

// A policy host that keeps the connection and never comes to an end is left after a
// minute at the latest, by the fetch's own bound: what it serves was not learned.
func TestAFetchFromATarpitEndsByItself(t *testing.T) {
	b := newBox(t)
	good := &tls.Config{Certificates: []tls.Certificate{b.certificate(nil, "mta-sts.box.test")}, Time: b.Now}
	drips := func(before string) func(net.Conn) {
		return func(c net.Conn) {
			secured := tls.Server(c, good)
			_, err := secured.Read(make([]byte, 4096))
			var hearing sync.WaitGroup
			defer hearing.Wait()
			hearing.Go(func() { _, _ = io.Copy(io.Discard, secured) }) // no farewell waits to be heard
			for said := before; err == nil; said = "x" {
				_, err = io.WriteString(secured, said)
				time.Sleep(7 * time.Second)
			}
		}
	}
	for name, row := range map[string]struct {
		serve func(net.Conn)
		fate  FetchFate
		after time.Duration
	}{
		"takes the connection and says nothing": {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, FetchNoHandshake, stepPatience},
		"says nothing but TLS": {func(c net.Conn) {
			_, _ = io.Copy(io.Discard, tls.Server(c, good))
		}, FetchBroken, fetchPatience},
		"drips its header": {drips("HTTP/1.1 200 OK\r\nX: "), FetchBroken, fetchPatience},
		"drips its body":   {drips("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9999\r\n\r\n"), FetchBroken, fetchPatience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var serving sync.WaitGroup
				defer serving.Wait()
				w := world.World{Clock: b, Network: world.Network{Roots: b.roots, Dial: func(context.Context, string, netip.AddrPort) (net.Conn, error) {
					here, there := net.Pipe()
					serving.Go(func() {
						defer there.Close()
						row.serve(there)
					})
					return here, nil
				}}}
				v := Open(t.Context(), w, nil)
				defer v.Close()
				f := v.Fetch("box.test", netip.MustParseAddr("192.0.2.1"))
				if !f.Late || f.Fate != row.fate || v.Err() != nil {
					t.Errorf("late %v, %s, %v", f.Late, f.Err, v.Err())
				}
				if f.Took > row.after {
					t.Errorf("took %s, want %s at most", f.Took, row.after)
				}
			})
		})
	}
}
