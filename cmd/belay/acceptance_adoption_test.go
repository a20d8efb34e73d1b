package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAcceptanceForeignEnforce: somebody else has enforced a policy, and senders
// hold it. belay takes it up where it stands, lowers and loses nothing, and
// changes it only by a plan that was shown.
func TestAcceptanceForeignEnforce(t *testing.T) {
	b := openTestbed(t)
	b.turn("foreign.sh", "enforce", "theirs2025", "1209600")
	b.turn("dns.sh", "rpt", "mailto:theirs@corp.test")
	theirs := b.curl(policyHost1).body

	refused := b.does(3, "new", domain, "--dns", "rfc2136", "--host", "webroot:"+b.webroot(), "--rua", "mailto:tlsrpt@corp.test")
	if !strings.Contains(refused.errs, "mode enforce with max_age 1209600, announced by id theirs2025") || !strings.Contains(refused.errs, "--adopt") {
		t.Fatalf("belay should say what is live, and how it is adopted: %v", refused)
	}
	b.does(2, "status", domain)
	s := b.begin("--adopt")
	if s.Phase != "raise-max-age" || s.Rung != 1209600 || s.Mode != "enforce" || s.PolicyID != "theirs2025" || s.MaxAge != 1209600 {
		t.Fatalf("want their policy adopted on its rung: %+v", s)
	}
	b.stands("raise-max-age")
	if got := b.curl(policyHost1).body; got != theirs {
		t.Errorf("adopting changed the body to\n%s", got)
	}

	// The report record is theirs as well. It is added to, once it was shown.
	refused = b.does(3, "next", domain, "--yes")
	if !strings.Contains(refused.errs, "did not write") || !strings.Contains(refused.errs, "--plan") {
		t.Errorf("belay should say that it did not write what stands there, and how to go on: %v", refused)
	}
	b.untouched(theirs)
	b.shownThenCarriedOut()
	for _, server := range []string{ns1, ns2} {
		if got := b.dig(server, reportName, "TXT"); got != `"v=TLSRPTv1; rua=mailto:theirs@corp.test,mailto:tlsrpt@corp.test"` {
			t.Errorf("%s has %s at %s, want their address and ours", server, got, reportName)
		}
	}
	b.stands("raise-max-age")

	// Then the last rung, which replaces their body and their id.
	b.does(3, "next", domain, "--yes")
	b.untouched(theirs)
	b.shownThenCarriedOut()
	s = b.stands("holding")
	if s.Mode != "enforce" || s.MaxAge != 2592000 || s.PolicyID == "theirs2025" {
		t.Errorf("want enforce for 30 days under an id of belay's: %+v", s)
	}
}

// untouched fails unless their policy stands as they left it, and is enforced.
func (b *testbed) untouched(body string) {
	b.Helper()
	if got := b.curl(policyHost1).body; got != body {
		b.Errorf("nothing was accepted, and the body is now\n%s", got)
	}
	for _, server := range []string{ns1, ns2} {
		if got := b.dig(server, stsName, "TXT"); got != announced("theirs2025") {
			b.Errorf("nothing was accepted, and %s answers %s", server, got)
		}
		if got := b.dig(server, reportName, "TXT"); !strings.Contains(got, "mailto:theirs@corp.test") {
			b.Errorf("nothing was accepted, and %s answers %s", server, got)
		}
	}
	if !b.enforces() {
		b.Errorf("the sender no longer enforces: %s", b.sender(false))
	}
}

// shownThenCarriedOut saves the plan that shows what is replaced, and carries out
// that very plan. The sender enforces all the while.
func (b *testbed) shownThenCarriedOut() {
	b.Helper()
	file := filepath.Join(b.TempDir(), "plan.json")
	b.does(0, "plan", domain, "--out", file)
	step := b.start("next", domain, "--plan", file, "--json")
	for over := false; !over; {
		if !b.enforces() {
			b.Fatalf("while belay works the sender does not enforce: %s", b.sender(false))
		}
		select {
		case err := <-step.waited:
			step.waited <- err
			over = true
		default:
		}
	}
	if got := step.end(); got.exit != 0 {
		b.Fatalf("%v", got)
	}
}

// TestAcceptanceForeignPolicies: where a rollout begins that finds a policy.
func TestAcceptanceForeignPolicies(t *testing.T) {
	for _, c := range []struct{ shows, mode, maxAge, phase string }{
		{"testing is under review", "testing", "86400", "review-reports"},
		{"enforce for a day stands before the first rung", "enforce", "86400", "enforce"},
		{"enforce for as long as the target holds", "enforce", "2592000", "holding"},
	} {
		t.Run(c.shows, func(t *testing.T) {
			b := openTestbed(t)
			b.turn("foreign.sh", c.mode, "theirs2025", c.maxAge)
			if s := b.begin("--adopt"); s.Phase != c.phase || s.Mode != c.mode || s.PolicyID != "theirs2025" {
				t.Fatalf("want phase %s: %+v", c.phase, s)
			}
			b.stands(c.phase)
		})
	}
}
