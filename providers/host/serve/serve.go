// Package serve is belay's own policy server: it answers, as every policy host of a
// store, with the policy that the store has for it.
//
// A sender fetches a policy once a day, and by what it fetches it refuses mail for
// weeks. So the server does one thing and keeps doing it. It answers with the exact
// bytes that were published, over HTTPS with a certificate of that very host, with
// status 200 and never a redirect (RFC 8461 section 3.3). It is a policy host of the
// store or it is nobody: a handshake for another name is refused before a key is
// touched. When the store cannot be read, because it is locked, gone, damaged or was
// taken over by a newer belay, the last policies that could be read are served on, by
// a server that is started then too; only what the store says was taken away is taken
// away.
//
// What reads the store, what answers and what keeps certificates do not wait for one
// another. A body is put in place by exchanging one pointer, so that each answer is
// the old policy or the new one, whole.
//
// # Why no more than this
//
// HTTP/1.1 alone is spoken: a sender asks for one small file, and the newer versions
// would add nothing but their floods. Sessions are not resumed, since the point of the
// handshake is the certificate. There is no Strict-Transport-Security, for senders do
// not read it, and what is here has no other way in.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

// Source tells what is to be answered with.
type Source interface {
	// Changes are what changed since it was asked before, and the first time
	// everything. It is asked many times a second and is cheap where nothing changed.
	// An error says why nothing can be known now.
	Changes(ctx context.Context) (rollout.ServedChanges, error)
	// Close lets go of what Changes holds; Changes then tells everything anew.
	Close() error
}

// Options are what a server is made of.
type Options struct {
	Source       Source
	Certificates Certificates
	// Last keeps what was read last for a start without the source; nil keeps nothing.
	Last  Last
	Clock world.Clock
	// Log takes what happens to the server; requests are counted, not logged. nil takes
	// nothing.
	Log    *slog.Logger
	Limits Limits
	// Version is told in the metrics.
	Version string
}

// Sockets are where a server listens.
type Sockets struct {
	HTTPS []net.Listener
	// HTTP takes what comes over plain HTTP: the CA's requests, and the mistaken.
	HTTP []net.Listener
	// Status tells how the server is: /healthz, /readyz and /metrics.
	Status []net.Listener
}

// Server serves policies. Make one with New.
type Server struct {
	o        Options
	handlers map[string]map[string]http.Handler // by path and method
	secure   *tls.Config
	guards   [3]*guard // of HTTPS, of plain HTTP and of the status
	count    counters

	sites atomic.Pointer[sites]
	dated atomic.Pointer[dated]
	again chan struct{} // the store is to be read anew, whole
	moved chan struct{} // the set of policy hosts changed
	news  chan struct{} // what Last keeps is not what is served
	trust trust         // how well the store can be read

	loaded     bool     // it is known what to serve, by the store or by Last
	first      *pending // nil where nothing is waited for
	firstTakes time.Duration

	feeling sync.Mutex // guards pulses
	pulses  []*pulse   // of the listeners
}

// New makes a server, which does nothing before Run.
func New(o Options) *Server {
	o.Limits = o.Limits.orDefault()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, handlers: map[string]map[string]http.Handler{}, again: make(chan struct{}, 1), moved: make(chan struct{}, 1), news: make(chan struct{}, 1), firstTakes: firstTakes}
	for i := range s.guards[:2] {
		s.guards[i] = newGuard(o.Limits, &s.count)
	}
	// What watches the server is counted neither with the senders nor in their room.
	s.guards[2] = newGuard(Limits{Connections: mostWatching, PerClient: mostWatching}, &counters{})
	s.secure = s.handshakes()
	s.sites.Store(&sites{})
	return s
}

// Handle has h answer at every policy host what comes for pattern, "METHOD PATH":
// that very path, nothing below it. The request's Host is one of the policy hosts
// and was proved to the client. It must not be called once Run was.
func (s *Server) Handle(pattern string, h http.Handler) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok || !strings.HasPrefix(path, "/") || path == "/" || path == policyPath {
		panic("serve: " + pattern + " is no METHOD PATH that is free")
	}
	if s.handlers[path] == nil {
		s.handlers[path] = map[string]http.Handler{}
	}
	s.handlers[path][method] = h
}

// Reread reads the store anew, whole, soon. It does not wait.
func (s *Server) Reread() {
	select {
	case s.again <- struct{}{}:
	default: // it is asked for already
	}
}

// Run serves on the sockets until ctx ends, or until one of them fails, which is an
// error. Then nothing new is taken, and what is being answered is given
// Limits.Finish to end. started is called when everything answers, with the
// certificates that are there already; it may be nil. All sockets are closed when it
// returns.
func (s *Server) Run(ctx context.Context, at Sockets, started func()) error {
	if err := s.Load(ctx); err != nil {
		return errors.Join(err, at.close())
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group sync.WaitGroup
	group.Go(func() { s.follow(running) })
	if s.o.Last != nil {
		group.Go(func() { s.keepLast(running) })
	}
	// Not beside the listeners: whoever came before the certificates are read would be
	// refused, and so it would be at every restart.
	s.manage(running)
	group.Go(func() { s.keepCertificates(running) })

	servers := []*http.Server{s.policyServer(), s.plainServer(), s.statusServer()}
	for i, listeners := range [][]net.Listener{at.HTTPS, at.HTTP, at.Status} {
		for _, l := range listeners {
			l := s.guarded(i, s.feel(l))
			group.Go(func() {
				if err := servers[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
					stop(fmt.Errorf("serve at %s: %w", l.Addr(), err))
				}
			})
		}
	}
	if started != nil {
		started()
	}
	<-running.Done()
	err := s.finish(servers)
	group.Wait()
	if why := context.Cause(running); ctx.Err() == nil && why != nil {
		err = errors.Join(why, err)
	}
	return errors.Join(err, s.o.Source.Close())
}

// mostWatching is how many connections there may be at once to where the server tells
// how it is.
const mostWatching = 64

// guarded is l with what stands before its server. The first two are open to the world,
// and the third is where the operator has it so.
func (s *Server) guarded(i int, l net.Listener) net.Listener {
	l = s.guards[i].before(l)
	if i == 0 {
		return secured{l, s.secure}
	}
	return l
}

// finish lets what is being answered end, and cuts off what does not.
func (s *Server) finish(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Limits.Finish)
	defer cancel()
	errs := make([]error, len(servers))
	var group sync.WaitGroup
	for i, server := range servers {
		group.Go(func() {
			if err := server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
				s.o.Log.Warn("connections were cut off that did not end", "after", s.o.Limits.Finish)
				errs[i] = server.Close()
			} else if err != nil {
				errs[i] = err
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// server is an http.Server within the limits.
func (s *Server) server(h http.Handler) *http.Server {
	l := s.o.Limits
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: l.Header, ReadTimeout: l.Request, WriteTimeout: l.Request, IdleTimeout: l.Idle,
		MaxHeaderBytes: l.HeaderBytes, DisableGeneralOptionsHandler: true,
		Protocols: new(http.Protocols), TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog: log.New(complaints{s}, "", 0),
	}
	server.Protocols.SetHTTP1(true)
	return server
}

func (at Sockets) close() error {
	var errs []error
	for _, listeners := range [][]net.Listener{at.HTTPS, at.HTTP, at.Status} {
		for _, l := range listeners {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// complaints is what net/http has to say. Of handshakes that fail, which anybody can
// cause, there is only a count.
type complaints struct{ *Server }

func (c complaints) Write(p []byte) (int, error) {
	text := string(p)
	if strings.HasPrefix(text, "http: TLS handshake error") {
		c.count.failed.Add(1)
		return len(p), nil
	}
	c.o.Log.Warn("http server", "text", strings.TrimSpace(text))
	return len(p), nil
}

// Limits bound what clients can take from the server; each zero is its default.
type Limits struct {
	// Connections is how many may be open at once, PerClient how many of one client
	// (an IPv4 address, an IPv6 network of 64 bits). Beyond them the oldest gives way
	// to the newest, of that client or of all. Both hold by themselves for those who
	// have not named a policy host yet (of one client 8 times PerClient), for those who
	// have, and for plain HTTP.
	Connections, PerClient int
	// HeaderBytes bounds a request's head.
	HeaderBytes int
	// Header is the time for a handshake, and then for a request's head; Request that
	// for a whole request and for its answer; Idle that between two requests.
	Header, Request, Idle time.Duration
	// Finish is how long what is being answered may go on when the server ends.
	Finish time.Duration
}

func (l Limits) orDefault() Limits {
	number := func(n *int, standard int) {
		if *n <= 0 {
			*n = standard
		}
	}
	span := func(d *time.Duration, standard time.Duration) {
		if *d <= 0 {
			*d = standard
		}
	}
	number(&l.Connections, 1024)
	number(&l.PerClient, 64)
	number(&l.HeaderBytes, 8<<10)
	span(&l.Header, 10*time.Second)
	span(&l.Request, time.Minute) // what RFC 8461 section 3.3 gives a sender for the whole fetch
	span(&l.Idle, 5*time.Second)
	span(&l.Finish, 10*time.Second)
	return l
}
