package main

import (
	"os"
	"os/user"
	"strings"
	"testing"
)

// TestAcceptanceTwoProcesses: of two belays on one domain one works and the other
// says who does; a third looks on undisturbed.
func TestAcceptanceTwoProcesses(t *testing.T) {
	b := openTestbed(t)
	b.begin()
	b.goesOn("publish-dns")
	b.turn("ns2-mode.sh", "lag")
	first := b.start("next", domain, "--json", "--yes")
	b.until("the first has written", func() bool { return b.dig(ns1, reportName, "TXT") != "" })

	refused := b.does(3, "next", domain, "--yes")
	for _, want := range []string{"another belay works on " + domain, operator(t)} {
		if !strings.Contains(refused.errs, want) {
			t.Errorf("the second does not say %q: %v", want, refused)
		}
	}
	b.finds("D02", reportName) // the third looks, and sees the server that lags

	b.turn("ns2-mode.sh", "sync")
	b.arrives(first, "host-policy")
	b.stands("host-policy")
	b.goesOn("review-reports") // the lock is free again
}

// operator is who runs the test, as belay names an operator.
func operator(t *testing.T) string {
	t.Helper()
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return who.Username + "@" + host
}

// TestAcceptanceResume: killed while it waits for a name server, and again while
// it waits for the policy host, belay goes on where the world is. Nothing is
// written twice.
func TestAcceptanceResume(t *testing.T) {
	b := openTestbed(t)
	b.begin()
	b.goesOn("publish-dns")

	serial := b.serial()
	b.turn("ns2-mode.sh", "lag")
	step := b.start("next", domain, "--yes")
	b.until("the report record is written", func() bool { return b.dig(ns1, reportName, "TXT") != "" })
	step.kill()
	if s := b.status(); s.Phase != "publish-dns" || s.Gate.Open {
		t.Fatalf("a step that was killed has not moved: %+v", s)
	}
	b.turn("ns2-mode.sh", "sync")
	if n := b.goesOn("host-policy"); len(n.Edits) != 1 || n.Edits[0].Outcome != "applied" && n.Edits[0].Outcome != "found" {
		t.Errorf("the edit should be settled: %+v", n.Edits)
	}
	b.stands("host-policy")
	if got := b.serial(); got != serial+1 {
		t.Errorf("BIND took %d updates for one record", got-serial)
	}

	serial = b.serial()
	b.turn("policy-mode.sh", "notfound")
	step = b.start("next", domain, "--yes")
	file := b.webroot() + "/.well-known/mta-sts.txt"
	b.until("the body is written", func() bool { _, err := os.Stat(file); return err == nil })
	step.kill()
	written := b.inode(file)
	planned := said[struct {
		Edits []editSaid
	}](b, b.does(0, "plan", domain, "--json"))
	b.turn("policy-mode.sh", "ok")
	b.goesOn("review-reports")
	s := b.stands("review-reports")
	if b.serial() != serial+1 || b.inode(file) != written {
		t.Errorf("BIND took %d updates for one id; the body's file %s is now %s", b.serial()-serial, written, b.inode(file))
	}
	if len(planned.Edits) != 2 || planned.Edits[1].PolicyID != s.PolicyID {
		t.Errorf("a plan that is resumed keeps its id: %+v, and %s is live", planned.Edits, s.PolicyID)
	}
}

// inode tells one file from another that was put in its place.
func (b *testbed) inode(file string) string {
	b.Helper()
	return b.asked("stat", "-c", "%i %y", file)
}
