package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// TestAnInboxThatCannotBeReadIsNoSilence: next says so and does not move on, status says
// the same, and the next good reading lets go; what is waived in writing lets go too.
func TestAnInboxThatCannotBeReadIsNoSilence(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	away := b.Inbox() + ".away"
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(b.Inbox(), away)
	b.to(rollout.ReviewReports) // no phase before counts reports
	b.env["BELAY_IMAP_PASSWORD"] = "secret"
	for _, row := range []struct {
		name, inbox string
		back        func()
	}{
		{"a folder that is gone", b.Inbox(), func() { move(away, b.Inbox()) }},
		{"a server that cannot be reached", "imaps://tls@imap.gone.test/INBOX", func() { b.must(exitGood, "set", b.Domain(), "--inbox", b.Inbox()) }},
	} {
		b.must(exitGood, "set", b.Domain(), "--inbox", row.inbox)
		b.settled()
		held := func(g rollout.Gate) bool {
			return !g.Open && len(g.Closed()) == 1 && g.Closed()[0].Code == rollout.ReasonInbox && g.Closed()[0].Subject == row.inbox && g.Closed()[0].Unknown
		}
		r := b.must(exitFails, "next", b.Domain(), "--yes")
		if !strings.Contains(r.err, "inbox not read: "+row.inbox) || !strings.Contains(r.out, "could not be read at") {
			t.Errorf("%s: it says\n%s%s", row.name, r.out, r.err)
		}
		if s := b.status(); s.Phase != rollout.ReviewReports || !held(s.Gate) {
			t.Errorf("%s: status says %+v", row.name, s.Gate)
		}
		row.back()
		b.must(exitGood, "reports", "import", b.Inbox())
		if s := b.status(); !s.Gate.Open {
			t.Errorf("%s: read again, and held by %+v", row.name, s.Gate.Closed())
		}
	}

	move(b.Inbox(), away)
	b.settled()
	b.next(exitFails)
	b.must(exitGood, "override", b.Domain(), "--reason", "the mailbox moves this week")
	if p := b.next(exitGood); p.Phase != rollout.Enforce {
		t.Fatalf("waived, and in %s: %+v", p.Phase, p.Gate.Closed())
	}
	b.settled()
	if p := b.next(exitGood); !p.Applied || slices.ContainsFunc(p.Gate.Closed(), func(r rollout.Reason) bool { return r.Code == rollout.ReasonInbox }) {
		t.Errorf("waived until it is read, and held by %+v", p.Gate.Closed())
	}
}
