package lab

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A policyHost serves a folder for each policy domain over HTTPS, on a listener
// for each of its addresses.
type policyHost struct {
	lab    *Lab
	key    string // of its faults
	bodies *bodies

	server *http.Server
	ipv6   string // loopback port of the IPv6 address
	ended  sync.WaitGroup
}

func newPolicyHost(l *Lab, key string, roots map[string]string, config *tls.Config) *policyHost {
	p := &policyHost{lab: l, key: key, bodies: newBodies(roots)}
	p.server = &http.Server{
		Handler:           p,
		TLSConfig:         config,
		ReadHeaderTimeout: time.Minute,
		WriteTimeout:      5 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState:         p.follow,
	}
	return p
}

// follow counts connections, so that close can wait for the last.
func (p *policyHost) follow(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		p.ended.Add(1)
	case http.StateClosed, http.StateHijacked:
		p.ended.Done()
	}
}

// listen opens one more address of the host and returns its loopback port.
func (p *policyHost) listen(ip netip.Addr) (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for policy fetches on loopback: %w", err)
	}
	if ip.Is6() {
		p.ipv6 = ln.Addr().String()
	}
	p.ended.Go(func() { _ = p.server.ServeTLS(ln, "", "") })
	return ln.Addr().String(), nil
}

func (p *policyHost) close() error {
	err := p.server.Close()
	p.ended.Wait()
	return err
}

func (p *policyHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := p.lab.clock.Now()
	on := func(fault string) bool { return p.lab.faults.on(p.key + "." + fault) }
	date := now
	if on("wrong-date") {
		date = date.Add(-10 * time.Minute)
	}
	w.Header().Set("Date", date.Format(http.TimeFormat))
	if on("slow") {
		pause(r.Context(), time.Duration(p.lab.slowness.Load()))
	}
	host := hostOf(r)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "only GET is answered here", http.StatusMethodNotAllowed)
		return
	case on("404"):
		http.Error(w, "not found", http.StatusNotFound)
		return
	case on("redirect"):
		http.Redirect(w, r, "https://www."+strings.TrimPrefix(host, "mta-sts.")+r.URL.Path, http.StatusFound)
		return
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	where := place{host, strings.TrimPrefix(path.Clean(r.URL.Path), "/")}
	var body []byte
	var err error
	switch {
	case on("ipv6-stale") && local != nil && local.String() == p.ipv6:
		body, err = p.bodies.stale(where)
	case on("cached"), on("cached-long"):
		var age time.Duration
		body, age, err = p.bodies.cached(where, now)
		w.Header().Set("Age", strconv.Itoa(int(age/time.Second)))
		w.Header().Set("Cache-Control", fmt.Sprintf("max-age=%d", int(cacheFor/time.Second)))
		if on("cached-long") {
			w.Header().Set("Cache-Control", "s-maxage=86400")
		}
	default:
		body, err = p.bodies.fresh(where)
	}
	if on("gzip") {
		body = compressed(body)
		w.Header().Set("Content-Encoding", "gzip")
	}
	kind := "text/plain"
	switch {
	case on("type"):
		kind = "text/html"
	case on("charset"):
		kind += "; charset=ISO-8859-1"
	}
	answer(w, body, err, kind)
}

// compressed is body as gzip has it.
func compressed(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	// Writing to memory does not fail.
	_, _ = z.Write(body)
	_ = z.Close()
	return b.Bytes()
}

// answer sends a body, or says why there is none.
func answer(w http.ResponseWriter, body []byte, err error, kind string) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "not found", http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// hostOf is the name of the host that a request is for.
func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return strings.ToLower(host)
}

// pause waits d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
