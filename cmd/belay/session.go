package main

import (
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"

	"belay/providers/inbox"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/store"
	"belay/steps"
)

// session is an open store and an engine over it, with the accounts it works
// through.
type session struct {
	engine   *rollout.Engine
	store    rollout.Store
	reports  rollout.Reports
	paced    func(pause func()) rollout.Reports // reports, for work beside a screen
	cursors  mailboxCursors
	unread   inboxNotes
	archive  inbox.Archive // the mails that reports came in
	accounts *accounts
	late     *lateSession // through which a server finds all but accounts; nil elsewhere
	close    func() error
}

// open opens the store, making it where there is none, and puts an engine over it.
func (p *program) open(ctx context.Context) (*session, error) {
	dir, err := p.stateDir()
	if err != nil {
		return nil, err
	}
	return p.openAt(ctx, dir)
}

func (p *program) openAt(ctx context.Context, dir string) (*session, error) {
	kept, err := store.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	var journal rollout.Store = kept
	if p.wrapStore != nil {
		journal = p.wrapStore(journal)
	}
	looker := steps.NewLooker(p.world)
	accounts := p.accounts(looker)
	accounts.served, accounts.journal = kept, journal
	return &session{
		engine: &rollout.Engine{
			Store: journal, Reports: kept, Looker: looker, Accounts: accounts, Steps: steps.All(), Certificates: keptCertificates{p}, Inboxes: kept,
			Clock: p.world.Clock, Who: p.who(), Patience: p.patience,
		},
		store: journal, reports: kept, paced: kept.Paced, cursors: kept, unread: kept, archive: kept, accounts: accounts, close: kept.Close,
	}, nil
}

// with runs f over an open session and closes it.
func (p *program) with(ctx context.Context, f func(*session) error) error {
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.close())
}

// stored reports whether there is a store already, so that a look at a domain
// makes none.
func (p *program) stored() bool {
	dir, err := p.stateDir()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(dir, "belay.db"))
	return err == nil
}

// who is the operator as user@host.
func (p *program) who() string {
	name, _ := p.env("SUDO_USER")
	if u, err := user.Current(); err == nil && name == "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return finding.Clean(name+"@"+host, 100)
}

// sink logs every event and hands it on to show, which may be nil.
func (p *program) sink(show rollout.Sink) rollout.Sink {
	return func(ev rollout.Event) {
		attrs := []any{"subject", ev.Subject, "text", ev.Text}
		if ev.Took > 0 {
			attrs = append(attrs, "took_ms", ev.Took.Milliseconds())
		}
		if ev.Finding != nil {
			attrs = append(attrs, "code", ev.Finding.Code, "severity", ev.Finding.Severity)
		}
		if ev.Receipt != nil {
			attrs = append(attrs, "outcome", ev.Receipt.Outcome)
		}
		p.log.Info(string(ev.Kind), attrs...)
		show.Emit(ev)
	}
}
