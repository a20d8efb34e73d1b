package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

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

const trustLong = `SOURCE is one of these; belay reports show DOMAIN names those that do not count so far.

  a DKIM domain             becomes a known reporter: what it signs counts
  a path                    what was read from that file, mbox, folder or Maildir, or below
                            it, counts, though nothing proves who wrote it
  imaps://USER@HOST/FOLDER  what came from that mailbox, in the same way; write the URL as
                            reports import was given it
  https://mta-sts.DOMAIN/tlsrpt
                            what senders posted to belay serve; since anybody can post
                            in any name, this makes nobody a known reporter
  valimail: or valimail:NAME
                            what Valimail was sent
  -                         what came on the standard input

Anybody can write an unsigned report: trust a source only if others cannot put reports
there. R stands in the journal for ever.`

// reported is the rollout of domain; or where there is none but reports were taken for
// it, the domain with these, and started is false.
func (s *session) reported(ctx context.Context, domain string) (r rollout.Rollout, started bool, err error) {
	r, err = s.engine.Load(ctx, domain)
	if !errors.Is(err, rollout.ErrNoRollout) {
		return r, err == nil, err
	}
	kept, readErr := s.reports.ReportDays(ctx, domain, time.Time{})
	switch {
	case readErr != nil:
		return r, false, readErr
	case len(kept) == 0:
		return r, false, fmt.Errorf("what reports say about %s: %w, and no report about it was taken in; belay reports import --domain %s FROM... takes some", domain, rollout.ErrNoRollout, domain)
	}
	return rollout.Rollout{Domain: domain, Settings: rollout.DefaultSettings(), Reports: kept}, false, nil
}

func (p *program) reportsTrust() *cobra.Command {
	c := &cobra.Command{
		Use: "trust DOMAIN SOURCE --reason R", Short: "Believe a reporter, or an inbox's unsigned reports",
		Long: trustLong,
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
