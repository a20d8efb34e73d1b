package main

import (
	"context"

	"belay/providers"
	"belay/providers/host"
	"belay/providers/host/valimail"
	"belay/providers/host/worker"
	"belay/rollout"
)

// login finds the fields of a login, and has the operator type what is lacking where
// somebody can.
func (a *accounts) login(ctx context.Context, entry providers.Provider, account rollout.Account) (map[string]string, error) {
	creds, missing, err := a.secrets.of(ctx, entry, account.Name)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 && a.ask != nil {
		if err := a.ask(ctx, a.secrets, entry, account, missing); err != nil {
			return nil, err
		}
		if creds, missing, err = a.secrets.of(ctx, entry, account.Name); err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		return nil, a.secrets.lacks(entry, account, missing)
	}
	return creds, nil
}

// opener opens a policy host at a vendor with the fields of a login; base replaces
// the address of its API, where it is not empty.
type opener func(domain string, creds map[string]string, base string) (host.Host, error)

// loggedIn opens the policy host of this kind, or returns the one that is open.
func (a *accounts) loggedIn(ctx context.Context, domain, kind string, account rollout.Account, open opener) (host.Host, error) {
	entry, ok := providers.Lookup(providers.Host, kind)
	if !ok {
		return nil, usagef("belay knows no policy host %q", kind)
	}
	key := accountKey{account.String(), domain + " " + kind}
	a.mu.Lock()
	defer a.mu.Unlock()
	if at, ok := a.hosts[key]; ok {
		return at, nil
	}
	creds, err := a.login(ctx, entry, account)
	if err != nil {
		return nil, err
	}
	base, _ := a.secrets.env(entry.AddressEnv)
	at, err := open(domain, creds, base)
	if err != nil {
		return nil, err
	}
	a.hosts[key] = at
	return at, nil
}

// workerLogin is the login that a Worker is made with: the one that changes the
// zone's records, where that is Cloudflare's.
func workerLogin(s rollout.Settings) rollout.Account {
	account := rollout.Account{Provider: "cloudflare"}
	if s.DNS.Provider == account.Provider {
		account.Name = s.DNS.Name
	}
	return account
}

func openWorker(domain string, creds map[string]string, base string) (host.Host, error) {
	return worker.Open(worker.Options{Domain: domain, Token: creds["api_token"], ZoneToken: creds["zone_token"], AccountID: creds["account_id"], BaseURL: base})
}

func openValimail(domain string, creds map[string]string, base string) (host.Host, error) {
	client, err := valimailClient(creds, base)
	if err != nil {
		return nil, err
	}
	return valimail.Open(domain, client), nil
}

func valimailClient(creds map[string]string, base string) (*valimail.Client, error) {
	return valimail.NewClient(valimail.Login{ClientID: creds["client_id"], AppID: creds["app_id"], Account: creds["account"], BaseURL: base})
}
