// Package vendor is the vendors' side of the lab: loopback servers that speak the
// APIs of the DNS hosts belay works with as their documentation has them, keep
// state, and refuse what they refuse. belay's own clients, and the libraries
// below them, meet here what they would meet outside, quirks included.
//
// A server counts what it wrote, calls hooks before and after each write (where a
// test kills the client, or writes something behind its back), and tells of every
// RRset that changed, so that a name server of the lab can answer with it.
package vendor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxBody is the longest request that is read, in bytes.
const maxBody = 1 << 20

// Hooks are what a server tells. A nil one tells nobody. They are called without
// a lock held, one write at a time, and may write to the server themselves.
type Hooks struct {
	// Before and After are called around each accepted write of an RRset.
	Before, After func(name, typ string)
	// OnChange is told the RRset as it now stands: TXT as plain text, host names
	// without final dot; no values means that it is gone.
	OnChange func(name, typ string, ttl uint32, values []string)
	// Interfere may answer a request in the API's place; nil lets it through.
	Interfere func(r *http.Request) *Fault
}

// Fault is an answer that is not the API's.
type Fault struct {
	// Status and Body are the answer; Type is its content type.
	Status     int
	Type, Body string
	// RetryAfter is that header, where it is not empty.
	RetryAfter string
	// Location is that header, where it is not empty.
	Location string
	// Cut ends the connection without an answer.
	Cut bool
	// Hang holds the answer back until it is closed or the client goes away.
	Hang <-chan struct{}
}

// server is what both APIs share.
type server struct {
	http  *httptest.Server
	write sync.Mutex // held for one write, hooks and all

	mu     sync.Mutex
	hooks  Hooks
	writes map[string]int
	calls  int
	others []string
}

func (s *server) start(api http.Handler) {
	s.writes = map[string]int{}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls++
		interfere := s.hooks.Interfere
		s.mu.Unlock()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if interfere != nil {
			if f := interfere(r); f != nil {
				f.answer(w, r)
				return
			}
		}
		api.ServeHTTP(w, r)
	}))
}

func (f *Fault) answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or the server would not notice the client leave
	if f.Hang != nil {
		select {
		case <-f.Hang:
		case <-r.Context().Done():
		}
	}
	if f.Cut || f.Hang != nil {
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Location != "" {
		w.Header().Set("Location", f.Location)
	}
	w.Header().Set("Content-Type", f.Type)
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}

// Close ends the server and waits for the calls it is at.
func (s *server) Close() { s.http.Close() }

// SetHooks replaces the hooks.
func (s *server) SetHooks(h Hooks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = h
}

func (s *server) told() Hooks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks
}

// Writes is how often anything was written at name.
func (s *server) Writes(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes[plain(name)]
}

// Calls is how many requests have come in.
func (s *server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// SetOthers puts zones into the account beside its own. They are listed, by the
// servers that list zones, and that is all: nothing is kept in them.
func (s *server) SetOthers(zones ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others = slices.Clone(zones)
}

// beside are the account's zones: this one and the others.
func (s *server) beside(zone string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{zone}, s.others...)
}

// around carries out one write of name with its hooks and counts it. change
// returns false where it was refused.
func (s *server) around(name, typ string, change func() bool) bool {
	h := s.told()
	if h.Before != nil {
		h.Before(name, typ)
	}
	ok := change()
	if ok {
		s.mu.Lock()
		s.writes[plain(name)]++
		s.mu.Unlock()
	}
	return ok
}

// plain is a name in lower case without final dot.
func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// under reports whether name lies in zone.
func under(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

// CloudflareTransport sends every request to the loopback server at srvURL,
// whatever its address; it is for clients that know only the vendor's.
func CloudflareTransport(srvURL string) http.RoundTripper {
	return redirect{to: strings.TrimPrefix(srvURL, "http://")}
}

type redirect struct{ to string }

func (t redirect) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", t.to
	return http.DefaultTransport.RoundTrip(r)
}

// plainTXT reads a TXT value as these APIs keep it: quoted strings, joined, with
// numeric escapes of this base; text without quotes stands for itself.
func plainTXT(v string, base int) string {
	if !strings.HasPrefix(v, `"`) {
		return v
	}
	var b strings.Builder
	inside := false
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"':
			inside = !inside
		case !inside:
		case v[i] == '\\' && i+1 < len(v):
			if i+3 < len(v) {
				if n, err := strconv.ParseUint(v[i+1:i+4], base, 8); err == nil {
					b.WriteByte(byte(n))
					i += 3
					continue
				}
			}
			i++
			b.WriteByte(v[i])
		default:
			b.WriteByte(v[i])
		}
	}
	return b.String()
}

// sorted is a sorted copy.
func sorted(values []string) []string {
	out := slices.Clone(values)
	slices.Sort(out)
	return out
}
