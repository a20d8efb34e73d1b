package main

import (
	"context"
	"errors"

	"belay/providers/inbox"
	"belay/rollout"
)

// importer takes TLS reports in for the rollouts of a session.
type importer struct {
	s *session
	// workers is how many files are read at once; 0 leaves it to the inbox. The
	// wizard reads one at a time: a key must never wait for an import.
	workers int
	// pause is called before each file is read and before each report is stored; nil
	// never waits.
	pause func()
}

// at is the import of what is about the session's rollouts, and about the domains
// in more, which need none.
func (im importer) at(ctx context.Context, more []string) (*inbox.Importer, error) {
	hosts := map[string][]string{}
	for _, domain := range more {
		hosts[domain] = nil
	}
	domains, err := im.s.store.Domains(ctx)
	if err != nil {
		return nil, err
	}
	for _, domain := range domains {
		seen, _, err := im.s.store.Evidence(ctx, domain)
		if err != nil {
			return nil, err
		}
		hosts[domain] = seen.MXNames()
	}
	reports := im.s.reports
	if im.pause != nil {
		reports = im.s.paced(im.pause)
	}
	return &inbox.Importer{
		Store: reports, Owner: inbox.Owners(hosts), LookupTXT: im.s.accounts.outside.txt, Clock: im.s.engine.Clock, Workers: im.workers, Pause: im.pause,
	}, nil
}

// Import takes in what lies at paths, and tries again the reports whose signature
// could not be verified before.
func (im importer) Import(ctx context.Context, domain string, paths []string, progress func(rollout.Intake)) (rollout.Intake, error) {
	var more []string
	if domain != "" {
		more = []string{domain}
	}
	return im.run(ctx, more, paths, progress)
}

func (im importer) run(ctx context.Context, more, paths []string, progress func(rollout.Intake)) (rollout.Intake, error) {
	at, err := im.at(ctx, more)
	if err != nil {
		return rollout.Intake{}, err
	}
	var tell func(inbox.Progress)
	if progress != nil {
		tell = func(so inbox.Progress) { progress(rollout.Intake{Files: so.Done, New: so.New}) }
	}
	_, verifyErr := at.Reverify(ctx)
	sum, err := at.Import(ctx, paths, tell)
	sum.Skipped = list(sum.Skipped)
	return sum, errors.Join(err, verifyErr)
}
