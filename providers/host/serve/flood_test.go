package serve

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// keeps opens a connection that is left open until the test ends.
func (r *running) keeps(address string, first string) net.Conn {
	r.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, first); err != nil {
		r.Fatal(err)
	}
	return conn
}

// Whoever holds connections without end loses the oldest of them; whoever comes next
// and behaves is answered, though he comes from the same address.
func TestFloodsDoNotKeepTheWellBehavedOut(t *testing.T) {
	helloHalf := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" // the beginning of a ClientHello
	for _, row := range []struct {
		name   string
		limits Limits
		flood  func(r *running)
	}{
		{"one client connects and says nothing", Limits{PerClient: 8}, func(r *running) {
			for range 200 {
				r.keeps(r.https, "")
			}
		}},
		{"half a handshake each", Limits{PerClient: 8}, func(r *running) {
			for range 200 {
				r.keeps(r.https, helloHalf)
			}
		}},
		{"more clients than there is room for", Limits{PerClient: 1000, Connections: 16}, func(r *running) {
			for range 200 {
				r.keeps(r.https, "")
			}
		}},
		{"the plain port as well", Limits{PerClient: 8}, func(r *running) {
			for range 200 {
				r.keeps(r.http, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
			}
		}},
		{"handshakes, and then half a request each", Limits{PerClient: 8}, func(r *running) {
			for range 50 {
				conn, err := r.dial(policyHost, nil)
				if err != nil {
					r.Fatal(err)
				}
				r.Cleanup(func() { conn.Close() })
				io.WriteString(conn, "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost:")
			}
		}},
		{"names that are not ours", Limits{PerClient: 8}, func(r *running) {
			for range 200 {
				if _, err := r.dial("www.corp.test", nil); err == nil {
					r.Fatal("a handshake for another name")
				}
			}
		}},
		{"rubbish in place of TLS", Limits{PerClient: 8}, func(r *running) {
			for range 200 {
				r.keeps(r.https, "\x80\x2e\x01\x03\x01\x00\x15")
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := start(t, newShelf(published("corp.test", testingBody)), row.limits)
			row.flood(r)
			for range 5 {
				r.serves(policyHost, testingBody)
			}
			most := row.limits.PerClient
			if row.limits.Connections > 0 {
				most = row.limits.Connections
			}
			for i, g := range r.guards { // at the door and inside
				if got, most := g.open(), most*(doorIsWider+1); got > most {
					t.Errorf("%d connections are open at guard %d, at most %d may be", got, i, most)
				}
			}
		})
	}
}

// A client that never ends its handshake or its request is cut off in time.
func TestTheSlowAreCutOff(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{Header: 300 * time.Millisecond, Request: 600 * time.Millisecond, Idle: 300 * time.Millisecond})
	handshake := func() net.Conn {
		conn, err := r.dial(policyHost, nil)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	for _, row := range []struct {
		name string
		conn func() net.Conn
		says string
	}{
		{"silent before the handshake", func() net.Conn { return r.keeps(r.https, "") }, ""},
		{"half a handshake", func() net.Conn { return r.keeps(r.https, "\x16\x03\x01\x02\x00\x01") }, ""},
		{"silent after the handshake", handshake, ""},
		{"half a head", handshake, "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.corp"},
		{"a body that never comes", handshake, "POST / HTTP/1.1\r\nHost: mta-sts.corp.test\r\nContent-Length: 100\r\n\r\n"},
		{"idle after an answer", handshake, "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.corp.test\r\n\r\n"},
		{"half a head in the clear", func() net.Conn { return r.keeps(r.http, "GET / HT") }, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn := row.conn()
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			io.WriteString(conn, row.says)
			begun := time.Now()
			io.Copy(io.Discard, conn)
			if took := time.Since(begun); took > patience/2 {
				t.Errorf("it was cut off after %s", took)
			}
		})
	}
	r.serves(policyHost, testingBody)
}

func TestOversizedRequestsAreRefused(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{})
	for _, row := range []struct {
		name, says string
		status     int
	}{
		{"a head of a megabyte", "GET / HTTP/1.1\r\nHost: mta-sts.corp.test\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 431},
		{"a path of a megabyte", "GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: mta-sts.corp.test\r\n\r\n", 431},
		{"two hosts", "GET / HTTP/1.1\r\nHost: mta-sts.corp.test\r\nHost: x\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two lengths", "POST / HTTP/1.1\r\nHost: mta-sts.corp.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		{"an old client without Host", "GET /.well-known/mta-sts.txt HTTP/1.0\r\n\r\n", 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn, err := r.dial(policyHost, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go io.WriteString(conn, row.says)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != row.status {
				t.Errorf("%+v, %v; want %d", resp, err, row.status)
			}
		})
	}
	r.serves(policyHost, testingBody)
}

func TestClientsAreAddressesOrNetworks(t *testing.T) {
	of := func(text string) string {
		addr, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		return clientOf(addr).String()
	}
	if a, b := of("[2001:db8:1:2::1]:5"), of("[2001:db8:1:2:ffff::9]:6"); a != b {
		t.Errorf("one network is two clients: %s, %s", a, b)
	}
	if a, b := of("[2001:db8:1:2::1]:5"), of("[2001:db8:1:3::1]:5"); a == b {
		t.Error("two networks are one client")
	}
	if a, b := of("192.0.2.1:1"), of("192.0.2.2:1"); a == b || of("[::ffff:192.0.2.1]:1") != a {
		t.Error("IPv4 addresses are not told apart")
	}
}

// A flood that goes on, from the very address that the sender has, does not keep the
// sender from the policy.
func TestTheWellBehavedAreAnsweredDuringAFlood(t *testing.T) {
	r := start(t, newShelf(published("corp.test", testingBody)), Limits{})
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	defer flood.Wait()
	defer stop()
	for _, first := range []string{"", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"} {
		flood.Go(func() {
			var held []net.Conn
			defer func() {
				for _, conn := range held {
					conn.Close()
				}
			}()
			for ctx.Err() == nil {
				conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", r.https)
				if err != nil {
					continue
				}
				_, _ = io.WriteString(conn, first)
				if held = append(held, conn); len(held) == 500 {
					held[0].Close()
					held = held[1:]
				}
			}
		})
	}
	for r.count.evicted.Load() == 0 { // now it is a flood
		r.serves(policyHost, testingBody)
	}
	for range 10 {
		r.serves(policyHost, testingBody)
	}
	t.Logf("10 were answered while %d connections were displaced", r.count.evicted.Load())
}
