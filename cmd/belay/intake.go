package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"belay/providers/inbox"
	"belay/rollout"
	"belay/rollout/world"
)

// importer takes TLS reports in for the rollouts of a session.
type importer struct {
	s *session
	// workers is how many files are read at once; 0 leaves it to the inbox. The
	// wizard reads one at a time: a key must never wait for an import.
	workers int
	// in is what comes on the standard input; nil where nothing can.
	in io.Reader
	// markSeen has mails whose reports were taken marked as seen, and again has
	// mailboxes read from their beginning.
	markSeen, again bool
	// seen, where set, leaves out files that did not change since they were read.
	seen *inbox.Seen
	// unverified leaves the pending signatures as they are.
	unverified bool
	// pause is called before each file is read and before each report is stored; nil
	// never waits.
	pause func()
}

// at is the import of what is about the session's rollouts, and about the domains
// in more, which need none; and whom it is for.
func (im importer) at(ctx context.Context, more []string) (*inbox.Importer, recipients, error) {
	hosts := map[string][]string{}
	for _, domain := range more {
		hosts[domain] = nil
	}
	authserv := map[string][]string{}        // what MX each rollout's operator believes
	rollouts := map[string]rollout.Rollout{} // as far as their journals tell
	domains, err := im.s.store.Domains(ctx)
	if err != nil {
		return nil, recipients{}, err
	}
	of := recipients{inboxes: map[string][]string{}}
	for _, domain := range domains {
		seen, _, err := im.s.store.Evidence(ctx, domain)
		if err != nil {
			return nil, recipients{}, err
		}
		hosts[domain] = seen.MXNames()
		journal, err := im.s.store.Journal(ctx, domain)
		if err != nil {
			return nil, recipients{}, err
		}
		r, err := rollout.Fold(domain, journal)
		if err != nil {
			return nil, recipients{}, err
		}
		authserv[domain], rollouts[domain] = r.Settings.AuthservID, r
		of.named(r.Settings.Inboxes)
	}
	reports := im.s.reports
	if im.pause != nil {
		reports = im.s.paced(im.pause)
	}
	of.domains = slices.Sorted(maps.Keys(hosts))
	return &inbox.Importer{
		Store: reports, Owner: inbox.Owners(hosts), LookupTXT: im.s.accounts.outside.txt, Clock: im.s.engine.Clock, Workers: im.workers, Pause: im.pause,
		AuthServ: authserv, Seen: im.seen, SeenFor: worthOf(hosts, authserv),
		Knows: func(org string) bool {
			for _, r := range rollouts {
				if r.Knows(org) {
					return true
				}
			}
			return false
		},
		Trusts: func(domain, source string) bool { return rollouts[domain].TrustsSource(source) },
	}, of, nil
}

// worthOf stands for what the worth of a report depends on: the domains, each with its
// MX hosts, and the ids that their operators believe.
func worthOf(hosts, authserv map[string][]string) string {
	sorted := make(map[string][]string, len(hosts))
	for domain, names := range hosts {
		sorted[domain] = slices.Sorted(slices.Values(names)) // DNS gives them in any order
	}
	return fmt.Sprintf("%q %q", sorted, authserv)
}

// Import takes in what there is in the inboxes, and tries again the reports whose
// signature could not be verified before. Inboxes are as an operator types them; one
// that cannot be read is no error but stands in the Intake's sources, and in the gates
// of the rollouts whose inbox it is.
func (im importer) Import(ctx context.Context, domain string, inboxes []string, progress func(rollout.ImportProgress)) (rollout.Intake, error) {
	named := make([]string, len(inboxes))
	for i, typed := range inboxes {
		from, err := inboxOf(typed)
		if err != nil {
			return rollout.Intake{}, err
		}
		named[i] = from
	}
	var more []string
	if domain != "" {
		more = []string{domain}
	}
	var tell func(inbox.Progress)
	if progress != nil {
		begun := world.Start()
		tell = func(so inbox.Progress) { progress(howFar(so, begun)) }
	}
	sum, err := im.run(ctx, more, named, tell)
	return sum, inbox.BesideSources(err)
}

func (im importer) run(ctx context.Context, more, inboxes []string, tell func(inbox.Progress)) (rollout.Intake, error) {
	at, of, err := im.at(ctx, more)
	if err != nil {
		return rollout.Intake{}, err
	}
	from, err := im.sourcesOf(inboxes, of.domains)
	if err != nil {
		return rollout.Intake{}, err
	}
	var verifyErr error
	if !im.unverified {
		_, verifyErr = at.Reverify(ctx)
	}
	sum, err := at.From(ctx, from.paths, from.others, tell)
	sum.Skipped = list(sum.Skipped)
	noteErr := im.note(ctx, of, inboxes, sum, err)
	if settleErr := from.settle(ctx); err == nil {
		err = settleErr
	}
	return sum, errors.Join(err, verifyErr, noteErr)
}
