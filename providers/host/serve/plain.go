package serve

import (
	"net/http"
	"strings"
)

// plainServer answers plain HTTP: what a CA asks, and everybody else that nothing is
// here. There is no redirect, least of all of the policy, which counts only where it
// was fetched over HTTPS (RFC 8461 section 3.3).
func (s *Server) plainServer() *http.Server {
	return s.server(s.o.Certificates.HTTPChallenge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Content-Type-Options"] = noSniff
		if strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") {
			s.refuse(w, http.StatusNotFound, "No CA was told to ask this.")
			return
		}
		s.refuse(w, http.StatusNotFound, "This host answers over HTTPS alone: ask for the policy at https, port 443.")
	})))
}
