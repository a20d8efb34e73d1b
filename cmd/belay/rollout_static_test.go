package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// pagesBox is a lab whose policy stands in a folder that the operator publishes, by
// copying it to where the policy host answers.
type pagesBox struct {
	*box
	folder string
}

func newPagesBox(t *testing.T) *pagesBox {
	t.Helper()
	b := &pagesBox{box: newBox(t, lab.Options{}), folder: filepath.Join(t.TempDir(), "pages")}
	b.start("--host", "static:"+b.folder)
	return b
}

// laid is the file of the policy in the folder.
func (b *pagesBox) laid() string { return filepath.Join(b.folder, ".well-known", "mta-sts.txt") }

// holds fails unless the folder holds a policy with this line.
func (b *pagesBox) holds(line string) {
	b.t.Helper()
	text, err := os.ReadFile(b.laid())
	if err != nil || !strings.Contains(string(text), line) {
		b.t.Fatalf("the folder holds no policy with %q: %v\n%s", line, err, text)
	}
}

// publish copies the folder's policy to the policy host.
func (b *pagesBox) publish() {
	b.t.Helper()
	text, err := os.ReadFile(b.laid())
	dir := filepath.Join(b.WebRoot(), ".well-known")
	if err := errors.Join(err, os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "mta-sts.txt"), text, 0o644)); err != nil {
		b.t.Fatal(err)
	}
}

// reaches walks until phase, and publishes what each plan lays into the folder.
func (b *pagesBox) reaches(phase rollout.Phase) {
	b.t.Helper()
	for step := 0; b.status().Phase != phase; step++ {
		if step == 30 {
			b.t.Fatalf("after %d steps the rollout is not in %s:\n%s", step, phase, b.belay("status").out)
		}
		b.settled()
		r := b.belay("next", b.Domain(), "--yes", "--json")
		switch r.status {
		case exitGood:
		case exitFails:
			b.publish()
		default:
			b.t.Fatalf("next: exit %d\n%s%s", r.status, r.out, r.err)
		}
	}
}

// TestStepBackFromAFolderNotYetPublished: the next rung lies in the folder and is not
// published when the operator steps back: belay takes its own body out again, for no
// sender was ever told of it, and the way up is open afterwards.
func TestStepBackFromAFolderNotYetPublished(t *testing.T) {
	t.Parallel()
	b := newPagesBox(t)
	b.reaches(rollout.RaiseMaxAge)
	before := b.status()
	b.settled()
	b.next(exitFails)
	b.holds("max_age: 604800")

	b.stepBack(exitFails) // laid, and waiting to be published
	b.holds("mode: testing")
	b.publish()
	b.next(exitGood)
	b.inTesting(before)

	b.reaches(rollout.Holding)
	if seen := b.check(); seen.Policy.Mode != "enforce" || seen.Policy.MaxAge != rollout.MonthMaxAge {
		t.Errorf("at the end stands %+v", seen.Policy)
	}
}

// TestAPlanThatWasGivenUpLeavesNothingInTheWay: a plan made anew by other settings
// takes the place of the one whose body lies in the folder unpublished.
func TestAPlanThatWasGivenUpLeavesNothingInTheWay(t *testing.T) {
	t.Parallel()
	b := newPagesBox(t)
	b.reaches(rollout.HostPolicy)
	b.settled()
	b.next(exitFails)
	b.holds("mode: testing")
	b.must(exitGood, "set", b.Domain(), "--mx", "mx1.corp.test", "--mx", "mx2.corp.test", "--mx", "mx3.corp.test")
	b.settled()
	b.next(exitFails)
	b.holds("mx: mx3.corp.test")
	b.publish()
	b.next(exitGood)
	if s := b.status(); s.Phase != rollout.ReviewReports {
		t.Errorf("published, and the rollout is in %s", s.Phase)
	}
}

// TestAFolderKeepsWhatNobodyWasShown: a body in the folder that this rollout never
// meant to publish stays, belay says what to do about it, and the same plan goes on
// once it is gone.
func TestAFolderKeepsWhatNobodyWasShown(t *testing.T) {
	t.Parallel()
	b := newPagesBox(t)
	b.reaches(rollout.Enforce)
	b.publish()
	if err := os.WriteFile(b.laid(), []byte("mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.settled()
	r := b.belay("next", b.Domain(), "--yes")
	if told := strings.Join(strings.Fields(r.err), " "); r.status != exitRefused || !strings.Contains(told, b.laid()) || !strings.Contains(told, "move it away, and belay next goes on") {
		t.Errorf("exit %d, and it says:\n%s%s", r.status, r.out, r.err)
	}
	b.holds("mine")
	if err := os.Remove(b.laid()); err != nil {
		t.Fatal(err)
	}
	b.settled()
	b.reaches(rollout.RaiseMaxAge)
}

// TestStepBackFromEnforceThatWasOnlyLaid: enforce lies in the folder, nobody published
// it, and the operator steps back: its plan is given up, what senders know is announced
// anew, and belay says what lies there and what to put in its place.
func TestStepBackFromEnforceThatWasOnlyLaid(t *testing.T) {
	t.Parallel()
	b := newPagesBox(t)
	b.reaches(rollout.Enforce)
	before := b.status()
	b.settled()
	b.next(exitFails)
	b.holds("mode: enforce")
	if r := b.belay("undo", b.Domain(), "--yes"); r.status != exitRefused || !strings.Contains(r.err, "belay step-back corp.test gives it up") {
		t.Errorf("undo: exit %d, %s%s", r.status, r.out, r.err)
	}

	r := b.belay("step-back", b.Domain(), "--yes")
	told := strings.Join(strings.Fields(r.out), " ")
	for _, want := range []string{b.folder + " still holds the policy in mode enforce, which nobody published: do not publish it as it is",
		"Put the policy in mode testing into " + b.laid() + " first", "belay export corp.test --policy prints it"} {
		if !strings.Contains(told, want) {
			t.Errorf("it does not say %q:\n%s", want, r.out)
		}
	}
	if r.status != exitGood {
		t.Fatalf("exit %d, %s%s", r.status, r.out, r.err)
	}
	after := b.inTesting(before)
	if seen := b.check(); seen.Record.ID != after.PolicyID || seen.Policy.Mode != "testing" {
		t.Errorf("senders see %+v and %+v", seen.Record, seen.Policy)
	}
	if err := os.WriteFile(b.laid(), []byte(b.must(exitGood, "export", b.Domain(), "--policy").out), 0o644); err != nil {
		t.Fatal(err)
	}
	b.publish() // published by somebody's job in the night, it changes nothing
	b.settled()
	if seen := b.check(); seen.Policy.Mode != "testing" {
		t.Errorf("published, and senders see %+v", seen.Policy)
	}
	if r := b.belay("step-back", b.Domain(), "--yes"); r.status != exitRefused || !strings.Contains(r.err, "nothing to step back from") {
		t.Errorf("once more: exit %d, %s%s", r.status, r.out, r.err)
	}

	b.reaches(rollout.RaiseMaxAge) // the way up is open
}
