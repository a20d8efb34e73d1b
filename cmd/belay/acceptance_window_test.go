//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// A window is a terminal of 80x24 with the wizard in it, and an operator before it
// who knows nothing but what it shows: keys are looked up in its last lines by what
// they are said to do.
type window struct {
	*testbed
	tty *os.File
	cmd *exec.Cmd

	mu      sync.Mutex
	shown   *vt.Emulator
	changed chan struct{} // closed and made anew whenever something is drawn
	drawing sync.WaitGroup
}

// opens starts the wizard. It is ended with the test at the latest.
func (b *testbed) opens(args ...string) *window {
	b.Helper()
	w := &window{testbed: b, cmd: b.command(args...), shown: vt.NewEmulator(80, 24), changed: make(chan struct{})}
	tty, err := pty.StartWithSize(w.cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		b.Fatal(err)
	}
	w.tty = tty
	w.drawing.Go(w.draw)
	// What the terminal answers to the wizard's questions is typed like keys.
	w.drawing.Go(func() { _, _ = io.Copy(tty, w.shown) })
	b.Cleanup(func() {
		if w.cmd.ProcessState == nil {
			_ = w.cmd.Process.Kill()
			_ = w.cmd.Wait()
		}
		_ = tty.Close()
		w.drawing.Wait()
	})
	return w
}

// draw shows what the wizard writes until it ends.
func (w *window) draw() {
	for buf := make([]byte, 64<<10); ; {
		n, err := w.tty.Read(buf)
		w.mu.Lock()
		_, _ = w.shown.Write(buf[:n]) // an emulator takes everything
		close(w.changed)
		w.changed = make(chan struct{})
		if err != nil {
			_ = w.shown.Close()
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
}

// look is what stands in the window now, and a channel that closes when that
// changes.
func (w *window) look() (string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown.String(), w.changed
}

// await waits until the window is as wanted, and returns what it shows then.
func (w *window) await(what string, wanted func(text string) bool) string {
	w.Helper()
	for deadline := time.After(patience); ; {
		text, changed := w.look()
		if wanted(text) {
			return text
		}
		select {
		case <-changed:
		case <-deadline:
			w.Fatalf("the wizard does not show %s:\n%s", what, text)
		}
	}
}

// shows waits until all of these texts are in the window, however its lines are
// broken.
func (w *window) shows(texts ...string) string {
	w.Helper()
	return w.await(fmt.Sprintf("%q", texts), func(shown string) bool {
		for _, text := range texts {
			if !strings.Contains(unbroken(shown), text) {
				return false
			}
		}
		return true
	})
}

// keyFor looks up which key is said to do something: "a apply 2 edits" between
// spaces, in one of the last lines.
func keyFor(shown, does string) (key string, ok bool) {
	item := regexp.MustCompile(`(?:^|   )\s*(\S+) ` + does + `(?:   |\s*$)`)
	lines := strings.Split(strings.TrimRight(shown, "\n"), "\n")
	for i := len(lines) - 1; i >= max(0, len(lines)-8); i-- {
		if found := item.FindStringSubmatch(lines[i]); found != nil {
			return found[1], true
		}
	}
	return "", false
}

// press waits until the window says which key does this, a regular expression, and
// presses it.
func (w *window) press(does string) {
	w.Helper()
	shown := w.await("a key that does "+does, func(text string) bool {
		_, ok := keyFor(text, does)
		return ok
	})
	key, _ := keyFor(shown, does)
	w.strike(key)
}

// strike presses a key by the name that the window gives it.
func (w *window) strike(key string) {
	w.Helper()
	keys := map[string]string{"enter": "\r", "esc": "\x1b", "tab": "\t", "left/right": "\x1b[C", "ctrl+c": "\x03"}
	bytes, named := keys[key]
	if !named {
		bytes = key
	}
	if !named && len(key) != 1 {
		w.Fatalf("no such key on this keyboard: %s", key)
	}
	w.write(bytes)
}

// write types text.
func (w *window) write(text string) {
	w.Helper()
	if _, err := w.tty.WriteString(text); err != nil {
		w.Fatal(err)
	}
}

// quits leaves the wizard by ctrl+c, which every terminal has.
func (w *window) quits() {
	w.Helper()
	w.strike("ctrl+c")
	done := make(chan error, 1)
	go func() { done <- w.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			w.Fatalf("the wizard ended by %v", err)
		}
	case <-time.After(patience):
		text, _ := w.look()
		w.Fatalf("the wizard does not end:\n%s", text)
	}
}

// marked is the line of the window that is marked as the one in question, "" where
// none is.
func marked(shown string) string {
	for line := range strings.Lines(shown) {
		if strings.HasPrefix(line, "> ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// turns presses the key that does this again and again, until the marked line is as
// wanted. told is what of the line a press changes: a text that was just typed may
// still be on its way into it.
func (w *window) turns(does, what string, told func(line string) string, wanted func(line string) bool) {
	w.Helper()
	line, tries := "", 0
	for {
		before := line
		w.await("another marked line than "+before, func(shown string) bool {
			line = marked(shown)
			return line != "" && (before == "" || told(line) != told(before))
		})
		if wanted(line) {
			return
		}
		if tries++; tries > 20 {
			w.Fatalf("%s does not lead to %s", does, what)
		}
		w.press(does)
	}
}

// at goes forward in a form until this question is asked.
func (w *window) at(label string) {
	w.Helper()
	question := func(line string) string { asked, _, _ := strings.Cut(line, ":"); return asked }
	w.turns("next", label, question, func(line string) bool { return strings.Contains(line, label) })
}

// chooses turns through the answers to a question until this one is chosen, which
// stands in brackets.
func (w *window) chooses(label, answer string) {
	w.Helper()
	w.at(label)
	chosen := func(line string) string {
		_, after, _ := strings.Cut(line, "[")
		inside, _, _ := strings.Cut(after, "]")
		return inside
	}
	w.turns("choose", answer, chosen, func(line string) bool { return strings.Contains(chosen(line), answer) })
}

// reads pages down, as the window says that there is more, until this is shown.
func (w *window) reads(text string) {
	w.Helper()
	const more = "more below: down, pgdown"
	for range 20 {
		// While the wizard looks there is neither.
		shown := w.await(fmt.Sprintf("%q, nor that there is more", text), func(shown string) bool {
			return strings.Contains(unbroken(shown), text) || strings.Contains(shown, more)
		})
		if strings.Contains(unbroken(shown), text) {
			return
		}
		_, changed := w.look()
		w.write("\x1b[6~")
		select {
		case <-changed:
		case <-time.After(patience):
		}
	}
}
