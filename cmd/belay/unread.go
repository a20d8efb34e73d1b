package main

import (
	"context"
	"slices"
	"time"

	"belay/providers/inbox"
	"belay/rollout"
)

// inboxNotes keeps which inboxes could not be read; the store does, and the gates ask
// it.
type inboxNotes interface {
	NoteInboxes(ctx context.Context, at time.Time, read []string, unread []rollout.UnreadInbox) error
}

// recipients are whom an import is for: the domains, sorted, and the inboxes of the
// rollouts among them, in the one form that an import knows them by, each as settings
// spell it.
type recipients struct {
	domains []string
	inboxes map[string][]string
}

// named adds the inboxes of a rollout's settings.
func (of recipients) named(inboxes []string) {
	for _, spelled := range inboxes {
		from, err := inboxOf(spelled)
		if err == nil && !slices.Contains(of.inboxes[from], spelled) {
			of.inboxes[from] = append(of.inboxes[from], spelled)
		}
	}
}

// note keeps which of the inboxes that an import tried could be read to their end, so
// that no gate takes one that could not for silence. An import that failed or was
// stopped by anything else tells nothing about them.
func (im importer) note(ctx context.Context, of recipients, tried []string, sum rollout.Intake, failed error) error {
	if ctx.Err() != nil || inbox.BesideSources(failed) != nil {
		return nil
	}
	now := im.s.engine.Clock.Now().UTC()
	var read []string
	var unread []rollout.UnreadInbox
	for _, from := range tried {
		why := ""
		if i := slices.IndexFunc(sum.Sources, func(s rollout.SourceIntake) bool { return s.Source == from }); i >= 0 {
			why = sum.Sources[i].Error
		}
		for _, spelled := range of.inboxes[from] {
			if why == "" {
				read = append(read, spelled)
			} else {
				unread = append(unread, rollout.UnreadInbox{Source: spelled, Since: now, Tried: now, Why: why})
			}
		}
	}
	return im.s.unread.NoteInboxes(ctx, now, read, unread)
}
