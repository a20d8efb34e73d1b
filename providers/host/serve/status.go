package serve

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"time"

	"belay/rollout/finding"
)

// statusServer tells the operator's monitoring how the server is.
func (s *Server) statusServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		tellPlain(w, http.StatusOK, append([]string{"ok: the server runs"}, s.notes()...))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if lacks := s.lacks(); len(lacks) > 0 {
			tellPlain(w, http.StatusServiceUnavailable, lacks)
			return
		}
		tellPlain(w, http.StatusOK, append([]string{"ready: every policy host has a certificate"}, s.notes()...))
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(s.metrics())
	})
	return s.server(mux)
}

func tellPlain(w http.ResponseWriter, status int, lines []string) {
	w.Header()["Content-Type"], w.Header()["Cache-Control"] = asText, noStore
	w.WriteHeader(status)
	_, _ = w.Write([]byte(strings.Join(lines, "\n") + "\n"))
}

// notes are what an operator should know though policies are served.
func (s *Server) notes() []string {
	var out []string
	if why := s.ails(); why != "" {
		out = append(out, "the store cannot be read, the last policies are served on: "+why)
	}
	if n := len(s.sites.Load().orphans); n > 0 {
		out = append(out, fmt.Sprintf("%d policy hosts are served on though the store no longer knows them", n))
	}
	if len(s.sites.Load().byHost) == 0 {
		out = append(out, noHosts)
	}
	return out
}

// noHosts is what is said where nobody is answered. Where policies were served before,
// another store stands in the place of theirs.
const noHosts = "no policy is served: the store has no rollout with the host serve; if it should, see whether it is the right one"

// lacks says of each policy host without a usable certificate why it has none, and
// where there is no policy host, that.
func (s *Server) lacks() []string {
	hosts := s.sites.Load().hosts()
	if len(hosts) == 0 {
		return []string{noHosts}
	}
	var out []string
	now := s.o.Clock.Now()
	for _, host := range hosts {
		leaf, err := s.shows(host)
		if err == nil {
			err = usable(leaf, host, now)
		}
		if err != nil {
			out = append(out, finding.Clean(fmt.Sprintf("no certificate for %s: %s", host, err), 400))
		}
	}
	return out
}

// usable refuses a certificate that no sender would take.
func usable(leaf *x509.Certificate, host string, now time.Time) error {
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return fmt.Errorf("it is valid from %s to %s", leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return leaf.VerifyHostname(host)
}
