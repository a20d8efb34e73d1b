package lab

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Edge puts somebody else's HTTPS server at two addresses of the lab, 192.0.2.N and
// 2001:db8::N. It has a certificate of the lab's for every name that knows is true
// for, from then on, and breaks the handshake off for others, as the servers of a
// hosting company do. end stops it and waits; it must be called before the lab is
// closed.
func (l *Lab) Edge(n uint8, handler http.Handler, knows func(host string) bool) (at []netip.Addr, end func(), err error) {
	here := host{fmt.Sprintf("edge%d", n), n}
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", l.clock.Now().UTC().Format(http.TimeFormat))
			r.Host = hostOf(r)
			handler.ServeHTTP(w, r)
		}),
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, Time: l.clock.Now, SessionTicketsDisabled: true,
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				if !knows(hello.ServerName) {
					return nil, fmt.Errorf("no certificate for %q here", hello.ServerName)
				}
				if cert, err := l.certificates.shown(hello.ServerName, here.key); err == nil {
					return cert, nil
				}
				if err := l.certificates.start(hello.ServerName); err != nil {
					return nil, err
				}
				return l.certificates.shown(hello.ServerName, here.key)
			},
		},
	}
	var serving sync.WaitGroup
	end = func() {
		server.Close()
		serving.Wait()
	}
	for _, ip := range here.addresses() {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			end()
			return nil, nil, fmt.Errorf("listen for an edge server on loopback: %w", err)
		}
		serving.Go(func() { _ = server.ServeTLS(ln, "", "") })
		l.routes.add("tcp", ip, 443, here.key, ln.Addr().String())
	}
	return here.addresses(), end, nil
}
