//go:build unix

package main

import (
	"bytes"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestDemoOpensOnTheLabAndLeavesNothingBehind runs the demo in a terminal, waits
// until its domain is on the screen, ends it by a signal, and looks at what is left.
func TestDemoOpensOnTheLabAndLeavesNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a whole lab")
	}
	tmp, home := t.TempDir(), t.TempDir()
	tty, c := inPty(t, []string{"TERM=xterm-256color", "TMPDIR=" + tmp, "HOME=" + home, "XDG_STATE_HOME=" + home}, "demo")
	if err := tty.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Logf("the terminal has no deadlines: %v", err)
	}
	var screen []byte
	for buf := make([]byte, 4096); !bytes.Contains(screen, []byte("corp.test")); {
		n, err := tty.Read(buf)
		screen = append(screen, buf[:n]...)
		if err != nil {
			t.Fatalf("the terminal closed (%v) after\n%q", err, screen)
		}
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	screen = append(screen, all(t, tty)...)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v after\n%q", err, screen)
	}
	for _, dir := range []string{tmp, home} {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range left {
			t.Errorf("the demo left %s behind", entry.Name())
		}
	}
}
