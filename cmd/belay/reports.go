package main

import (
	"context"
	"os"
	"path/filepath"

	"belay/rollout"

	"github.com/spf13/cobra"
)

func (p *program) reportsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "reports", Short: "Take in, sum up, export and trust TLS reports",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("reports knows no %q; it is export, import, login, reread, show or trust", args[0])
			}
			return usagef("reports needs export, import, login, reread, show or trust")
		},
	}
	c.AddCommand(p.reportsExport(), p.reportsImport(), p.reportsLogin(), p.reportsReread(), p.reportsShow(), p.reportsTrust())
	return c
}

// believed says in help which reports count.
const believed = `A report counts where its DKIM signature verifies, as of the day the mail came in,
and the domain that signs, the submitter and From are of one organisation. A key that
cannot be had just now leaves it pending: each import tries again, for 30 days. A body
that was changed on its way, and no good signature, are shown apart and count for
nothing. Where the key is gone by now, a rollout with belay set DOMAIN --authserv-id NAME
believes the topmost Authentication-Results field, if it bears that id, says dkim=pass,
and no field of another organisation's host stands above it. Your MX must remove fields
with its own id from what comes in (RFC 8601 section 5): belay cannot tell. Nothing of
the kind is believed of a mail that came attached to another.`

// existing is a path that is there, made absolute: the same inbox has one name,
// from wherever it is named. Where it is not there, its absolute path comes with the
// error; an empty one where there is none.
func existing(path string) (string, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	_, err = os.Stat(whole)
	return whole, err
}

func (p *program) reportsTrust() *cobra.Command {
	c := &cobra.Command{
		Use: "trust DOMAIN SOURCE --reason R", Short: "Believe a reporter, or an inbox's unsigned reports",
		Long: "SOURCE is a DKIM domain, which becomes a known reporter, or an inbox, whose unsigned\nreports count: a path, the URL of a mailbox, or https://mta-sts.DOMAIN/tlsrpt for\nwhat belay serve was sent.",
		Args: exactly("DOMAIN", "SOURCE"),
	}
	return p.decision(c, true, func(ctx context.Context, s *session, domain string, args []string, reason string) (rollout.Gate, error) {
		source, err := trustOf(args[0])
		if err != nil {
			return rollout.Gate{}, err
		}
		return s.engine.Trust(ctx, domain, source, reason)
	})
}
