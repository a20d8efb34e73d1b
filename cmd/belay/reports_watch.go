package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"belay/providers/inbox"
	"belay/providers/inbox/imap"
	"belay/providers/inbox/valimail"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/world"
)

const (
	// longestRetry is how long a mailbox that cannot be reached is left alone at most.
	longestRetry = 5 * time.Minute
	// vendorEvery is how often a vendor is asked: it tells of what came days ago.
	vendorEvery = time.Hour
	// verifyEvery is how often pending signatures are verified again.
	verifyEvery = 10 * time.Minute
)

// watchInboxes takes in what there is, and then what comes, until ctx ends. Paths are
// looked at together, and each mailbox and vendor by itself, so that one that hangs
// holds none up. A mailbox that it is hopeless to ask again is given up: that is said
// at once, and is the error in the end.
func (p *program) watchInboxes(ctx context.Context, im importer, more, inboxes []string, every time.Duration) error {
	w := &watch{p: p, im: im, more: more, every: every, advised: map[string]bool{}}
	accounts, logins, err := mailboxesOf(inboxes)
	if err != nil {
		return err
	}
	var paths []string
	var following sync.WaitGroup
	for _, from := range inboxes {
		if account, ok := accounts[from]; ok {
			following.Go(func() { w.followMailbox(ctx, account, logins == 1) })
		} else if isVendors(from) {
			following.Go(func() { w.followVendor(ctx, from) })
		} else {
			paths = append(paths, from)
		}
	}
	if len(paths) > 0 {
		following.Go(func() { w.followPaths(ctx, paths) })
	}
	following.Wait()
	if ctx.Err() != nil && !p.flags.json {
		p.say("Stopped. What was taken is kept.")
	}
	return errors.Join(w.failed...)
}

// watch is what the followers share.
type watch struct {
	p     *program
	im    importer
	more  []string
	every time.Duration

	mu       sync.Mutex // over what is printed, and what follows
	failed   []error
	advised  map[string]bool // what was said once of what counts for nothing
	verified world.Stopwatch // since the last time
	begun    bool            // verified is running
}

// verifies reports whether a round is to verify pending signatures again.
func (w *watch) verifies() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun && w.verified.Elapsed() < verifyEvery {
		return false
	}
	w.begun, w.verified = true, world.Start()
	return true
}

// followPaths takes in what is new at the paths each time.
func (w *watch) followPaths(ctx context.Context, paths []string) {
	im := w.im
	im.seen = new(inbox.Seen)
	for {
		im.unverified = !w.verifies()
		sum, err := im.run(ctx, w.more, paths, nil)
		w.took(ctx, sum, err)
		if !rest(ctx, w.every) {
			return
		}
	}
}

// followMailbox takes in what comes into a folder.
func (w *watch) followMailbox(ctx context.Context, account imap.Account, only bool) {
	at := &bookmark{cursors: w.im.s.cursors, again: w.im.again}
	box := w.im.mailbox(account, at, only)
	defer box.Close()
	soonest := min(w.every, longestRetry)
	retry := soonest
	for {
		sum, err := w.readMailbox(ctx, box, at)
		w.took(ctx, sum, err)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			retry = soonest
			if box.Wait(ctx, w.every) != nil {
				return
			}
			continue
		case imap.Hopeless(err):
			w.giveUp(err)
			return
		case imap.Refused(err): // soon is no better, and a login may be locked
			retry = longestRetry
		}
		if !rest(ctx, retry) {
			return
		}
		retry = min(2*retry, longestRetry)
	}
}

// giveUp says that an inbox is followed no more.
func (w *watch) giveUp(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = append(w.failed, err)
	fmt.Fprintf(w.p.errs, "belay: %s; this mailbox is followed no more\n", finding.Clean(err.Error(), 1000))
}

// followVendor takes in what a vendor was sent. Its source remembers what was taken.
func (w *watch) followVendor(ctx context.Context, from string) {
	source := w.im.vendors(from, nil)
	for {
		sum, err := w.readVendor(ctx, source)
		w.took(ctx, sum, err)
		if !rest(ctx, max(w.every, vendorEvery)) {
			return
		}
	}
}

func (w *watch) readVendor(ctx context.Context, source *valimail.Source) (rollout.Intake, error) {
	im, of, err := w.im.at(ctx, w.more)
	if err != nil {
		return rollout.Intake{}, err
	}
	source.Ours = of.domains
	sum, err := im.From(ctx, nil, []inbox.Source{source}, nil)
	return sum, errors.Join(err, w.im.note(ctx, of, []string{source.String()}, sum, err))
}

// readMailbox takes in what came. The domains are asked for each time: a rollout may
// have begun meanwhile.
func (w *watch) readMailbox(ctx context.Context, box *imap.Mailbox, at *bookmark) (rollout.Intake, error) {
	im, of, err := w.im.at(ctx, w.more)
	if err != nil {
		return rollout.Intake{}, err
	}
	at.domains = of.domains
	var verifyErr error
	if w.verifies() {
		_, verifyErr = im.Reverify(ctx)
	}
	sum, err := im.From(ctx, nil, []inbox.Source{box}, nil)
	noteErr := w.im.note(ctx, of, []string{box.String()}, sum, err)
	if err == nil {
		err = box.Settle(ctx)
	}
	return sum, errors.Join(err, verifyErr, noteErr)
}

// took says what a round took, if anything, and what went wrong.
func (w *watch) took(ctx context.Context, sum rollout.Intake, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if sum.Files+sum.Mails+sum.Reports+len(sum.Skipped) > 0 {
		if w.p.flags.json {
			_ = w.p.printJSON(sum) // where nobody reads it, it is kept all the same
		} else {
			at := w.p.world.Clock.Now().Local().Format("15:04:05")
			for _, of := range sum.Sources {
				if of.Mails+of.Reports+of.Unreadable > 0 {
					w.p.printSource(w.p.out, at+"  ", of)
				}
				if of.Note != "" {
					w.p.say("%s  %s: %s", at, clean(of.Source), clean(of.Note))
				}
			}
			for _, said := range remarks(sum) {
				w.p.paragraph(said, "          ", "          ")
			}
			ours, storeErr := w.im.s.store.Domains(ctx)
			err = errors.Join(err, storeErr)
			for _, a := range w.p.advices(sum, lacking(w.more, ours)) {
				if !w.advised[a.command] {
					w.p.printAdvice("          ", a)
				}
				w.advised[a.command] = true
			}
			for _, s := range sum.Skipped {
				w.p.say("%s  skipped %s: %s", at, clean(s.Path), clean(s.Why))
			}
		}
	}
	if err != nil && ctx.Err() == nil && !imap.Hopeless(err) {
		fmt.Fprintf(w.p.errs, "belay: %s; it is tried again\n", finding.Clean(err.Error(), 1000))
	}
}

// rest waits, and says whether to go on.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
