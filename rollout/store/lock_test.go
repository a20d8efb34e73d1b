package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"belay/rollout"
	"belay/rollout/store"
)

// TestMain lets the test binary be the second process: it does what BELAY_CHILD
// says instead of running tests.
func TestMain(m *testing.M) {
	switch os.Getenv("BELAY_CHILD") {
	case "":
		os.Exit(m.Run())
	case "lock":
		holdLock(os.Getenv("BELAY_DIR"))
	case "append":
		appendForEver(os.Getenv("BELAY_DIR"))
	case "reports":
		reportForEver(os.Getenv("BELAY_DIR"))
	}
}

// child starts this test binary as another process and reads its lines.
func child(t *testing.T, does, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "BELAY_CHILD="+does, "BELAY_DIR="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// The child ends when its standard input does, so that none outlives the test.
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		c.Process.Kill()
		c.Wait()
	})
	return c, bufio.NewScanner(out)
}

// holdLock takes the lock, says so, and holds it until standard input ends.
func holdLock(dir string) {
	s, err := store.Open(context.Background(), dir)
	if err == nil {
		_, err = s.Lock("corp.test", "bob@relay\x1b[31m")
	}
	fmt.Println(err)
	os.Stdin.Read(make([]byte, 1))
}

func TestLockIsRefusedWhileAnotherProcessLives(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	c, lines := child(t, "lock", dir)
	if !lines.Scan() || lines.Text() != "<nil>" {
		t.Fatalf("the other process says %q", lines.Text())
	}
	_, err := s.Lock("corp.test", "ann@mail")
	var locked *rollout.LockedError
	if !errors.As(err, &locked) || locked.Holder != "bob@relay" || locked.Domain != "corp.test" {
		t.Fatalf("got %v, want a refusal that names bob@relay", err)
	}
	// Others look and write undisturbed.
	if _, err := s.Append(t.Context(), "corp.test", 0, entry(rollout.Created)); err != nil {
		t.Error(err)
	}
	release, err := s.Lock("other.test", "ann@mail")
	if err != nil {
		t.Fatal(err)
	}
	release()

	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	release, err = s.Lock("corp.test", "ann@mail")
	if err != nil {
		t.Fatalf("death did not free the lock: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestLockIsRefusedWithinOneProcess(t *testing.T) {
	dir := t.TempDir()
	one, two := open(t, dir), open(t, dir)
	release, err := one.Lock("corp.test", "ann@mail")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*store.Store{one, two} {
		var locked *rollout.LockedError
		if _, err := s.Lock("corp.test", "eve@mail"); !errors.As(err, &locked) || locked.Holder != "ann@mail" {
			t.Errorf("second lock: %v", err)
		}
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = two.Lock("corp.test", "eve@mail")
	if err != nil {
		t.Fatalf("a released lock is still held: %v", err)
	}
	release()
}

func TestLockRefusesWhatIsNoFileName(t *testing.T) {
	s := open(t, t.TempDir())
	for _, domain := range []string{"", "../belay", "a/b", `a\b`, ".hidden", "CON:", "Corp.test", "c\x00"} {
		if release, err := s.Lock(domain, "ann"); err == nil {
			release()
			t.Errorf("%q was locked", domain)
		}
	}
}

// appendForEver writes entries and says after each that it is written.
func appendForEver(dir string) {
	s, err := store.Open(context.Background(), dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	var last int64
	for {
		written, err := s.Append(context.Background(), "corp.test", last, entry(rollout.Intended), entry(rollout.Received))
		if err != nil {
			fmt.Println(err)
			return
		}
		last = written[1].Seq
		fmt.Println(last)
	}
}

func TestKilledWriterLosesNothingItWasToldIsWritten(t *testing.T) {
	dir := t.TempDir()
	c, lines := child(t, "append", dir)
	var last string
	for range 20 {
		if !lines.Scan() {
			t.Fatal("the writer ended by itself")
		}
		last = lines.Text()
	}
	c.Process.Kill()
	for lines.Scan() { // what it still said before it died counts too
		last = lines.Text()
	}
	c.Wait()
	journal, err := open(t, dir).Journal(t.Context(), "corp.test")
	if err != nil {
		t.Fatal(err)
	}
	if len(journal) < 40 || len(journal)%2 != 0 {
		t.Fatalf("journal has %d entries; a commit is two, and 20 were told", len(journal))
	}
	if n := fmt.Sprint(journal[len(journal)-1].Seq); len(n) < len(last) || len(n) == len(last) && n < last {
		t.Errorf("the last entry is %s, but %s was told written", n, last)
	}
}
