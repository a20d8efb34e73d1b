package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"belay/rollout/finding"
)

// ReadWithin is how long the reading of an inbox speaks for it, whoever read it: an
// import that follows it may be able to where another process is not.
const ReadWithin = FreshFor

// UnreadInbox is an inbox that could not be read to its end when that was tried last.
// What has come there since is not known, so that no gate takes it for silence. A
// mail in it that is damaged is no such thing.
type UnreadInbox struct {
	// Source is the inbox as Settings.Inboxes names it.
	Source string
	// Since is when it could not be read for the first time since it last could, and
	// Tried when that was tried last.
	Since, Tried time.Time
	// Why is the reason, clean and in one line.
	Why string
}

// Inboxes keeps which inboxes could not be read, for all rollouts.
type Inboxes interface {
	UnreadInboxes(ctx context.Context) ([]UnreadInbox, error)
}

// unread are those of r's inboxes that could not be read.
func (e *Engine) unread(ctx context.Context, r Rollout) ([]UnreadInbox, error) {
	if e.Inboxes == nil || len(r.Settings.Inboxes) == 0 {
		return nil, nil
	}
	all, err := e.Inboxes.UnreadInboxes(ctx)
	return slices.DeleteFunc(all, func(u UnreadInbox) bool { return !slices.Contains(r.Settings.Inboxes, u.Source) }), err
}

// closeForUnread names each inbox that could not be read. It is an unknown, which an
// override covers until the inbox has been read.
func (r Rollout) closeForUnread(g *Gate) {
	for _, u := range r.Unread {
		source := finding.Clean(u.Source, 200)
		g.Close(Reason{
			Code: ReasonInbox, Subject: source, Unknown: true,
			Text: fmt.Sprintf("the inbox %s could not be read at %s, so nobody knows what has come: %s", source, stamp(u.Tried), finding.Clean(u.Why, 300)),
			Fix:  "see that it can be read, and belay next reads it; or take it upon yourself in writing: belay override " + r.Domain,
		})
	}
}

// stillUnread reports whether the inbox of an override could not be read since before
// that was written.
func (r Rollout) stillUnread(o Override, k ReasonKey) bool {
	return k.Code == ReasonInbox && slices.ContainsFunc(r.Unread, func(u UnreadInbox) bool {
		return finding.Clean(u.Source, 200) == k.Subject && !u.Since.After(o.At)
	})
}
