package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"belay/rollout"

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

Exit status 1 where a path is not there, 2 where a mailbox could not be read.`

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
		im := importer{s: s, in: p.in, markSeen: given.markSeen, again: given.again}
		if given.watch {
			return p.watchInboxes(ctx, im, more, inboxes, given.every)
		}
		defer p.roomy()()
		bar := p.newImportBar()
		sum, err := im.run(ctx, more, inboxes, bar.tell)
		bar.end()
		if sum.Skipped == nil { // nothing was begun
			return err
		}
		if printErr := p.printIntake(sum); printErr != nil {
			return errors.Join(printErr, err)
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("stopped by a signal; what was taken is kept, and the same command goes on from there")
		case err == nil && absent:
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

func (p *program) printIntake(sum rollout.Intake) error {
	if p.flags.json {
		return p.printJSON(sum)
	}
	p.say("%d files, %d mails, %d reports: %d new, %d duplicates, %d about others, %d not readable",
		sum.Files, sum.Mails, sum.Reports, sum.New, sum.Duplicates, sum.Foreign, sum.Unreadable)
	p.say("signatures: %d verified, %d not, %d to be verified again", sum.Verified, sum.Unverified, sum.Pending)
	p.say("sessions in the new ones: %d good, %d failed", sum.Success, sum.Failure)
	if len(sum.Sources) > 1 {
		for _, of := range sum.Sources {
			p.printSource(p.out, "  ", of)
		}
	}
	for _, of := range sum.Sources {
		if of.Note != "" {
			p.say("  %s: %s", clean(of.Source), clean(of.Note))
		}
	}
	for _, s := range sum.Skipped {
		p.say("  skipped %s: %s", clean(s.Path), clean(s.Why))
	}
	return nil
}

// printSource is what came from one inbox, in a line.
func (p *program) printSource(w io.Writer, indent string, of rollout.SourceIntake) {
	fmt.Fprintf(w, "%s%s: %s, %s: %d new, %d duplicates, %d about others, %d not readable\n", indent, clean(of.Source),
		many(of.Mails, "mail"), many(of.Reports, "report"), of.New, of.Duplicates, of.Foreign, of.Unreadable)
	if of.Error != "" {
		fmt.Fprintf(w, "%s  not read to its end: %s\n", indent, clean(of.Error))
	}
}
