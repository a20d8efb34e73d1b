package tui

import (
	"io"
	"os"
	"sync"

	tea "github.com/charmbracelet/bubbletea"
)

// Courtesy is told when a key is read from the terminal, when the screen takes it, and
// when a frame has been written, so that other work can stand back until the frame is
// there that shows what the key did. A frame that is written between the first two
// does not: it was under way.
type Courtesy interface {
	Pressed()
	Taken()
	Shown()
}

// taking tells courtesy of each key that a screen takes.
func taking(courtesy Courtesy) func(tea.Model, tea.Msg) tea.Msg {
	return func(_ tea.Model, msg tea.Msg) tea.Msg {
		if _, ok := msg.(tea.KeyMsg); ok {
			courtesy.Taken()
		}
		return msg
	}
}

// attend tells courtesy, which may be nil, of each key read from in. A file stays
// one: bubbletea asks it for its descriptor.
func attend(in io.Reader, courtesy Courtesy) io.Reader {
	if f, ok := in.(*os.File); ok && courtesy != nil {
		return &keyFile{File: f, courtesy: courtesy}
	}
	return in
}

type keyFile struct {
	*os.File
	courtesy Courtesy
}

func (f *keyFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if n > 0 {
		f.courtesy.Pressed()
	}
	return n, err
}

// share makes writes to the terminal come one after another, since frames and
// clipboard sequences are written by different goroutines, and tells courtesy,
// which may be nil, of each. A file stays one, for bubbletea asks it for its size.
func share(w io.Writer, courtesy Courtesy) io.Writer {
	if f, ok := w.(*os.File); ok {
		return &sharedFile{File: f, courtesy: courtesy}
	}
	return &sharedWriter{w: w}
}

type sharedFile struct {
	*os.File
	courtesy Courtesy
	mu       sync.Mutex
}

func (f *sharedFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.File.Write(p)
	if f.courtesy != nil {
		f.courtesy.Shown()
	}
	return n, err
}

func (f *sharedFile) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

type sharedWriter struct {
	w  io.Writer
	mu sync.Mutex
}

func (s *sharedWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
