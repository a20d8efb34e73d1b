package main

import (
	"context"
	"strings"

	"belay/providers"

	"github.com/spf13/cobra"
)

func (p *program) providersCommand() *cobra.Command {
	return &cobra.Command{
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
}

func (p *program) printProvider(entry providers.Provider) {
	p.say("%s %s: %s", entry.Kind, entry.ID, entry.Label)
	p.paragraph(entry.About, "  ", "  ")
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
	if entry.Docs != "" {
		p.say("  %s", entry.Docs)
	}
	p.paragraph("Tested "+entry.Tested+".", "  ", "  ")
}
