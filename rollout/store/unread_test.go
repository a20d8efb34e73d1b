package store_test

import (
	"slices"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
)

// TestUnreadInboxes: what could not be read is known to the next process, from when it
// first could not on, until it has been read.
func TestUnreadInboxes(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	first := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	failed := func(source string, at time.Time, why string) rollout.UnreadInbox {
		return rollout.UnreadInbox{Source: source, Since: at, Tried: at, Why: why}
	}
	const a, b = "/var/mail/tls", "imaps://tlsrpt@imap.corp.test/INBOX"
	for i, row := range []struct {
		at     time.Duration // after first
		read   []string
		unread []rollout.UnreadInbox
		want   []rollout.UnreadInbox
	}{
		{0, []string{a, b}, nil, nil},
		{0, []string{b}, []rollout.UnreadInbox{failed(a, first, "gone")}, []rollout.UnreadInbox{failed(a, first, "gone")}},
		{time.Hour, nil, []rollout.UnreadInbox{failed(b, first, "no route"), failed(a, first.Add(time.Hour), "denied")},
			[]rollout.UnreadInbox{{Source: a, Since: first, Tried: first.Add(time.Hour), Why: "denied"}, failed(b, first, "no route")}},
		{90 * time.Minute, []string{a}, nil, []rollout.UnreadInbox{failed(b, first, "no route")}},
		// Who cannot read what another process reads well is told of it once an hour has passed.
		{2 * time.Hour, nil, []rollout.UnreadInbox{failed(a, first.Add(2*time.Hour), "gone")}, []rollout.UnreadInbox{failed(b, first, "no route")}},
		{3 * time.Hour, nil, []rollout.UnreadInbox{failed(a, first.Add(3*time.Hour), "gone")},
			[]rollout.UnreadInbox{{Source: a, Since: first.Add(2 * time.Hour), Tried: first.Add(3 * time.Hour), Why: "gone"}, failed(b, first, "no route")}},
		{4 * time.Hour, []string{a, b}, nil, nil},
	} {
		s, err := store.Open(ctx, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.NoteInboxes(ctx, first.Add(row.at), row.read, row.unread); err != nil {
			t.Fatal(err)
		}
		got, err := s.UnreadInboxes(ctx)
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("step %d: %v, %v; want %v", i, got, err, row.want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
