package main

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
	"path/filepath"
	"slices"
	"strings"
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

// rehearseAll orders for hosts and calls each with what came of it. Unless all are
// proved by DNS it listens as serve does; where a server has a port already, that one
// answers the CA there. say takes what is no result.
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
	var at sockets
	if !provedByDNS(ctx, settings, hosts) {
		if at, err = p.rehearsalSockets(ctx, s, given, say); err != nil {
			return errors.Join(err, rehearsal.Close())
		}
	}
	quit := answerRehearsal(at, rehearsal)
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
	if given.own.given() {
		return cert, errors.New("belay serve was started with certificates of your own (--tls-cert) and orders none, so there is nothing to rehearse")
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

// rehearsalSockets are where a rehearsal answers the CA: at each of the addresses of
// the flags that it can have. At the others another server answers.
func (p *program) rehearsalSockets(ctx context.Context, s *session, given serveFlags, say func(string, ...any)) (at sockets, err error) {
	defer func() {
		if err != nil {
			err, at = errors.Join(err, at.Close()), sockets{}
		}
	}()
	for _, want := range []struct {
		flag  string
		addrs []string
		into  *[]net.Listener
	}{{"--listen", given.listen, &at.HTTPS}, {"--http", given.http, &at.HTTP}} {
		for _, addr := range want.addrs {
			listening, err := listenAt(ctx, want.flag, []string{addr}, false)
			*want.into = append(*want.into, listening...)
			if err == nil {
				continue
			}
			who, err := s.accounts.answersInstead(ctx, err)
			if err != nil {
				return at, err
			}
			say("%s is taken: %s answers the CA there.", addr, who)
		}
	}
	return at, nil
}

// answersInstead is who answers at an address at which belay could not listen because of
// failed, which is returned where nobody is known to. An ordinary user is not told that
// a port is taken but that he may not have it; then it is a server that runs on this
// store.
func (a *accounts) answersInstead(ctx context.Context, failed error) (who string, err error) {
	switch {
	case errors.Is(failed, syscall.EADDRINUSE):
		return "the server there", nil
	case !errors.Is(failed, fs.ErrPermission) || a.served == nil:
		return "", failed
	}
	running, err := a.served.Servers(ctx)
	if err != nil || len(running) == 0 {
		return "", errors.Join(failed, err)
	}
	return "the running belay serve, " + clean(strings.Join(running, " and ")) + ",", nil
}

// provedByDNS reports whether hosts are all proved by DNS, so that the CA knocks at no
// port. What stands in the way of that, the order itself tells.
func provedByDNS(ctx context.Context, settings certs.Settings, hosts []string) bool {
	return !slices.ContainsFunc(hosts, func(host string) bool {
		records, err := settings.ByDNS(ctx, host, nil)
		return err == nil && records == nil
	})
}

// answerRehearsal answers the CA at these sockets until quit is called.
func answerRehearsal(at sockets, r *certs.Rehearsal) (quit func() error) {
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
	}
}
