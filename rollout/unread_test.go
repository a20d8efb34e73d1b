package rollout_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

// postboxes are inboxes that could not be read.
type postboxes []rollout.UnreadInbox

func (p *postboxes) UnreadInboxes(context.Context) ([]rollout.UnreadInbox, error) {
	return slices.Clone(*p), nil
}

// What nobody could read is no silence: an inbox that could not be read holds the gates
// of phases 4 to 6 until it has been read, or an operator takes that upon himself.
func TestAnInboxThatCouldNotBeReadHoldsTheGatesThatCountReports(t *testing.T) {
	const inbox = "/var/mail/tls"
	for _, row := range []struct {
		in   rollout.Phase
		held bool
	}{
		{rollout.CheckMX, false}, {rollout.PublishDNS, false}, {rollout.HostPolicy, false},
		{rollout.ReviewReports, true}, {rollout.Enforce, true}, {rollout.RaiseMaxAge, true},
	} {
		t.Run(string(row.in), func(t *testing.T) {
			r := newRig(t)
			unread := &postboxes{}
			r.engine.Inboxes = unread
			s := hasty()
			s.Inboxes = []string{inbox}
			r.create(s)
			r.to(row.in)
			fails := func() {
				now := r.box.clock.Now()
				*unread = postboxes{{Source: inbox, Since: now, Tried: now, Why: "stat /var/mail/tls: no such\x1b file"}, {Source: "/of/another/rollout", Since: now, Tried: now}}
			}
			fails()
			p := r.next()
			closed := p.Gate.Closed()
			if row.held != (!p.Moved && !p.Applied && len(closed) == 1 && closed[0].Code == rollout.ReasonInbox && closed[0].Unknown && closed[0].Subject == inbox) {
				t.Fatalf("moved %v, applied %v: %s", p.Moved, p.Applied, reasons(p.Gate))
			}
			if !row.held {
				return
			}
			if strings.Contains(closed[0].Text, "\x1b") || !strings.Contains(closed[0].Text, "no such") {
				t.Errorf("it says %q", closed[0].Text)
			}
			r.box.clock.wind(time.Minute)
			if _, err := r.engine.Override(ctx, domain, "the mailbox moves this week"); err != nil {
				t.Fatal(err)
			}
			(*unread)[0].Tried = r.box.clock.Now() // still not
			if p := r.next(); !p.Moved && !p.Applied {
				t.Fatalf("waived in writing, and held by %s", reasons(p.Gate))
			}
			// It was read, and then could not be again: that is another matter.
			r.box.clock.wind(time.Minute)
			fails()
			shown, err := r.engine.Propose(ctx, domain, nil)
			if err != nil || !strings.Contains(reasons(shown.Gate), inbox) {
				t.Errorf("waived for ever: %s, %v", reasons(shown.Gate), err)
			}
			*unread = nil
			if shown, err = r.engine.Propose(ctx, domain, nil); err != nil || !shown.Gate.Open {
				t.Errorf("it was read: %s, %v", reasons(shown.Gate), err)
			}
		})
	}
}
