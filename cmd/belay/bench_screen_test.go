//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// Every frame of the wizard ends by putting the cursor into the last line of the
// window, which is 24 lines high here.
const (
	windowRows, windowColumns = 24, 80
	frameEnd                  = "\x1b[24;H"
)

// A frame is one frame of the wizard, and when its last byte was read.
type frame struct {
	bytes []byte
	at    time.Time
}

// A screen is a belay in a terminal, as seen from the other end of it.
type screen struct {
	b       *testing.B
	tty     *os.File
	process *exec.Cmd
	started time.Time
	frames  chan frame
	shown   *vt.Emulator
}

// onScreen starts program in a terminal and waits for its end when the benchmark
// ends.
func onScreen(b *testing.B, env []string, program string, args ...string) *screen {
	b.Helper()
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), append(env, "TERM=xterm-256color")...)
	s := &screen{b: b, process: c, frames: make(chan frame, 4096), shown: vt.NewEmulator(windowColumns, windowRows), started: time.Now()}
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: windowRows, Cols: windowColumns})
	if err != nil {
		b.Fatal(err)
	}
	s.tty = tty
	var reading sync.WaitGroup
	reading.Go(s.read)
	s.b.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Kill() // it did not come to its own end
			_ = c.Wait()
		}
		tty.Close()
		reading.Wait()
	})
	return s
}

// read takes frames off the terminal until it closes.
func (s *screen) read() {
	defer close(s.frames)
	var sofar []byte
	for buf := make([]byte, 64<<10); ; {
		n, err := s.tty.Read(buf)
		at := time.Now()
		sofar = append(sofar, buf[:n]...)
		for {
			before, after, whole := bytes.Cut(sofar, []byte(frameEnd))
			if !whole {
				break
			}
			s.frames <- frame{append(bytes.Clone(before), frameEnd...), at}
			sofar = bytes.Clone(after)
		}
		if err != nil {
			return
		}
	}
}

// await draws frames until one of them shows what is wanted, and returns when its
// last byte was read.
func (s *screen) await(what string, wanted func(text string) bool) time.Time {
	s.b.Helper()
	ctx, cancel := context.WithTimeout(s.b.Context(), 2*time.Minute)
	defer cancel()
	for {
		select {
		case f, ok := <-s.frames:
			if !ok {
				s.b.Fatalf("the wizard ended before it showed %s:\n%s", what, s.shown)
			}
			_, _ = s.shown.Write(f.bytes) // an emulator takes everything
			if wanted(s.shown.String()) {
				return f.at
			}
		case <-ctx.Done():
			s.b.Fatalf("the wizard does not show %s:\n%s", what, s.shown)
		}
	}
}

func (s *screen) awaitText(text string) time.Time {
	s.b.Helper()
	return s.await(text, func(shown string) bool { return strings.Contains(shown, text) })
}

// press writes one key and returns when.
func (s *screen) press(key string) time.Time {
	s.b.Helper()
	at := time.Now()
	if _, err := s.tty.WriteString(key); err != nil {
		s.b.Fatal(err)
	}
	return at
}

// leave ends the wizard and waits for it.
func (s *screen) leave() {
	s.b.Helper()
	s.press("\x03")
	for range s.frames {
		// What it still draws is nobody's to see.
	}
	if err := s.process.Wait(); err != nil {
		s.b.Fatalf("belay: %v", err)
	}
}

// shipped builds the very binary that is shipped.
func shipped(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "belay")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("build belay: %v\n%s", err, out)
	}
	return binary
}
