package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"belay/providers"
	"belay/providers/dns"
	"belay/providers/host"
	"belay/rollout"
	"belay/rollout/world"
)

// accounts is where the parts meet: it alone maps a provider's id to its
// constructor. An account is opened once in a process, when it is first needed,
// and serves until a credential of it changes.
type accounts struct {
	secrets *secrets
	outside outside
	looker  rollout.Looker
	wrap    func(rollout.Writer) rollout.Writer
	// served is where the bodies stand that belay serve answers with; nil without a
	// store.
	served rollout.Served
	// journal is that of the store; nil without one.
	journal host.Journal
	clock   world.Clock
	// ask has the operator type what a login lacks; nil where nobody can, or where
	// a screen asks.
	ask func(ctx context.Context, s *secrets, entry providers.Provider, account rollout.Account, missing []string) error

	// anew has a login read again each time it is used; unattended sets it.
	anew bool

	mu     sync.Mutex
	opened map[accountKey]dns.Account
	hosts  map[accountKey]host.Host // those that are logged in to
}

// accountKey is one login, opened for one policy domain.
type accountKey struct{ account, domain string }

var _ rollout.Accounts = (*accounts)(nil)

func (p *program) accounts(looker rollout.Looker) *accounts {
	a := &accounts{
		secrets: &secrets{env: p.env, keyring: p.keyring},
		outside: outside{p.world},
		looker:  looker,
		wrap:    p.wrapWriter,
		clock:   p.world.Clock,
		opened:  map[accountKey]dns.Account{},
		hosts:   map[accountKey]host.Host{},
	}
	if p.canAsk() {
		a.ask = p.askFor
	}
	return a
}

// Open returns the writer for the rollout's DNS account and policy host.
func (a *accounts) Open(ctx context.Context, domain string, s rollout.Settings) (rollout.Writer, error) {
	records, err := a.records(ctx, domain, s.DNS)
	if err != nil {
		return nil, err
	}
	place, err := a.host(ctx, domain, s.Host, s)
	if err != nil {
		return nil, err
	}
	var w rollout.Writer = &writer{accounts: a, domain: domain, settings: s, records: records, host: place}
	if a.wrap != nil {
		w = a.wrap(w)
	}
	return w, nil
}

// records opens a DNS account, or returns the one that is open.
func (a *accounts) records(ctx context.Context, domain string, account rollout.Account) (dns.Account, error) {
	entry, ok := providers.Lookup(providers.DNS, account.Provider)
	if !ok {
		return nil, usagef("belay speaks with no DNS provider %q; belay providers lists those it does, and manual works with every one", account.Provider)
	}
	if how := entry.Unbuilt(); how != "" {
		return nil, errors.New(how)
	}
	key := accountKey{account.String(), domain}
	a.mu.Lock()
	defer a.mu.Unlock()
	if open, ok := a.opened[key]; ok && !a.anew {
		return open, nil
	}
	creds, err := a.login(ctx, entry, account)
	if err != nil {
		return nil, err
	}
	options := dns.Options{Domain: domain, Finder: a.outside, Delegation: a.outside, Seer: a.looker}
	if entry.AddressEnv != "" {
		options.BaseURL, _ = a.secrets.env(entry.AddressEnv)
	}
	open, err := dns.Open(account.Provider, creds, options)
	if err != nil {
		return nil, err
	}
	a.opened[key] = open
	return open, nil
}

// host opens a policy host for a domain with these settings. One that is logged in to
// stays open, as DNS accounts do.
func (a *accounts) host(ctx context.Context, domain string, h rollout.HostAccount, s rollout.Settings) (host.Host, error) {
	switch h.Kind {
	case host.KindWorker:
		return a.loggedIn(ctx, domain, h.Kind, workerLogin(s), openWorker)
	case host.KindValimail:
		return a.loggedIn(ctx, domain, h.Kind, rollout.Account{Provider: h.Kind}, openValimail)
	}
	return host.Open(h.Kind, h.Place, host.Options{Seer: a.looker, Journal: a.journal, LogIn: a.logIn, Served: a.served, Clock: a.clock})
}

// Detect says which provider serves the zone, by its name servers, and which
// credentials of it are still lacking.
func (a *accounts) Detect(ctx context.Context, domain string) (rollout.Detection, error) {
	found, err := a.outside.detect(ctx, domain)
	if err != nil {
		return found, err
	}
	found.Provider = providers.ByNameServers(found.NameServers)
	if entry, ok := providers.Lookup(providers.DNS, found.Provider); ok {
		_, found.Missing, err = a.secrets.of(ctx, entry, "")
	}
	return found, err
}

// Try proves that the settings' accounts reach the zone and the host, without
// writing. A place where another rollout serves its policy is the engine's to
// refuse.
func (a *accounts) Try(ctx context.Context, domain string, s rollout.Settings) (rollout.Trial, error) {
	for _, from := range s.Inboxes {
		if _, err := inboxOf(from); err != nil {
			return rollout.Trial{}, err
		}
	}
	trial, err := a.tryRecords(ctx, domain, s.DNS)
	if err != nil {
		return trial, err
	}
	served, err := a.tryHost(ctx, domain, s)
	trial.Lines = append(trial.Lines, served.Lines...)
	return trial, err
}

// tryHost proves that the policy host can be used for domain, by reading.
func (a *accounts) tryHost(ctx context.Context, domain string, s rollout.Settings) (rollout.Trial, error) {
	place, err := a.host(ctx, domain, s.Host, s)
	if err != nil {
		return rollout.Trial{}, err
	}
	trial, err := place.Try(ctx, domain)
	if err != nil {
		return trial, fmt.Errorf("try the policy host %s: %w", s.Host, err)
	}
	return trial, nil
}

// tryRecords proves that a DNS account reaches the zone of domain, by reading.
func (a *accounts) tryRecords(ctx context.Context, domain string, account rollout.Account) (rollout.Trial, error) {
	records, err := a.records(ctx, domain, account)
	if err != nil {
		return rollout.Trial{}, err
	}
	return records.Try(ctx, domain)
}

// Keep holds a credential field for this session only. An account that was open
// with another value is opened anew.
func (a *accounts) Keep(provider, account, field, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets.keep(provider, account, field, value)
	name := rollout.Account{Provider: provider, Name: account}.String()
	for key := range a.opened {
		if key.account == name {
			delete(a.opened, key)
		}
	}
	for key := range a.hosts {
		if key.account == name {
			delete(a.hosts, key)
		}
	}
}
