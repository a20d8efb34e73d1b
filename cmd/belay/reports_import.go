package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

const importLong = `Takes in what is about the rollouts of the store. FROM is a file, an mbox, a folder or
a Maildir; the URL of a mailbox, imaps://USER@HOST[:PORT]/FOLDER (or
imap+starttls:// in place of imaps://); valimail: for what Valimail was sent
(valimail:NAME with the login NAME); or - for the standard input: a report, a zip, a
mail or an mbox. What cannot be read is listed and holds nothing up.

A mailbox is read over TLS without marking anything; its password is read from
BELAY_IMAP_PASSWORD, where several are named from BELAY_IMAP_PASSWORD_USER_HOST
(what is no letter or digit is _), with _FILE behind either from a file; from the
keyring (belay reports login); or typed. What was read once is not read again.

Stopped at any moment, what was taken is kept, and nothing counts twice.

What nothing proves is kept and counts for nothing until you trust where it came from;
the summary names the command. Reports about a domain without a rollout are left out
unless --domain names it; reports show and reports export then tell of them.

Exit status 1 where a path is not there or the standard input held no report, 2 where
nothing came on it or a mailbox could not be read.`

// importFlags are the flags of reports import.
type importFlags struct {
	domains         []string
	markSeen, again bool
	watch           bool
	every           time.Duration
}

func (p *program) reportsImport() *cobra.Command {
	var given importFlags
	c := &cobra.Command{
		Use: "import FROM...", Short: "Take in reports from files, folders, mailboxes and the standard input",
		Long: importLong + "\n\n" + believed,
		Args: atLeast(1, "a file, a folder, a Maildir, the URL of a mailbox, or -"),
	}
	f := c.Flags()
	f.StringArrayVar(&given.domains, "domain", nil, "take reports for `D` though no rollout of it exists (repeatable)")
	f.BoolVar(&given.markSeen, "mark-seen", false, "mark the mails of a mailbox as seen whose reports were taken")
	f.BoolVar(&given.again, "again", false, "read mailboxes from their beginning")
	f.BoolVar(&given.watch, "watch", false, "go on and take in what comes, until ctrl+c")
	f.DurationVar(&given.every, "every", 30*time.Second, "with --watch, look for files, and in mailboxes that cannot tell of mail, each `DURATION`; Valimail is asked hourly")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		p.stopping = "stopping; what was read is stored first"
		return p.act(func(ctx context.Context, args []string) error { return p.takeIn(ctx, given, args) })(cmd, args)
	}
	return c
}

// takeIn imports from what was named.
func (p *program) takeIn(ctx context.Context, given importFlags, args []string) error {
	absent := false // the import lists it; the status tells a script
	var inboxes []string
	for _, typed := range args {
		from, err := inboxOf(typed)
		if err != nil {
			return err
		}
		absent = absent || isPath(from) && !there(from)
		if slices.Contains(inboxes, from) {
			continue
		}
		inboxes = append(inboxes, from)
	}
	var more []string
	for _, typed := range given.domains {
		domain, err := domainOf(typed)
		if err != nil {
			return err
		}
		more = append(more, domain)
	}
	if given.watch && slices.Contains(inboxes, standardInput) {
		return usagef("--watch: the standard input ends by itself; leave the flag out")
	}
	if given.every < time.Second {
		return usagef("--every %s: look once a second at most", given.every)
	}
	return p.with(ctx, func(s *session) error {
		heard := &hearing{r: p.in}
		im := importer{s: s, in: heard, markSeen: given.markSeen, again: given.again}
		if given.watch {
			return p.watchInboxes(ctx, im, more, inboxes, given.every)
		}
		defer p.roomy()()
		p.sayAwaited(inboxes)
		bar := p.newImportBar()
		sum, err := im.run(ctx, more, inboxes, bar.tell)
		bar.end()
		if sum.Skipped == nil { // nothing was begun
			return err
		}
		ours, storeErr := s.store.Domains(ctx)
		if err == nil {
			err = storeErr
		}
		if printErr := p.printIntake(sum, lacking(more, ours)); printErr != nil {
			return errors.Join(printErr, err)
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("stopped by a signal; what was taken is kept, and the same command goes on from there")
		case err != nil:
			return err
		case slices.Contains(inboxes, standardInput):
			err = judgeHeard(heard, sum)
		}
		if err == nil && absent {
			return errFails
		}
		return err
	})
}

// isPath reports whether an inbox is a file or folder.
func isPath(from string) bool {
	return from != standardInput && !isMailbox(from) && !isVendors(from)
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
