package main

import (
	"context"
	"strings"

	"belay/providers"
	"belay/providers/inbox/valimail"
	"belay/rollout"
)

// valimailInbox is how the reports that Valimail was sent are named, with the name of
// the login behind it where there are several.
const valimailInbox = "valimail:"

// isVendors reports whether an inbox is an account at a vendor.
func isVendors(from string) bool { return strings.HasPrefix(from, valimailInbox) }

// vendors is the source of the reports that a vendor was sent about these domains.
func (im importer) vendors(from string, domains []string) *valimail.Source {
	return &valimail.Source{Name: from, Clock: im.s.engine.Clock, Ours: domains, Open: func(ctx context.Context) (valimail.API, error) {
		return im.s.accounts.reportsAt(ctx, strings.TrimPrefix(from, valimailInbox))
	}}
}

// reportsAt logs in at Valimail, with the login that its policies are changed with or
// another one.
func (a *accounts) reportsAt(ctx context.Context, name string) (valimail.API, error) {
	entry, _ := providers.Lookup(providers.Host, rollout.HostValimail)
	a.mu.Lock() // one question at a time
	defer a.mu.Unlock()
	creds, err := a.login(ctx, entry, rollout.Account{Provider: entry.ID, Name: name})
	if err != nil {
		return nil, err
	}
	base, _ := a.secrets.env(entry.AddressEnv)
	return valimailClient(creds, base)
}
