package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A policyHost serves a folder for each policy domain over HTTPS, on a listener
// for each of its addresses.
type policyHost struct {
	lab   *Lab
	roots map[string]string // folder by host name

	server *http.Server
	ended  sync.WaitGroup
}

func newPolicyHost(l *Lab, roots map[string]string, config *tls.Config) *policyHost {
	p := &policyHost{lab: l, roots: roots}
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
func (p *policyHost) listen() (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for policy fetches on loopback: %w", err)
	}
	p.ended.Go(func() { _ = p.server.ServeTLS(ln, "", "") })
	return ln.Addr().String(), nil
}

func (p *policyHost) close() error {
	err := p.server.Close()
	p.ended.Wait()
	return err
}

// fileLimit is the largest file that is served, in bytes.
const fileLimit = 1 << 20

func (p *policyHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", p.lab.clock.Now().Format(http.TimeFormat))
	on := func(fault string) bool { return p.lab.faults.on("policy." + fault) }
	if on("slow") {
		pause(r.Context(), time.Duration(p.lab.slowness.Load()))
	}
	host := hostOf(r)
	root, known := p.roots[host]
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "only GET is answered here", http.StatusMethodNotAllowed)
	case !known || on("404"):
		http.Error(w, "not found", http.StatusNotFound)
	case on("redirect"):
		http.Redirect(w, r, "https://www."+strings.TrimPrefix(host, "mta-sts.")+r.URL.Path, http.StatusFound)
	default:
		kind := "text/plain"
		if on("type") {
			kind = "text/html"
		}
		serveFile(w, root, r.URL.Path, kind)
	}
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

// serveFile answers with one file below root, and never with one outside it.
func serveFile(w http.ResponseWriter, root, urlPath, kind string) {
	body, err := readBelow(root, strings.TrimPrefix(path.Clean(urlPath), "/"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "not found", http.StatusNotFound)
	case err != nil:
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

func readBelow(root, name string) ([]byte, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return nil, errors.Join(err, fs.ErrNotExist)
	}
	return io.ReadAll(io.LimitReader(f, fileLimit))
}
