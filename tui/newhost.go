package tui

import (
	"belay/providers"
	"belay/rollout"
)

// hostLogin makes, once a vendor, the questions for a login that a policy host needs
// beside the DNS provider's: none where that is the same login.
func (n *newRollout) hostLogin() []*question {
	p, ok := providers.Lookup(providers.Host, n.host.choice.id())
	if !ok || !p.HasLogin() || p.Shares == n.dns.choice.id() {
		return nil
	}
	if asked, ok := n.logins[p.ID]; ok {
		return asked
	}
	var out []*question
	for _, f := range p.Fields {
		if p.Shares != "" && !f.Required { // what only few need comes from the environment
			continue
		}
		field := newField(f.Key, "empty: from $"+f.Names("")[0].Name, nil)
		field.secret = f.Secret
		out = append(out, &question{label: f.Label, field: field})
	}
	n.logins[p.ID] = out
	return out
}

// keepHostLogin holds what was typed of the policy host's login for this session.
func (n *newRollout) keepHostLogin() {
	p, _ := providers.Lookup(providers.Host, n.host.choice.id())
	for _, q := range n.hostLogin() {
		if v := q.field.value(); v != "" {
			n.accounts.Keep(p.LoginID(), "", q.field.label, v)
		}
	}
}

// pointsItself reports whether a kind of policy host says by itself where mta-sts
// points.
func pointsItself(kind string) bool {
	h := rollout.HostAccount{Kind: kind}
	return h.NamesItself() || h.WritesID()
}

// delegated are the aliases that a policy host implies.
func delegated(h rollout.HostAccount) rollout.Delegation {
	v, ok := providers.LookupVendor(h.Kind)
	if !ok || !h.WritesID() {
		return rollout.Delegation{}
	}
	return rollout.Delegation{Vendor: v.Label, Record: v.Record, Reports: v.Reports, Host: v.Host}
}

// entryOf is the provider that an account is at, whatever it is for.
func entryOf(account rollout.Account) providers.Provider {
	if entry, ok := providers.Lookup(providers.DNS, account.Provider); ok {
		return entry
	}
	entry, _ := providers.Lookup(providers.Host, account.Provider)
	return entry
}
