//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// inPty starts belay in a terminal of 80x24 that answers nothing.
func inPty(t *testing.T, env []string, args ...string) (*os.File, *exec.Cmd) {
	t.Helper()
	belay, err := exec.LookPath("belay") // testscript put this very binary there
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(belay, args...)
	c.Env = append(os.Environ(), env...)
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty, c
}

// all reads until the other end of the terminal is closed.
func all(t *testing.T, tty io.Reader) []byte {
	t.Helper()
	text, err := io.ReadAll(tty)
	if err != nil && !errors.Is(err, syscall.EIO) { // how Linux says that it is closed
		t.Fatal(err)
	}
	return text
}

func TestVersionAsksTheTerminalNothing(t *testing.T) {
	began := time.Now()
	// A binary built to find races sleeps a second before it ends, unless told not to.
	tty, c := inPty(t, []string{"TERM=xterm-256color", "GORACE=" + hastyExit}, "version")
	text := all(t, tty)
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	if bytes.ContainsRune(text, 0x1b) {
		t.Errorf("it wrote an escape byte: %q", text)
	}
	if !strings.HasPrefix(string(text), "belay ") {
		t.Errorf("it wrote %q", text)
	}
}
