package main

import (
	"context"
	"fmt"
	"strings"

	"belay/providers/dns"
	"belay/providers/host"
	"belay/rollout"
	"belay/rollout/finding"
)

// writer is a rollout's accounts as the engine writes through them: records go to
// the DNS account, a policy body to its host.
//
// An edit names the account it was planned for. Where the settings have changed
// since, that account is opened, so that no edit lands where it was not shown.
type writer struct {
	accounts *accounts
	domain   string
	settings rollout.Settings
	records  dns.Account
	host     host.Host
}

// place is what both kinds of accounts do with an edit.
type place interface {
	Read(ctx context.Context, e rollout.Edit) (rollout.Held, error)
	Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error)
}

func (w *writer) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	at, err := w.place(ctx, e)
	if err != nil {
		return rollout.Held{Account: e.Account, Zone: e.Zone, Name: e.Name, Type: e.Type}, err
	}
	return at.Read(ctx, e)
}

func (w *writer) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	at, err := w.place(ctx, e)
	if err != nil {
		return rollout.Receipt{EditID: e.ID, Outcome: rollout.Failed}, err
	}
	return at.Apply(ctx, e)
}

// Explain says why an edit is not seen, where its place can tell. See
// rollout.Explainer.
func (w *writer) Explain(ctx context.Context, e rollout.Edit, seen rollout.Evidence) []finding.Finding {
	at, err := w.place(ctx, e)
	if err != nil {
		return nil
	}
	if knowing, ok := at.(rollout.Explainer); ok {
		return knowing.Explain(ctx, e, seen)
	}
	return nil
}

// place is where an edit is made.
func (w *writer) place(ctx context.Context, e rollout.Edit) (place, error) {
	switch e.Kind {
	case rollout.Policy, rollout.RUA:
		if e.Account == "" || e.Account == w.settings.Host.String() {
			return w.host, nil
		}
		kind, dir, _ := strings.Cut(e.Account, ":")
		return w.accounts.host(ctx, w.domain, rollout.HostAccount{Kind: kind, Place: dir}, w.settings)
	case rollout.Record:
		if e.Account == "" || e.Account == w.settings.DNS.String() {
			return w.records, nil
		}
		provider, name, _ := strings.Cut(e.Account, "/")
		return w.accounts.records(ctx, w.domain, rollout.Account{Provider: provider, Name: name})
	}
	return nil, fmt.Errorf("edit %s of %s has no known kind %q", e.ID, e.Name, e.Kind)
}
