package main

import (
	"context"
	"fmt"
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
		Use: "show ID [DOMAIN]", Short: "Show one DNS provider, and the recipe of the least rights that suffice",
		Long: "Shows one DNS provider: its credentials and how to grant the least rights that\nsuffice, with DOMAIN filled in where it is given.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("%s needs ID, one of %s, and may have DOMAIN", cmd.CommandPath(), dnsProviders())
			}
			return nil
		},
		RunE: p.act(func(_ context.Context, args []string) error {
			entry, err := dnsProvider(args[0])
			if err != nil {
				return err
			}
			domain := ""
			if len(args) == 2 {
				if domain, err = domainOf(args[1]); err != nil {
					return err
				}
			}
			entry.Recipe = entry.RecipeFor(domain)
			if p.flags.json {
				entry.Fields, entry.NameServers = list(entry.Fields), list(entry.NameServers)
				return p.printJSON(entry)
			}
			recipe := entry.Recipe
			entry.Recipe = "" // it is shown whole
			p.printProvider(entry)
			if recipe != "" {
				p.say("")
				p.block(recipe, "  ")
			}
			return nil
		}),
	}
}

// dnsProvider finds the DNS provider that a command line names.
func dnsProvider(id string) (providers.Provider, error) {
	entry, ok := providers.Lookup(providers.DNS, id)
	if !ok {
		return entry, usagef("belay speaks with no DNS provider %q; it is one of %s", id, dnsProviders())
	}
	return entry, nil
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
