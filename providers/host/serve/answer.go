package serve

import (
	"html"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"belay/rollout/mtasts"
)

// policyPath is where a sender asks (RFC 8461 section 3.3).
const policyPath = "/.well-known/mta-sts.txt"

// What stands in headers, made once: an answer that is asked for ten thousand times a
// day differs from the next in nothing but its body.
var (
	asText   = []string{"text/plain; charset=utf-8"}
	asPage   = []string{"text/html; charset=utf-8"}
	noSniff  = []string{"nosniff"}
	noStore  = []string{"no-store"} // a cache in between must not keep an old body under a new id
	noFrills = []string{"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
)

// policyServer answers as the policy hosts.
func (s *Server) policyServer() *http.Server {
	return s.server(http.HandlerFunc(s.answer))
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	at := s.siteOf(r)
	h := w.Header()
	h["X-Content-Type-Options"], h["Date"] = noSniff, s.date()
	if at == nil {
		s.refuse(w, http.StatusMisdirectedRequest, "This connection was made for another host.")
		return
	}
	switch path := r.URL.Path; {
	case path == policyPath:
		s.policy(w, r, at)
	case path == "/":
		s.page(w, r, at)
	case s.handlers[path] != nil:
		s.other(w, r, s.handlers[path])
	default:
		s.refuse(w, http.StatusNotFound, "There is nothing here but the policy at "+policyPath+".")
	}
}

// date is what the clock says, as HTTP writes it. It is written once a second.
func (s *Server) date() []string {
	now := s.o.Clock.Now()
	if last := s.dated.Load(); last != nil && last.second == now.Unix() {
		return last.text
	}
	d := &dated{now.Unix(), []string{now.UTC().Format(http.TimeFormat)}}
	s.dated.Store(d)
	return d.text
}

// dated is one second, and how HTTP writes it.
type dated struct {
	second int64
	text   []string
}

// siteOf is the policy host that a request is for: the one whose certificate the
// client was shown, which the Host of the request must name too. It is nil where that
// is another, or none.
func (s *Server) siteOf(r *http.Request) *site {
	if r.TLS == nil {
		return nil
	}
	at := s.sites.Load().at(r.TLS.ServerName)
	if at == nil || r.Host != at.host && r.Host != "" && plainName(r.Host) != at.host {
		return nil
	}
	return at
}

// policy answers with the policy.
func (s *Server) policy(w http.ResponseWriter, r *http.Request, at *site) {
	if !s.asked(w, r) {
		return
	}
	if at.body == nil {
		s.refuse(w, http.StatusNotFound, "No policy is published here.")
		return
	}
	h := w.Header()
	h["Content-Type"], h["Content-Length"], h["Cache-Control"] = asText, at.length, noStore
	s.count.policies.Add(1)
	if r.Method == http.MethodGet {
		_, _ = w.Write(at.body) // whoever hangs up does not want it
	}
}

// asked refuses everything but GET and HEAD.
func (s *Server) asked(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	s.refuse(w, http.StatusMethodNotAllowed, "This can only be fetched.")
	return false
}

// other has somebody else answer.
func (s *Server) other(w http.ResponseWriter, r *http.Request, by map[string]http.Handler) {
	if h := by[r.Method]; h != nil {
		s.count.other.Add(1)
		h.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(by)), ", "))
	s.refuse(w, http.StatusMethodNotAllowed, "This is asked for in another way.")
}

// refuse says in one sentence why there is nothing.
func (s *Server) refuse(w http.ResponseWriter, status int, why string) {
	s.count.refused(status)
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = asText, noStore
	h.Set("Content-Length", strconv.Itoa(len(why)+1))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(why + "\n"))
}

// page says to a person what this host is.
func (s *Server) page(w http.ResponseWriter, r *http.Request, at *site) {
	if !s.asked(w, r) {
		return
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["Content-Security-Policy"] = asPage, noStore, noFrills
	text := pageOf(at)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	s.count.pages.Add(1)
	if r.Method == http.MethodGet {
		_, _ = w.Write([]byte(text))
	}
}

func pageOf(at *site) string {
	state := `No policy is published at the moment.`
	if at.body != nil {
		p, _ := mtasts.ParsePolicy(at.body)
		state = `The policy is at <a href="` + policyPath + `">` + html.EscapeString(mtasts.PolicyURL(at.domain)) + `</a>, in mode ` +
			html.EscapeString(string(p.Mode)) + `, since ` + at.since.UTC().Format("2 January 2006 15:04") + ` UTC.`
	}
	return strings.NewReplacer("{HOST}", html.EscapeString(at.host), "{DOMAIN}", html.EscapeString(at.domain), "{STATE}", state).Replace(pageText)
}

const pageText = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{HOST}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>
<h1>{HOST}</h1>
<p>This host tells mail servers that deliver to <strong>{DOMAIN}</strong> which of its mail servers are genuine,
so that mail is handed over encrypted or not at all (MTA-STS, <a href="https://www.rfc-editor.org/rfc/rfc8461">RFC 8461</a>).</p>
<p>{STATE}</p>
</html>
`
