package rollout_test

import (
	"testing"

	"belay/rollout"
)

// TestWhoGivesMailboxesIsNotKnown: each user of such a domain can write a report that
// it signs.
func TestWhoGivesMailboxesIsNotKnown(t *testing.T) {
	for _, org := range []string{"yahoo.com", "mail.ru", "comcast.net", "web.de", "gmx.net", "proton.me", "protonmail.com", "mailbox.org", "posteo.de", "soverin.net", "t-online.de", "seznam.cz", "fastmail.com", "gmail.com", "outlook.com"} {
		if rollout.DefaultSettings().Knows(org) {
			t.Errorf("%s is a known sender", org)
		}
		if !(rollout.Settings{Senders: []string{org}}).Knows(org) {
			t.Errorf("%s is not known where the operator says so", org)
		}
	}
}
