package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestAcceptanceSender: what a rollout is for. A real sender delivers to a broken
// MX host as long as the policy is testing, and refuses to when it enforces; to a
// good one it delivers over verified TLS.
func TestAcceptanceSender(t *testing.T) {
	b := openTestbed(t)
	b.begin()
	for _, phase := range []string{"publish-dns", "host-policy", "review-reports"} {
		b.goesOn(phase)
	}
	b.stands("review-reports")
	b.onlyMX2Broken()
	b.delivers(delivered)
	b.turn("mx-mode.sh", "mx2", "valid")
	b.turn("dns.sh", "mx", "mx1:10", "mx2:20")

	b.goesOn("enforce")
	b.goesOn("raise-max-age")
	b.stands("raise-max-age")
	if log := b.delivers(delivered); !strings.Contains(log, "Verified TLS connection") {
		t.Errorf("mail went out, and not over verified TLS:\n%s", log)
	}
	b.onlyMX2Broken()
	if log := b.delivers(deferred); !strings.Contains(log, "certificate") {
		t.Errorf("mail is deferred, and not for the certificate:\n%s", log)
	}
	b.turn("mx-mode.sh", "mx2", "valid")
	b.delivers(delivered)
}

// onlyMX2Broken leaves the sender no way but an MX host whose certificate has
// expired: a bad one hides behind a good one.
func (b *testbed) onlyMX2Broken() {
	b.Helper()
	b.turn("dns.sh", "mx", "mx2:10")
	b.turn("mx-mode.sh", "mx2", "expired")
}

// What becomes of a mail, as send.sh tells by its exit status.
const (
	delivered = 0
	deferred  = 10
)

// delivers sends a mail through the sending Postfix, of which this must become,
// and returns what Postfix logged.
func (b *testbed) delivers(want int) string {
	b.Helper()
	b.sender(false) // the sender has looked since the policy changed
	log, err := b.script("send.sh")
	got := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		b.Fatal(err)
	}
	if got != want {
		b.Fatalf("send.sh exits %d, want %d:\n%s", got, want, log)
	}
	return log
}
