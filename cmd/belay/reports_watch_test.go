package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"belay/rollout/world"
)

func TestWhatIsFollowedNoMoreIsSaidAtOnce(t *testing.T) {
	var errs bytes.Buffer
	p := newProgram(world.System(), strings.NewReader(""), io.Discard, &errs, func(string) (string, bool) { return "", false })
	w := &watch{p: p}
	w.giveUp(errors.New("log in at imap.corp.test: it refuses"))
	if got := errs.String(); got != "belay: log in at imap.corp.test: it refuses; this mailbox is followed no more\n" || len(w.failed) != 1 {
		t.Errorf("it says %q, and keeps %v", got, w.failed)
	}
}

func TestPendingSignaturesAreNotVerifiedInEveryRound(t *testing.T) {
	w := new(watch)
	if !w.verifies() || w.verifies() {
		t.Error("not in the first round alone")
	}
}
