package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"belay/providers"
	"belay/rollout"
	"belay/steps"

	"github.com/spf13/cobra"
)

// login is one account that a command line names.
type login struct {
	entry   providers.Provider
	account rollout.Account
}

func loginOf(id, name, domain string) (login, error) {
	entry, err := providerWithLogin(id)
	if err != nil {
		return login{}, err
	}
	if domain == "" {
		return login{}, usagef("a login is tested for a domain: name it by --domain")
	}
	if strings.ContainsAny(name, "/ \t") {
		return login{}, usagef("--account: the name %q has a slash or a space in it", name)
	}
	if how := entry.Unbuilt(); how != "" {
		return login{}, errors.New(how)
	}
	return login{entry, rollout.Account{Provider: entry.LoginID(), Name: name}}, nil
}

func accountFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "account", "", "`NAME` of the login, where there are several")
}

func domainFlag(c *cobra.Command, domain *string) {
	c.Flags().StringVar(domain, "domain", "", "policy `DOMAIN` that the login is for")
}

func (p *program) providersTestCommand() *cobra.Command {
	var name, domain string
	c := &cobra.Command{
		Use: "test ID --domain DOMAIN", Short: "Test a login at a DNS provider or a policy host; nothing is written",
		Long: "Tests by reading whether a login can do what a rollout of DOMAIN needs, and says\nwhat was reached, which zones it sees where the provider tells, and which right\nis missing. Nothing is written.",
		Args: exactly("ID"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			who, err := loginOf(args[0], name, domain)
			if err != nil {
				return err
			}
			lines, err := p.tryLogin(ctx, p.accounts(steps.NewLooker(p.world)), who, domain)
			return p.printTrial(who, lines, err)
		}),
	}
	accountFlag(c, &name)
	domainFlag(c, &domain)
	return c
}

// tryLogin proves by reading that a login can do what a rollout of the domain needs.
func (p *program) tryLogin(ctx context.Context, a *accounts, who login, typed string) ([]string, error) {
	domain, err := domainOf(typed)
	if err != nil {
		return nil, err
	}
	if who.entry.Kind == providers.Host {
		trial, err := a.tryHost(ctx, domain, rollout.Settings{DNS: who.account, Host: rollout.HostAccount{Kind: who.entry.ID}})
		return trial.Lines, err
	}
	trial, err := a.tryRecords(ctx, domain, who.account)
	return trial.Lines, err
}

func (p *program) printTrial(who login, lines []string, err error) error {
	if p.flags.json {
		if err != nil {
			return err
		}
		return p.printJSON(struct {
			Account string   `json:"account"`
			Lines   []string `json:"lines"`
		}{who.account.String(), list(lines)})
	}
	for _, l := range lines {
		p.paragraph(l, "  ", "    ")
	}
	if err == nil {
		p.say("The login %s works; nothing was written.", who.account)
	}
	return err
}

func (p *program) providersLoginCommand() *cobra.Command {
	var name, domain string
	c := &cobra.Command{
		Use: "login ID --domain DOMAIN", Short: "Type a login, test it, and keep it in the keyring",
		Long: "Has the fields of a login typed, secrets without echo, tests it by reading and,\nonly if it works, keeps it in the operator's keyring (service belay). Where there\nis no keyring it says so before anything is typed.",
		Args: exactly("ID"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			who, err := loginOf(args[0], name, domain)
			if err != nil {
				return err
			}
			return p.keepLogin(ctx, who, domain)
		}),
	}
	accountFlag(c, &name)
	domainFlag(c, &domain)
	return c
}

func (p *program) keepLogin(ctx context.Context, who login, domain string) error {
	if len(who.entry.Fields) == 0 {
		return usagef("%s needs no login", who.account)
	}
	if !p.canAsk() {
		return usagef("a login is typed at a terminal, and here is none: set %s in the environment, or with _FILE behind it to the path of a file that holds the value",
			strings.Join(variablesOf(who), " and "))
	}
	if _, err := p.keyring(ctx, keyringUser(who.account.Provider, who.account.Name, who.entry.Fields[0].Key)); err != nil {
		return fmt.Errorf("keep the login %s in the keyring: %w; set %s in the environment instead, or with _FILE behind it to the path of a file that holds the value",
			who.account, err, strings.Join(variablesOf(who), " and "))
	}
	a := p.accounts(steps.NewLooker(p.world))
	typed := map[string]string{}
	for _, field := range who.entry.Fields {
		if !field.Required {
			field.Label += ", may be empty"
		}
		v, err := p.askField(ctx, field)
		if err != nil {
			return fmt.Errorf("ask for the %s of %s: %w", field.Key, who.account, err)
		}
		typed[field.Key] = v
		a.secrets.keep(who.account.Provider, who.account.Name, field.Key, v)
	}
	lines, err := p.tryLogin(ctx, a, who, domain)
	if err := p.printTrial(who, lines, err); err != nil {
		return fmt.Errorf("nothing was kept: %w", err)
	}
	for _, field := range who.entry.Fields {
		if err := p.lockUp(ctx, keyringUser(who.account.Provider, who.account.Name, field.Key), typed[field.Key]); err != nil {
			return fmt.Errorf("keep the %s of %s: %w", field.Key, who.account, err)
		}
	}
	p.say("It is kept in your keyring; belay providers logout %s%s removes it.", who.entry.ID, accountWords(who.account.Name))
	for _, name := range set(p, who) {
		p.say("%s is set in this environment and goes before the keyring.", name)
	}
	return nil
}

func accountWords(name string) string {
	if name == "" {
		return ""
	}
	return " --account " + name
}

// variablesOf are the environment names of the fields that a login needs; where it
// can do without any, of the first and its secret.
func variablesOf(who login) []string {
	var required, first []string
	for _, field := range who.entry.Fields {
		names := field.Names(who.account.Name)
		if len(names) == 0 {
			continue
		}
		if field.Required {
			required = append(required, names[0].Name)
		}
		if first == nil || field.Secret && !field.Required && len(first) < 2 {
			first = append(first, names[0].Name)
		}
	}
	if required != nil {
		return required
	}
	return first
}

// set are the environment variables that give a field of this login.
func set(p *program, who login) []string {
	var out []string
	for _, field := range who.entry.Fields {
		for _, name := range field.Names(who.account.Name) {
			if v, ok := p.env(name.Name); ok && v != "" {
				out = append(out, name.Name)
			}
		}
	}
	return out
}

func (p *program) providersLogoutCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "logout ID", Short: "Remove a login from the keyring", Args: exactly("ID"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			entry, err := providerWithLogin(args[0])
			if err != nil {
				return err
			}
			who := login{entry, rollout.Account{Provider: entry.LoginID(), Name: name}}
			for _, field := range entry.Fields {
				if err := p.lockUp(ctx, keyringUser(who.account.Provider, name, field.Key), ""); err != nil {
					return fmt.Errorf("remove the %s of %s: %w", field.Key, who.account, err)
				}
			}
			p.say("The keyring holds no login %s.", who.account)
			for _, name := range set(p, who) {
				p.say("%s is still set in this environment.", name)
			}
			return nil
		}),
	}
	accountFlag(c, &name)
	return c
}
