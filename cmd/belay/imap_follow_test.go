package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
	"belay/rollout/world"
)

// TestKilledImportFromAMailboxLosesNothing kills belay with SIGKILL while it reads a
// mailbox, twice, each time behind a commit, and lets it go on: what was kept is read
// no more than a batch anew, nothing is lost and nothing counts twice.
func TestKilledImportFromAMailboxLosesNothing(t *testing.T) {
	belay, err := exec.LookPath("belay") // testscript put this very binary there
	if err != nil {
		t.Fatal(err)
	}
	const total, commit = 2600, 1000
	m, state := newMailServer(t, false), t.TempDir()
	for i := range total {
		m.deliver(fmt.Sprint(i))
	}
	take := func() *exec.Cmd {
		run := exec.Command(belay, "--state", state, "--ca", m.ca, "reports", "import", "--domain", reportedDomain, "--json", m.url)
		run.Env = append(os.Environ(), "BELAY_IMAP_PASSWORD="+mailServerPassword)
		return run
	}
	for n := 1; n <= 2; n++ {
		m.let(commit + commit/5) // more than one commit, fewer than two
		run := take()
		told := &writings{}
		run.Stdout, run.Stderr = told, told
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- run.Wait() }()
		began := mailsRead(t, state, m.url)
		kept := func() bool { // how far was read is noted behind what was read
			reports, _ := summedUp(t, state)
			return reports >= n*commit && mailsRead(t, state, m.url) > began
		}
		for !kept() {
			select {
			case err := <-ended:
				t.Fatalf("the import ended by itself: %v\n%s", err, told.b.Bytes())
			case <-time.After(10 * time.Millisecond):
			}
		}
		if err := run.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
		m.cut(func() {})
	}
	before, _ := summedUp(t, state)
	m.let(1 << 30)
	once := func() (sum rollout.Intake) {
		t.Helper()
		out, err := take().Output()
		if err == nil {
			err = json.Unmarshal(out, &sum)
		}
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if sum := once(); before != 2*commit || sum.New != total-before || sum.Duplicates > commit || sum.Mails != sum.New+sum.Duplicates {
		t.Errorf("with %d kept, the import that was let be: %d mails, %d new, %d duplicates", before, sum.Mails, sum.New, sum.Duplicates)
	}
	if sum := once(); sum.Mails != 0 {
		t.Errorf("and once more: %d mails", sum.Mails)
	}
	if reports, sessions := summedUp(t, state); reports != total || sessions != total*5 {
		t.Errorf("%d reports with %d sessions, want %d with %d", reports, sessions, total, total*5)
	}
}

// mailsRead is up to which mail the store has it that a mailbox was read.
func mailsRead(t *testing.T, state, url string) uint32 {
	t.Helper()
	if _, err := os.Stat(filepath.Join(state, "belay.db")); err != nil {
		return 0
	}
	s, err := store.Open(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, uid, err := s.MailboxCursor(t.Context(), url, []string{reportedDomain})
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

// TestAMailboxIsFollowedThroughWhatHappens: mail that comes is taken, after the server
// was lost and found again and after the folder was made anew, with IDLE and without.
func TestAMailboxIsFollowedThroughWhatHappens(t *testing.T) {
	for name, idle := range map[string]bool{"by IDLE": true, "by looking again": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, state := newMailServer(t, idle), t.TempDir()
			env := map[string]string{"BELAY_IMAP_PASSWORD": mailServerPassword}
			interrupts, said, errs := make(chan os.Signal, 1), new(heard), new(heard)
			p := newProgram(world.System(), strings.NewReader(""), said, io.MultiWriter(errs, said), func(name string) (string, bool) { v, ok := env[name]; return v, ok })
			p.interrupts = interrupts
			every := "1s"
			if idle {
				every = "1h" // only the server's word can bring what comes
			}
			ended := make(chan int, 1)
			m.deliver("1", "2", "3")
			go func() {
				ended <- p.run([]string{"--state", state, "--ca", m.ca, "reports", "import", "--domain", reportedDomain, "--watch", "--every", every, m.url})
			}()
			said.until(t, "3 mails, 3 reports: 3 new", 1)
			if idle {
				m.until("+ idling")
			}
			m.deliver("4")
			said.until(t, "1 mail, 1 report: 1 new", 1)
			m.cut(func() { m.deliver("5", "6") })
			said.until(t, "2 mails, 2 reports: 2 new", 1)
			if idle {
				m.until("+ idling")
			}
			m.cut(func() {
				m.madeAnew()
				m.deliver("6", "7", "8", "9")
			})
			said.until(t, "made anew", 1)
			said.until(t, "4 mails, 4 reports: 3 new, 1 duplicate", 1)
			interrupts <- os.Interrupt
			if status := <-ended; status != exitGood || !strings.Contains(said.String(), "What was taken is kept.") {
				t.Errorf("exit %d: %s", status, said.String())
			}
			if reports, sessions := summedUp(t, state); reports != 9 || sessions != 9*5 {
				t.Errorf("%d reports with %d sessions are kept:\n%s", reports, sessions, said.String())
			}
		})
	}
}
