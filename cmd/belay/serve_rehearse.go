package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"belay/providers/host/certs"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// rehearsedShape is one host of a rehearsal, as --json prints it.
type rehearsedShape struct {
	Host    string                      `json:"host"`
	CA      string                      `json:"ca"`
	Good    bool                        `json:"good"`
	Issuer  string                      `json:"issuer,omitempty"`
	Trouble *rollout.CertificateTrouble `json:"trouble,omitempty"`
}

// rehearse orders a certificate for every policy host that belay serves from the CA's
// staging directory, into a folder of their own, and says how that went.
func (p *program) rehearse(ctx context.Context, s *session, given serveFlags) error {
	hosts, err := hostsServed(ctx, s)
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		return fmt.Errorf("there is nothing to rehearse: no rollout has the host serve: %w", rollout.ErrRefused)
	}
	ctx, stop := p.stoppable(ctx)
	defer stop()
	failed := false
	var unprinted error
	err = p.rehearseAll(ctx, s, given, hosts, p.sayBeside, func(c rollout.HostCertificate) {
		failed = failed || c.Trouble != nil
		unprinted = errors.Join(unprinted, p.printRehearsed(c))
	})
	if err = errors.Join(err, unprinted); err == nil && failed {
		return errFails
	}
	return err
}

// rehearseAll orders for hosts and calls each with what came of it. It listens as serve
// does; where a server has the ports already, that one answers the CA. say takes what
// is no result.
func (p *program) rehearseAll(ctx context.Context, s *session, given serveFlags, hosts []string, say func(string, ...any), each func(rollout.HostCertificate)) error {
	settings, err := p.certificateSettings(s, &given.certificates)
	if err != nil {
		return err
	}
	if settings.CA = given.certificates.staging; settings.CA == "" {
		directory, ok := certs.Staging(given.certificates.ca)
		if !ok {
			return usagef("--rehearse: belay knows no staging directory of %s; name it by --acme-staging", given.certificates.ca)
		}
		settings.CA = directory
	}
	dir, err := p.certificateDir(&given.certificates)
	if err != nil {
		return err
	}
	challenges := settings.Storage
	settings.Storage = certs.Folder(filepath.Join(dir, "rehearsal"))
	rehearsal, err := certs.OpenRehearsal(settings, challenges)
	if err != nil {
		return err
	}
	quit, err := p.answerRehearsal(ctx, given, rehearsal, say)
	if err != nil {
		return errors.Join(err, rehearsal.Close())
	}
	say("Ordering from %s; what it issues is shown to nobody.", settings.CA)
	err = rehearsal.Run(ctx, hosts, each)
	return errors.Join(err, quit(), rehearsal.Close())
}

// Rehearse orders the certificate of one rollout's policy host from the staging
// directory, by the settings that belay serve was started with last. It is what a key of
// the wizard does.
func (l logged) Rehearse(ctx context.Context, domain string) (cert rollout.HostCertificate, err error) {
	open, ok := l.Engine.Accounts.(*accounts)
	if !ok {
		return cert, errors.New("there is no account to rehearse with")
	}
	given, err := l.p.noted()
	if err != nil {
		return cert, err
	}
	err = l.p.rehearseAll(ctx, &session{engine: l.Engine, accounts: open}, given, []string{mtasts.PolicyHost(domain)},
		func(string, ...any) {}, func(c rollout.HostCertificate) { cert = c })
	return cert, l.note("rehearse", domain, err)
}

// sayBeside says what is no result on the standard error.
func (p *program) sayBeside(format string, args ...any) { fmt.Fprintf(p.errs, format+"\n", args...) }

func (p *program) printRehearsed(c rollout.HostCertificate) error {
	if p.flags.json {
		return p.printJSON(rehearsedShape{Host: c.Host, CA: c.CA, Good: c.Trouble == nil, Issuer: c.Issuer, Trouble: c.Trouble})
	}
	if c.Trouble == nil {
		p.say("ok    %s  %s would issue", c.Host, clean(c.Issuer))
		return nil
	}
	p.say("fail  %s  %s", c.Host, clean(c.Trouble.Said))
	if c.Trouble.Mend != "" {
		p.say("      %s", clean(c.Trouble.Mend))
	}
	return nil
}

// hostsServed are the policy hosts of the rollouts that belay serves.
func hostsServed(ctx context.Context, s *session) (hosts []string, err error) {
	all, err := s.engine.List(ctx)
	for _, r := range all {
		if r.Settings.Host.Kind == rollout.HostServe {
			hosts = append(hosts, mtasts.PolicyHost(r.Domain))
		}
	}
	return hosts, err
}

// answerRehearsal answers the CA at the addresses of the flags until quit is called.
func (p *program) answerRehearsal(ctx context.Context, given serveFlags, r *certs.Rehearsal, say func(string, ...any)) (quit func() error, err error) {
	given.status = []string{"none"}
	at, err := p.serveSockets(ctx, given)
	if errors.Is(err, syscall.EADDRINUSE) {
		say("The ports are taken: the server there answers the CA.")
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	quiet := log.New(io.Discard, "", 0)
	secure := &http.Server{
		Handler: http.NotFoundHandler(), ErrorLog: quiet, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: r.Certificate, NextProtos: []string{"http/1.1", certs.ALPN}},
	}
	plain := &http.Server{
		Handler: r.HTTPChallenge(http.NotFoundHandler()), ErrorLog: quiet, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
	}
	var serving sync.WaitGroup
	answer := func(serve func(net.Listener) error, listeners []net.Listener) {
		for _, l := range listeners {
			serving.Go(func() { _ = serve(l) }) // it ends with quit
		}
	}
	answer(func(l net.Listener) error { return secure.ServeTLS(l, "", "") }, at.HTTPS)
	answer(plain.Serve, at.HTTP)
	return func() error {
		err := errors.Join(secure.Close(), plain.Close())
		serving.Wait()
		return err
	}, nil
}
