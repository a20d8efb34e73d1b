package tui

import (
	"errors"
	"strings"

	"belay/providers"

	tea "github.com/charmbracelet/bubbletea"
)

// provider is the DNS provider that is chosen.
func (n *newRollout) provider() (providers.Provider, bool) {
	return providers.Lookup(providers.DNS, n.dns.choice.id())
}

// checkAccount takes what an account may be called.
func checkAccount(s string) error {
	if strings.ContainsAny(s, "/ \t") {
		return errors.New("an account's name has no slash or space in it")
	}
	return nil
}

// askCredentials makes the questions for a login at the chosen provider. Of the
// usual login at the provider that was recognised only what is missing is asked.
func (n *newRollout) askCredentials() tea.Cmd {
	n.credentials, n.trial = nil, nil
	n.dns.note = n.recognised
	p, ok := n.provider()
	if !ok {
		return nil
	}
	if how := p.Unbuilt(); how != "" {
		n.dns.note = strings.TrimSpace(n.recognised + " But " + how + ".")
		return nil
	}
	account := n.account.field.value()
	missing := map[string]bool{}
	known := n.detection != nil && n.detection.Provider == p.ID && account == ""
	if known {
		for _, key := range n.detection.Missing {
			missing[key] = true
		}
	}
	for _, f := range p.Fields {
		if known && !missing[f.Key] {
			continue
		}
		hint := f.Help
		if names := f.Names(account); len(names) > 0 {
			hint = "empty: from $" + names[0].Name
			if f.Default != "" {
				hint += ", else " + f.Default
			}
		}
		field := newField(f.Key, hint, nil)
		field.secret = f.Secret
		n.credentials = append(n.credentials, &question{label: f.Label, field: field})
	}
	return nil
}

// showRights shows how the least rights that the login needs are granted, for the
// domain as it stands in the form.
func (n *newRollout) showRights() tea.Cmd {
	p, ok := n.provider()
	if !ok {
		return nil
	}
	domain := n.ascii()
	lines := []string{p.Rights}
	if p.Recipe != "" {
		named := domain
		if named == "" {
			named = "DOMAIN"
		}
		lines = append(lines, "", "To copy it: belay providers show "+p.ID+" "+named, "")
		lines = append(lines, strings.Split(p.RecipeFor(domain), "\n")...)
	}
	if p.Docs != "" {
		lines = append(lines, "", p.Docs)
	}
	n.nav.read("Least rights at "+p.Label, lines)
	return nil
}
