//go:build unix

package tui

import (
	"context"
	"errors"
	"testing"

	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"
)

// Whoever is called off in the middle of typing has his terminal back as it was.
func TestATerminalIsAsItWasAfterASecret(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); tty.Close() })
	was, err := term.GetState(tty.Fd())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = ReadSecret(ctx, tty, func() {
		if hidden, err := term.GetState(tty.Fd()); err != nil || *hidden == *was {
			t.Errorf("at the prompt the terminal still shows what is typed (%v)", err)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if now, err := term.GetState(tty.Fd()); err != nil || *now != *was {
		t.Errorf("the terminal is not as it was: %v", err)
	}
}
