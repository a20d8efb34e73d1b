package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"belay/providers"

	"github.com/spf13/cobra"
)

func (p *program) providersCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "providers", Short: "List the providers, their credentials and rights", Args: cobra.NoArgs,
		RunE: p.act(func(context.Context, []string) error {
			for i, entry := range providers.Catalogue() {
				if p.flags.json {
					entry.Fields, entry.NameServers = list(entry.Fields), list(entry.NameServers)
					if err := p.printJSON(entry); err != nil {
						return err
					}
					continue
				}
				if i > 0 {
					p.say("")
				}
				p.printProvider(entry)
			}
			return nil
		}),
	}
	c.AddCommand(p.providersShowCommand(), p.providersTestCommand(), p.providersLoginCommand(), p.providersLogoutCommand())
	return c
}

func (p *program) providersShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID [DOMAIN]", Short: "Show one provider, and the recipe of the least rights that suffice",
		Long: "Shows what belay providers lists under ID: a DNS provider with its credentials and\nhow to grant the least rights that suffice, with DOMAIN filled in where it is given;\na kind of host; or a kind of inbox.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("%s needs ID, one of %s, and may have DOMAIN", cmd.CommandPath(), providerIDs())
			}
			return nil
		},
		RunE: p.act(func(_ context.Context, args []string) error {
			entries := providersNamed(args[0])
			if len(entries) == 0 {
				return usagef("belay knows no provider %q; it is one of %s", args[0], providerIDs())
			}
			domain := ""
			if len(args) == 2 {
				var err error
				if domain, err = domainOf(args[1]); err != nil {
					return err
				}
			}
			for i, entry := range entries {
				if i > 0 && !p.flags.json {
					p.say("")
				}
				entry.Recipe = entry.RecipeFor(domain)
				if err := p.showProvider(entry); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

// showProvider prints one provider with its recipe whole.
func (p *program) showProvider(entry providers.Provider) error {
	if p.flags.json {
		entry.Fields, entry.NameServers = list(entry.Fields), list(entry.NameServers)
		return p.printJSON(entry)
	}
	recipe := entry.Recipe
	entry.Recipe = ""
	p.printProvider(entry)
	if recipe != "" {
		p.say("")
		p.block(recipe, "  ")
	}
	return nil
}

// providersNamed are the entries with this id: one name may stand for a DNS
// provider and for a host.
func providersNamed(id string) []providers.Provider {
	var named []providers.Provider
	for _, entry := range providers.Catalogue() {
		if entry.ID == id {
			named = append(named, entry)
		}
	}
	return named
}

// providerIDs names each entry of the catalogue once.
func providerIDs() string {
	var ids []string
	for _, entry := range providers.Catalogue() {
		if !slices.Contains(ids, entry.ID) {
			ids = append(ids, entry.ID)
		}
	}
	return strings.Join(ids, ", ")
}

// dnsProvider finds the DNS provider that a command line names.
func dnsProvider(id string) (providers.Provider, error) {
	entry, ok := providers.Lookup(providers.DNS, id)
	if !ok {
		return entry, usagef("belay speaks with no DNS provider %q; it is one of %s", id, dnsProviders())
	}
	return entry, nil
}

// providerWithLogin finds the DNS provider, or the policy host that is logged in to,
// that a command line names.
func providerWithLogin(id string) (providers.Provider, error) {
	if entry, ok := providers.Lookup(providers.Host, id); ok && entry.HasLogin() {
		return entry, nil
	}
	return dnsProvider(id)
}

func (p *program) printProvider(entry providers.Provider) {
	p.say("%s %s: %s", entry.Kind, entry.ID, entry.Label)
	p.paragraph(entry.About, "  ", "  ")
	if how := entry.Unbuilt(); how != "" {
		p.paragraph(sentence(how)+".", "  ", "  ")
	}
	var rows [][]string
	for _, f := range entry.Fields {
		need := "optional"
		if f.Required {
			need = "required"
		}
		rows = append(rows, []string{"  " + f.Key, need, strings.Join(f.Env, ", ")})
	}
	p.columns(rows)
	p.paragraph("Rights: "+entry.Rights, "  ", "  ")
	if entry.Recipe != "" {
		p.say("  How to grant them: belay providers show %s DOMAIN", entry.ID)
	}
	if entry.Docs != "" {
		p.say("  %s", entry.Docs)
	}
	if entry.Writes != "" {
		p.paragraph("Writes go "+entry.Writes+".", "  ", "  ")
	}
	p.paragraph("Tested "+entry.Tested+".", "  ", "  ")
}

// printBuilt says which DNS providers are in this binary, and what a build tag
// would add.
func (p *program) printBuilt() error {
	type line struct {
		Provider string `json:"provider"`
		Built    bool   `json:"built"`
		Tag      string `json:"tag"`
	}
	var rows [][]string
	for _, entry := range providers.Of(providers.DNS) {
		if p.flags.json {
			if err := p.printJSON(line{entry.ID, entry.Built, entry.Tag}); err != nil {
				return err
			}
			continue
		}
		how := "built in"
		switch {
		case !entry.Built:
			how = fmt.Sprintf("go install -tags %s belay/cmd/belay adds it", entry.Tag)
		case entry.Tag != "":
			how += ", by the tag " + entry.Tag
		}
		rows = append(rows, []string{"  " + entry.ID, entry.Label, how})
	}
	p.columns(rows)
	return nil
}
