package tui

import (
	"errors"
	"slices"
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
	if p, ok := n.provider(); ok {
		n.nav.read("Least rights at "+p.Label, n.needsOf(p))
	}
	return nil
}

// showHostNeeds shows what the chosen policy host needs, its rights among them.
func (n *newRollout) showHostNeeds() tea.Cmd {
	if p, ok := providers.Lookup(providers.Host, n.host.choice.id()); ok {
		n.nav.read("What the policy host needs: "+p.Label, append([]string{n.forDomain(p.About), ""}, n.needsOf(p)...))
	}
	return nil
}

// needsOf is what a provider needs, with the recipe for it.
func (n *newRollout) needsOf(p providers.Provider) []string {
	domain := n.ascii()
	lines := []string{n.forDomain(p.Rights)}
	if p.Recipe != "" {
		named := domain
		if named == "" {
			named = "DOMAIN"
		}
		lines = append(lines, "", "To copy it: belay providers show "+p.ID+" "+named, "")
		lines = append(lines, unfolded(p.RecipeFor(domain))...)
	}
	if p.Docs != "" {
		lines = append(lines, "", p.Docs)
	}
	return lines
}

// forDomain is a text of the catalogue with the domain filled in, once there is one.
func (n *newRollout) forDomain(text string) string {
	if domain := n.ascii(); domain != "" {
		return strings.ReplaceAll(text, "DOMAIN", domain)
	}
	return text
}

// unfolded are the lines of a recipe, those of one numbered point together: they were
// broken for another width.
func unfolded(recipe string) []string {
	var out []string
	for line := range strings.SplitSeq(recipe, "\n") {
		rest, goesOn := strings.CutPrefix(line, pointLead)
		if last := len(out) - 1; goesOn && last >= 0 && point.MatchString(out[last]) && !strings.HasPrefix(rest, " ") {
			out[last] += " " + rest
			continue
		}
		out = append(out, line)
	}
	return out
}

// aboutHost reports whether the question that is asked is about the policy host.
func (n *newRollout) aboutHost() bool {
	return n.at == n.host || n.at == n.where() || n.at == n.points || slices.Contains(n.hostLogin(), n.at)
}

// rightsActs show what the provider or host that is asked about needs. A letter is
// text in a field; F1 is none.
func (n *newRollout) rightsActs() []act {
	show, says := n.showRights, "rights"
	switch {
	case n.aboutHost():
		show, says = n.showHostNeeds, "what it needs"
	case n.at == n.dns:
		says = "rights it needs"
	}
	if n.at == n.dns || n.at == n.host {
		return []act{on("?", says, show, "?", "f1")}
	}
	return []act{on("F1", says, show, "f1")}
}
