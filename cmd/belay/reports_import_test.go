package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

// take runs reports import for corp.test in this process, with in as standard input.
func take(t *testing.T, state, in string, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	p := newProgram(world.System(), strings.NewReader(in), &out, &errs, func(string) (string, bool) { return "", false })
	status := p.run(append([]string{"--state", state, "reports", "import", "--domain", "corp.test"}, args...))
	return ran{status, out.String(), errs.String()}
}

func placed(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImportSaysWhatEachSourceGave(t *testing.T) {
	state, dir, now := t.TempDir(), t.TempDir(), time.Now()
	one := placed(t, filepath.Join(dir, "a.json"), reportAbout("corp.test", "1", now, 5, 1))
	two := filepath.Join(dir, "more")
	placed(t, filepath.Join(two, "b.json"), reportAbout("corp.test", "2", now, 7, 0))
	placed(t, filepath.Join(two, "c.json"), reportAbout("other.test", "3", now, 7, 0))
	placed(t, filepath.Join(two, "d.json"), "{")
	got := take(t, state, reportAbout("corp.test", "4", now, 1, 1), one, two, "-")
	for _, want := range []string{
		"4 files, 4 reports: 3 new, 1 about others, 1 not readable\n",
		"signatures: 3 not verified\n",
		"  " + one + ": 1 report: 1 new\n",
		"  " + two + ": 2 reports: 1 new, 1 about others, 1 not readable\n",
		"  -: 1 report: 1 new\n",
		"1 report about domains without a rollout here left out: other.test. To take\nthem all the same:\n    belay --state " + state + " reports import --domain other.test FROM...\n",
		"corp.test has no rollout, so that no gate reads what is kept about it. To see\nit:\n    belay --state " + state + " reports show corp.test\n",
		"  skipped " + filepath.Join(two, "d.json") + ": ",
	} {
		if !strings.Contains(got.out, want) {
			t.Errorf("it does not say %q:\n%s", want, got.out)
		}
	}
	if got.status != exitGood || got.err != "" {
		t.Errorf("exit %d, %s", got.status, got.err)
	}
	var sum rollout.Intake
	again := take(t, state, "", "--json", one)
	if err := json.Unmarshal([]byte(again.out), &sum); err != nil || sum.Duplicates != 1 || len(sum.Sources) != 1 || sum.Sources[0].Duplicates != 1 || again.err != "" {
		t.Errorf("again: %s%s", again.out, again.err)
	}
}

func TestImportUsage(t *testing.T) {
	state := t.TempDir()
	for want, args := range map[string][]string{
		"the URL must not hold a password": {"imaps://a:hunter2@imap.corp.test/INBOX"},
		"belay reads no mail without TLS":  {"imap://a@imap.corp.test/INBOX"},
		"say who logs in":                  {"imaps://imap.corp.test/INBOX"},
		"--watch: the standard input ends": {"--watch", "-"},
		"unknown flag: --authserv-id":      {"--authserv-id", "mx.corp.test", state},
		"look once a second at most":       {"--watch", "--every", "1ms", state},
	} {
		if got := take(t, state, "", args...); got.status != exitCannot || !strings.Contains(got.err, want) || strings.Contains(got.err, "hunter2") {
			t.Errorf("%v: exit %d, %s", args, got.status, got.err)
		}
	}
	if got := take(t, state, "", filepath.Join(state, "nothing")); got.status != exitFails || !strings.Contains(got.out, "skipped ") {
		t.Errorf("a path that is not there: exit %d, %s%s", got.status, got.out, got.err)
	}
}

func TestWatchTakesWhatComes(t *testing.T) {
	state, dir, now := t.TempDir(), t.TempDir(), time.Now()
	placed(t, filepath.Join(dir, "cur", "1.host:2,S"), "Subject: nothing of the kind\n\n")
	placed(t, filepath.Join(dir, "new", "2.host"), "Subject: x\nContent-Type: application/tlsrpt+json\n\n"+reportAbout("corp.test", "1", now, 5, 1))
	box := placed(t, filepath.Join(t.TempDir(), "reports.mbox"), "")
	interrupts := make(chan os.Signal, 1)
	said := new(heard)
	p := newProgram(world.System(), strings.NewReader(""), said, io.Discard, func(string) (string, bool) { return "", false })
	p.interrupts = interrupts
	ended := make(chan int)
	go func() {
		ended <- p.run([]string{"--state", state, "reports", "import", "--domain", "corp.test", "--watch", "--every", "1s", dir, box})
	}()
	said.until(t, dir+": 2 mails, 1 report: 1 new, 1 not readable", 1)

	// A mail that was read is moved and marked by its server: it is no other mail.
	if err := os.Rename(filepath.Join(dir, "new", "2.host"), filepath.Join(dir, "cur", "2.host:2,S")); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(box, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mail := func(id string) {
		t.Helper()
		_, err := io.WriteString(f, "From a@b.test Mon Jun 15 12:00:00 2026\nSubject: x\nContent-Type: application/tlsrpt+json\n\n"+reportAbout("corp.test", id, now, 5, 1)+"\n\n")
		if err != nil {
			t.Fatal(err)
		}
	}
	mail("2")
	said.until(t, box+": 1 mail, 1 report: 1 new", 1)
	mail("3")
	// What is appended is read from the last mail on, which may not have been whole.
	said.until(t, box+": 2 mails, 2 reports: 1 new, 1 duplicate", 1)
	interrupts <- os.Interrupt
	if status := <-ended; status != exitGood {
		t.Errorf("it ended with status %d", status)
	}
	said.until(t, "Stopped. What was taken is kept.", 1)
	if text := said.String(); strings.Count(text, dir+": ") != 1 {
		t.Errorf("the Maildir was read more than once:\n%s", text)
	}
}

func TestRereadFindsNothingNewInWhatWasRead(t *testing.T) {
	state, dir, now := t.TempDir(), t.TempDir(), time.Now()
	placed(t, filepath.Join(dir, "a.json"), reportAbout("corp.test", "1", now, 5, 1))
	placed(t, filepath.Join(dir, "b.json.gz"), string(gzipOf(t, reportAbout("corp.test", "2", now, 5, 1))))
	placed(t, filepath.Join(dir, "c.eml"), "From: a@google.com\nContent-Type: application/tlsrpt+json\n\n"+reportAbout("corp.test", "3", now, 5, 1))
	if got := take(t, state, "", dir); got.status != exitGood || !strings.Contains(got.out, "3 new") {
		t.Fatalf("%+v", got)
	}
	for _, args := range [][]string{{"reread"}, {"reread", "corp.test"}} {
		var out, errs bytes.Buffer
		p := newProgram(world.System(), strings.NewReader(""), &out, &errs, func(string) (string, bool) { return "", false })
		if status := p.run(append([]string{"--state", state, "--json", "reports"}, args...)); status != exitGood || out.String() != `{"mails":3,"changed":0,"unreadable":0,"partly":0,"damaged":0}`+"\n" {
			t.Errorf("%v: exit %d, %s%s", args, status, out.String(), errs.String())
		}
	}
}

// TestImportThatIsStoppedSaysWhatItKept: a large mail is alone in memory till it was taken, so
// that when the fourth is being read the first was.
func TestImportThatIsStoppedSaysWhatItKept(t *testing.T) {
	quiet, w := io.Pipe()
	defer w.Close()
	var out, errs bytes.Buffer
	p := newProgram(world.System(), quiet, &out, &errs, func(string) (string, bool) { return "", false })
	interrupts := make(chan os.Signal, 1)
	p.interrupts = interrupts
	ended := make(chan int)
	go func() {
		ended <- p.run([]string{"--state", t.TempDir(), "reports", "import", "--domain", "corp.test", "-"})
	}()
	mail := "From a@b.test Mon Jun 15 12:00:00 2026\nSubject: x\nContent-Type: application/tlsrpt+json\n\n" + reportAbout("corp.test", "1", time.Now(), 5, 1) + strings.Repeat(strings.Repeat(" ", 70)+"\n", 6000) + "\n"
	if _, err := io.WriteString(w, strings.Repeat(mail, 4)); err != nil { // all but what is buffered is read when this returns
		t.Fatal(err)
	}
	interrupts <- os.Interrupt
	if status := <-ended; status != exitCannot {
		t.Errorf("exit %d", status)
	}
	if !regexp.MustCompile(`^\d mails?, \d reports?: 1 new[,\n]`).MatchString(out.String()) || !strings.Contains(errs.String(), "what was read is stored first") || !strings.Contains(errs.String(), "what was taken is kept") {
		t.Errorf("it said %s%s", out.String(), errs.String())
	}
}
