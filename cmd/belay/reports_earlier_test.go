package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
	"belay/rollout/tlsrpt"
	"belay/rollout/world"
)

// TestRereadTakesWhatAnEarlierBelayKept: of a report that came in a mail attached to
// another, earlier versions kept the inner mail alone. It is read again as they read
// it, nothing of it is lost or counts twice, and the same mail imported once more is
// the same report.
func TestRereadTakesWhatAnEarlierBelayKept(t *testing.T) {
	state, now := t.TempDir(), time.Now()
	text := reportAbout("corp.test", "1", now, 5, 1)
	inner := "Date: " + now.UTC().Format(time.RFC1123Z) + "\r\nFrom: a@google.com\r\nContent-Type: application/tlsrpt+json\r\n\r\n" + text
	outer := "Received: from a.test by mx.corp.test; " + now.UTC().Format(time.RFC1123Z) + "\r\nFrom: postmaster@corp.test\r\nContent-Type: message/rfc822\r\n\r\n" + inner
	report, _, err := (&tlsrpt.Decoder{}).Decode(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	source := t.TempDir()
	func() {
		s, err := store.Open(t.Context(), state)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		taken, err := s.AddReports(t.Context(), []rollout.ReceivedReport{{
			Report: report, Standing: rollout.Verified, Signer: "google.com", Submitter: "google.com",
			Source: source, Path: filepath.Join(source, "outer.eml"), Raw: []byte(inner), Received: now, Arrived: now.UTC().Truncate(time.Second),
		}})
		if err != nil || taken[0] != rollout.TakenNew {
			t.Fatal(taken, err)
		}
	}()
	var out, errs bytes.Buffer
	p := newProgram(world.System(), strings.NewReader(""), &out, &errs, func(string) (string, bool) { return "", false })
	if status := p.run([]string{"--state", state, "reports", "reread"}); status != exitGood || out.String() != "1 mail read again: 0 say something else now, 0 could not be read and were left as they are\n" {
		t.Errorf("exit %d, %s%s", status, out.String(), errs.String())
	}
	got := take(t, state, "", placed(t, filepath.Join(source, "outer.eml"), outer))
	if !strings.Contains(got.out, "0 new, 1 duplicate") {
		t.Errorf("imported once more: %s%s", got.out, got.err)
	}
	if reports, sessions := summedUp(t, state); reports != 1 || sessions != 5 {
		t.Errorf("%d reports of %d sessions are summed up", reports, sessions)
	}
}
