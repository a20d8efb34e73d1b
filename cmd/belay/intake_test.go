package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"belay/providers/inbox"
	"belay/providers/lab"
)

// TestWhatWasSeenIsReadAgainOnceItMayBeWorthMore: whoever follows an inbox reads it
// again when another belay begins a rollout, sees other MX hosts or is told whom to
// believe, and at no other time.
func TestWhatWasSeenIsReadAgainOnceItMayBeWorthMore(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "1.eml"), []byte("From: tls@sender.test\r\n\r\nno report\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := b.certsProgram().with(context.Background(), func(s *session) error {
		im := importer{s: s, workers: 1, seen: new(inbox.Seen)}
		for _, row := range []struct {
			what  string
			do    func()
			again bool
		}{
			{"the first time", func() {}, true},
			{"nothing happened", func() {}, false},
			{"a host of the MX is gone", func() { record(b.Domain(), "MX", "10 mx1.corp.test.")(b); b.settled(); b.check() }, true},
			{"the others are seen again", func() { b.settled(); b.check() }, false},
			{"its own MX is believed", func() { b.must(exitGood, "set", b.Domain(), "--authserv-id", "mx1.corp.test") }, true},
			{"something else is set", func() { b.must(exitGood, "set", b.Domain(), "--min-reporters", "1") }, false},
			{"it is believed no more", func() { b.must(exitGood, "set", b.Domain(), "--authserv-id", "") }, true},
		} {
			row.do()
			sum, err := im.run(t.Context(), nil, []string{folder}, nil)
			if err != nil || (sum.Files > 0) != row.again {
				t.Errorf("%s: %d files read, want any: %v; error %v", row.what, sum.Files, row.again, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
