package lab

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// front answers plain HTTP on port 80, where a fault puts it: for the policy host
// the policy, for an MX host what a content proxy says of a name that it knows and
// cannot serve.
type front struct {
	server *http.Server
	ended  sync.WaitGroup
}

// startFront listens, and leads port 80 of the policy host and of every MX host
// there; routeDirect lets nobody through whose fault is off.
func (l *Lab) startFront() error {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for plain HTTP on loopback: %w", err)
	}
	f := &front{server: &http.Server{
		Handler: http.HandlerFunc(l.servePlain), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
	}}
	f.ended.Go(func() { _ = f.server.Serve(ln) })
	l.front = f
	hosts := []host{policyHostAt}
	for i := range l.mx {
		hosts = append(hosts, mxHost(i))
	}
	for _, h := range hosts {
		for _, ip := range h.addresses() {
			l.routes.add("tcp", ip, 80, h.key, ln.Addr().String())
		}
	}
	return nil
}

func (l *Lab) servePlain(w http.ResponseWriter, r *http.Request) {
	host := hostOf(r)
	if !strings.HasPrefix(host, "mta-sts.") {
		w.Header().Set("Server", "cloudflare")
		w.Header().Set("CF-RAY", "0000000000000000-LAB")
		http.Error(w, "error code: 1003", http.StatusConflict)
		return
	}
	body, err := l.policy.bodies.fresh(place{host, strings.TrimPrefix(r.URL.Path, "/")})
	answer(w, body, err, "text/plain")
}

func (f *front) close() error {
	err := f.server.Close()
	f.ended.Wait()
	return err
}
