package tui

import (
	"errors"

	"belay/rollout"

	tea "github.com/charmbracelet/bubbletea"
)

// lacking is the error of an account that could not be opened because fields of its
// login are nowhere to be found, as after a session in which they were typed.
type lacking interface {
	error
	// Lacks names the account and the catalogue's keys of the fields.
	Lacks() (account rollout.Account, fields []string)
}

// lacksLogin reports whether the last look failed because a login is lacking.
func (p *phase) lacksLogin() (lacking, bool) { return errors.AsType[lacking](p.err) }

// loginActs is the key that has a lacking login typed.
func (p *phase) loginActs() []act {
	if _, ok := p.lacksLogin(); !ok || p.looking != nil {
		return nil
	}
	return []act{on("t", "type the login", p.typeLogin)}
}

// typeLogin asks for what the login lacks. It serves for this session only; then
// belay looks again.
func (p *phase) typeLogin() tea.Cmd {
	want, ok := p.lacksLogin()
	if !ok {
		return nil
	}
	account, keys := want.Lacks()
	entry := entryOf(account)
	d := &dialog{
		title: "Login at " + entry.Label,
		lines: []string{"What is typed serves for this session only. belay providers login keeps it in your keyring."},
	}
	for _, key := range keys {
		f, _ := entry.Field(key)
		field := newField(f.Label, "", needed("the "+f.Label))
		field.secret = f.Secret
		d.fields = append(d.fields, field)
		if f.Help != "" {
			d.lines = append(d.lines, f.Label+": "+f.Help)
		}
	}
	d.done = func(answers []string) tea.Cmd {
		for i, key := range keys {
			p.accounts.Keep(account.Provider, account.Name, key, answers[i])
		}
		return p.again()
	}
	return p.nav.ask(d)
}
