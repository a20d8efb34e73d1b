package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/term"
)

// longestSecret bounds what is typed or pasted as a secret, in bytes.
const longestSecret = 64 << 10

// ReadSecret reads one line that is typed at terminal without showing it, for
// commands that draw no screen. prompt is run once nothing is shown any more. The
// terminal is as it was when ReadSecret returns, also where ctx ended the waiting;
// the reading itself cannot be called off then and ends with the process.
func ReadSecret(ctx context.Context, terminal *os.File, prompt func()) (string, error) {
	was, err := term.MakeRaw(terminal.Fd())
	if err != nil {
		return "", fmt.Errorf("keep what is typed off the screen: %w", err)
	}
	prompt()
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := readHidden(terminal)
		typed <- line{text, err}
	}()
	var l line
	select {
	case l = <-typed:
	case <-ctx.Done():
		l.err = ctx.Err()
	}
	if err := term.Restore(terminal.Fd(), was); err != nil {
		return "", fmt.Errorf("make the terminal show again what is typed: %w", err)
	}
	if l.err != nil {
		return "", fmt.Errorf("nothing was typed: %w", l.err)
	}
	return strings.TrimSpace(l.text), nil
}

// errCalledOff says that the operator pressed ctrl+c or ctrl+d.
var errCalledOff = errors.New("it was called off")

// readHidden reads a line from a terminal that edits nothing by itself. What an
// arrow or another such key sends is no part of it: a control sequence ("ESC [" and
// all up to a letter or ~) or a key of the keypad ("ESC O" and one more).
func readHidden(r io.Reader) (string, error) {
	var text []byte
	var sequence byte // the last byte that began or introduces one; 0 outside
	for one := make([]byte, 1); ; {
		n, err := r.Read(one)
		switch {
		case n == 0 && err != nil:
			return "", err
		case n == 0:
			continue
		}
		c := one[0]
		switch {
		case sequence == '[' && c >= 0x40 && c <= 0x7e, sequence == 'O':
			sequence = 0
			continue
		case sequence == '[':
			continue
		case sequence == 0x1b && (c == '[' || c == 'O'):
			sequence = c
			continue
		}
		sequence = 0
		switch c {
		case 0x1b:
			sequence = c
		case '\r', '\n':
			return string(text), nil
		case 0x03, 0x04: // ctrl+c, ctrl+d
			return "", errCalledOff
		case 0x08, 0x7f: // backspace
			_, size := utf8.DecodeLastRune(text)
			text = text[:len(text)-size]
		case 0x15: // ctrl+u
			text = nil
		default:
			if c < ' ' {
				continue // what no secret has
			}
			if text = append(text, c); len(text) > longestSecret {
				return "", fmt.Errorf("it is longer than %d bytes", longestSecret)
			}
		}
	}
}
