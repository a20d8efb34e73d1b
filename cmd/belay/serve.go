package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"syscall"

	"belay/providers/host/certs"
	"belay/providers/host/serve"
	"belay/providers/inbox/receiver"
	"belay/rollout/store"

	"github.com/spf13/cobra"
)

const serveLong = `Serves, over HTTPS, the policy of every rollout whose --host is serve. A policy is
live the moment the store has it. Only the policy hosts of the store are answered
as; a handshake for any other name is refused. Where the store cannot be read, the
last policies are served on, which the log and the metrics say; they are kept beside
the certificates too, and a server that is started then serves those.

TLS reports are taken at https://mta-sts.DOMAIN/tlsrpt (RFC 8460 section 5.4), for a
rua of that address: those about the rollouts of the store. Nobody signs them, so
they count only after belay reports trust DOMAIN https://mta-sts.DOMAIN/tlsrpt.

SIGTERM and SIGINT end it when what is being answered is out, SIGHUP has it read the
store and the certificate files anew, try again what the CA refused, and ask the CA
whether it wants a certificate renewed. Sockets that systemd hands over are used in
place of --listen and --http. As an ordinary user it needs CAP_NET_BIND_SERVICE or
such sockets for ports 443 and 80; belay export --systemd prints units with both.

Certificates come from the CA of --acme-ca, up front and again in time, and stand in
a folder that several servers may share. The CA asks for proof over TLS on port 443
or HTTP on port 80; a domain that was set to --challenge dns is proved by its DNS
account instead, behind NAT and before its host has an address. With --tls-cert and
--tls-key belay orders none. A CA whose accounts are bound to others of yours reads
BELAY_ACME_EAB_KID and BELAY_ACME_EAB_HMAC from the environment. --rehearse orders
everything once where it costs nothing; with --tls-cert there is nothing to rehearse.

--status answers /healthz (it runs), /readyz (there are policy hosts, and each has a
certificate) and /metrics, in Prometheus' format:

  belay_serve_connections_open, _connections_total, _connections_displaced_total
  belay_serve_handshakes_total{result}, _handshakes_refused_total{why}
  belay_serve_answers_total{to}, _refusals_total{status}
  belay_serve_store_readable, _store_read_timestamp_seconds, _store_failures_total
  belay_serve_hosts, _hosts_orphaned, _hosts_without_certificate
  belay_serve_policy_since_timestamp_seconds{host}
  belay_serve_certificate_not_after_timestamp_seconds{host}
  belay_serve_certificate_renewal_due_timestamp_seconds{host}
  belay_serve_certificate_obtained_timestamp_seconds{host}
  belay_serve_certificate_attempts_failed{host,kind}, _certificates_late`

// serveFlags are the flags of serve.
type serveFlags struct {
	listen, http, status []string
	shared               bool
	perClient            int
	own                  ownFlags
	certificates         certificateFlags
}

func (p *program) serveCommand() *cobra.Command {
	var given serveFlags
	c := &cobra.Command{
		Use: "serve [flags]", Short: "Serve the policies over HTTPS", Long: serveLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context(), given) },
	}
	f := c.Flags()
	f.StringArrayVar(&given.listen, "listen", []string{":443"}, "serve HTTPS at `ADDR` (repeatable)")
	f.StringArrayVar(&given.http, "http", []string{":80"}, "answer plain HTTP at `ADDR`, or none: what a CA asks, and never a policy (repeatable)")
	f.StringArrayVar(&given.status, "status", []string{"127.0.0.1:9461"}, "tell how the server is at `ADDR`, or none (repeatable)")
	f.BoolVar(&given.shared, "reuse-port", false, "let other servers listen at the same addresses, so that the next one is started before this one ends")
	f.IntVar(&given.perClient, "per-client", 64, "keep at most `N` connections of one address open; where a proxy or NAT before belay makes all senders one address, give a thousand")
	given.certificates.register(c)
	given.own.register(c)
	return c
}

// serve runs the server until a signal ends it.
func (p *program) serve(ctx context.Context, given serveFlags) error {
	p.log = p.serveLog()
	given.certificates.noHTTP = slices.Equal(given.http, []string{"none"})
	if given.perClient < 1 {
		return usagef("--per-client %d lets nobody in", given.perClient)
	}
	if given.certificates.rehearse && given.own.given() {
		return usagef("--rehearse orders certificates from the CA, and with --tls-cert and --tls-key belay serve orders none: give the one or the other")
	}
	if given.certificates.rehearse {
		return p.with(ctx, func(s *session) error { return p.rehearse(ctx, s, given) })
	}
	last, err := p.lastServed(&given.certificates)
	if err != nil {
		return err
	}
	late, err := p.openLate(ctx, last)
	if err != nil {
		return err
	}
	certificates, done, err := p.serveCertificates(late.forOrders(p), given)
	if err != nil {
		return errors.Join(err, late.close())
	}
	return errors.Join(p.serveStore(ctx, late, given, certificates, last), done(), late.close())
}

// serveCertificates are the operator's own, where there are any, or else those that
// belay gets itself. done ends what keeps them.
func (p *program) serveCertificates(s *session, given serveFlags) (c serve.Certificates, done func() error, err error) {
	if given.own.given() {
		own, err := given.own.open(p.log)
		if err == nil {
			if err := p.note(given); err != nil { // others on this machine are told less
				p.log.Warn("how the server was started", "error", err.Error())
			}
		}
		return own, func() error { return nil }, err
	}
	kept, err := p.certificatesFor(s, given)
	if err != nil {
		return nil, nil, err
	}
	return kept, kept.Close, nil
}

// serveStore serves the policies of the store.
func (p *program) serveStore(ctx context.Context, late *lateSession, given serveFlags, certificates serve.Certificates, last lastServed) error {
	dir, err := p.stateDir()
	if err != nil {
		return err
	}
	server := serve.New(serve.Options{
		Source: store.WatchServed(dir), Certificates: certificates, Last: last, Clock: p.world.Clock, Log: p.log, Version: thisBuild().Version,
		Limits: serve.Limits{Connections: connectionsFor(openFiles()), PerClient: given.perClient},
	})
	server.Handle(http.MethodPost+" "+receiver.Path, p.reportReceiver(late))
	if err := server.Load(ctx); err != nil {
		return err
	}
	at, err := p.serveSockets(ctx, given)
	if err != nil {
		return err
	}
	for _, l := range at.Status {
		if addr, ok := l.Addr().(*net.TCPAddr); ok && !addr.IP.IsLoopback() {
			p.log.Warn("whoever reaches the status address is told which domains are served, and how", "status", addr.String())
		}
	}
	late.start(ctx, func(ctx context.Context, s *session) (release func() error, err error) { return p.announce(ctx, s, at) })
	return p.serveUntilToldToEnd(ctx, server, at, certificates)
}

// announce tells other belays on this machine that this one serves the store.
func (p *program) announce(ctx context.Context, s *session, at sockets) (release func() error, err error) {
	kept, ok := s.accounts.served.(interface {
		Announce(context.Context, string) (func() error, error)
	})
	if !ok {
		return func() error { return nil }, nil // a store that nobody else can look into
	}
	return kept.Announce(ctx, fmt.Sprintf("process %d at %s since %s",
		os.Getpid(), addresses(at.HTTPS), p.world.Clock.Now().UTC().Format("2006-01-02 15:04 UTC")))
}

// serveUntilToldToEnd runs the server and listens to signals and the service manager.
func (p *program) serveUntilToldToEnd(ctx context.Context, server *serve.Server, at sockets, certificates serve.Certificates) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	manager := systemd{env: p.env}
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(running, at.Sockets, func() {
			p.log.Info("serving", "https", addresses(at.HTTPS), "http", addresses(at.HTTP), "status", addresses(at.Status))
			manager.tell(p.log, "READY=1", "STATUS=serving policies at "+addresses(at.HTTPS))
		})
	}()
	watchdog := manager.watchdog()
	defer watchdog.Stop()
	for asked := 0; ; {
		select {
		case err := <-ended:
			p.log.Info("ended")
			return err
		case <-watchdog.C:
			if err := server.Alive(); err != nil {
				p.log.Error("the watchdog is not fed", "error", err)
				continue
			}
			manager.tell(p.log, "WATCHDOG=1")
		case signal := <-p.interrupts:
			switch {
			case signal == syscall.SIGHUP:
				p.log.Info("reading the store and the certificates anew")
				server.Reread()
				switch c := certificates.(type) {
				case *serve.Own:
					c.Reload()
				case *certs.Certificates:
					c.Retry()
				}
			case asked == 0:
				asked++
				p.log.Info("ending when what is being answered is out", "signal", signal.String())
				manager.tell(p.log, "STOPPING=1")
				stop()
			default:
				p.leave(exitCannot)
			}
		}
	}
}

// serveLog is where the server says what happens: the file of --log, or else the
// standard error.
func (p *program) serveLog() *slog.Logger {
	if p.flags.log != "" {
		return p.log
	}
	p.logsBeside = true
	if p.flags.json {
		return slog.New(slog.NewJSONHandler(p.errs, &slog.HandlerOptions{ReplaceAttr: inUTC}))
	}
	return slog.New(slog.NewTextHandler(p.errs, &slog.HandlerOptions{ReplaceAttr: inUTC}))
}

// ownFlags name the operator's own certificates.
type ownFlags struct{ certs, keys []string }

func (f *ownFlags) register(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.certs, "tls-cert", nil, "PEM `FILE` of a certificate of your own with its chain, read anew when it changes (repeatable, each with its --tls-key)")
	c.Flags().StringArrayVar(&f.keys, "tls-key", nil, "PEM `FILE` of the key of the --tls-cert given in the same place")
}

// open reads the certificates.
func (f ownFlags) open(log *slog.Logger) (*serve.Own, error) {
	if len(f.certs) != len(f.keys) {
		return nil, usagef("%d --tls-cert and %d --tls-key were given; they go together, one for one", len(f.certs), len(f.keys))
	}
	pairs := make([]serve.Pair, len(f.certs))
	for i := range f.certs {
		pairs[i] = serve.Pair{Cert: f.certs[i], Key: f.keys[i]}
	}
	return serve.OwnCertificates(pairs, log)
}
