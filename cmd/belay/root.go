package main

import (
	"context"
	"fmt"
	"strings"

	"belay/rollout/mtasts"

	"github.com/spf13/cobra"
)

const about = `belay walks a mail domain to enforced MTA-STS (RFC 8461) with TLS reporting
(RFC 8460), one checked step at a time. Without a subcommand it is a wizard in
the terminal; every act has a subcommand that needs none.

Exit status: 0 good; 1 findings fail, or nothing moved because a gate is closed;
2 could not look, or bad usage; 3 refused (a stale plan, a held lock).`

// root is the command tree.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "belay [DOMAIN]",
		Short:         "Walk a mail domain to enforced MTA-STS, one checked step at a time",
		Long:          about,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          rootArgs,
		RunE:          func(cmd *cobra.Command, args []string) error { return p.openWizard(cmd.Context(), args) },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return p.takeFlags()
		},
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.errs)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetContext(context.Background())
	p.globalFlags(root)
	for _, c := range []func() *cobra.Command{
		p.demoCommand, p.checkCommand, p.newCommand, p.setCommand, p.statusCommand, p.planCommand, p.nextCommand,
		p.adoptCommand, p.restoreCommand, p.stepBackCommand, p.undoCommand, p.forgetCommand,
		p.overrideCommand, p.mendedCommand, p.dismissCommand, p.reportsCommand,
		p.lintCommand, p.serveCommand, p.exportCommand, p.logCommand, p.providersCommand, p.versionCommand,
	} {
		root.AddCommand(c())
	}
	root.SetHelpCommand(helpCommand())
	return root
}

// helpCommand shows a command's help. Words that are none are an error, as they
// are where they stand as a command.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about any command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			return subcommands(cmd.Root(), args, begun), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				near := ""
				if len(rest) > 0 {
					near = suggestion(about, rest[0])
				}
				return usagef("there is no command %q%s", strings.Join(args, " "), near)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// subcommands are the names, each with what it does, that complete the words of a
// command.
func subcommands(root *cobra.Command, words []string, begun string) []string {
	at, rest, err := root.Find(words)
	if err != nil || len(rest) > 0 {
		return nil
	}
	var names []string
	for _, c := range at.Commands() {
		if c.IsAvailableCommand() && strings.HasPrefix(c.Name(), begun) {
			names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	return names
}

// rootArgs takes one domain. A word that can be none is most likely a command
// that was typed wrong.
func rootArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 0 && !strings.ContainsAny(args[0], ".@:/"):
		return usagef("%q is neither a command nor a domain%s", args[0], suggestion(cmd, args[0]))
	case len(args) > 1:
		return usagef("%s takes one domain at most", cmd.CommandPath())
	}
	return nil
}

func suggestion(cmd *cobra.Command, word string) string {
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf("; did you mean %q?", near[0])
	}
	return ""
}

// act makes a subcommand's RunE of f, which gets a context that signals end and
// arguments of which there are as many as the command's Args allow.
func (p *program) act(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := p.stoppable(cmd.Context())
		defer stop()
		return f(ctx, args)
	}
}

// exactly refuses another number of arguments, naming those that are wanted.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usagef("%s needs %s", cmd.CommandPath(), strings.Join(names, " and "))
		}
		return nil
	}
}

// atLeast refuses fewer than n arguments.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef("%s needs %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// domainOf reads a domain as the operator typed it: in A-labels, lower case.
func domainOf(typed string) (string, error) {
	domain, _, err := mtasts.Domain(typed)
	if err != nil {
		return "", usageError{err}
	}
	return domain, nil
}

// shownDomain is a domain for people: an internationalised one in its own script
// with its A-labels beside it.
func shownDomain(domain string) string {
	_, unicode, err := mtasts.Domain(domain)
	if err != nil || unicode == domain {
		return domain
	}
	return fmt.Sprintf("%s (%s)", unicode, domain)
}
