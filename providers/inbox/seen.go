package inbox

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Seen remembers which files were read, so that who looks again and again at the same
// folders reads each file once, and again only when it changed. Its zero value has
// seen nothing. Several imports may use it at a time: what it remembers then is what
// the last of them to end saw.
type Seen struct {
	mu    sync.Mutex
	files map[string]look
	whose string // what files was seen for; see Importer.SeenFor
}

// look is a file as it was when it was read.
type look struct {
	size int64
	at   time.Time
	// last is, in an mbox, where the last mail begins: what is appended follows it.
	last int64
	why  string // why it could not be listed or, when it was tried again, opened
	// unread says that it could not be opened or read: it is tried again and again.
	unread bool
}

// begin is what an import for whose looks at and fills. What was seen for another is
// forgotten: what was nobody's then, or unproven, may be ours now, or vouched. Of a
// nil Seen it is nil.
func (s *Seen) begin(whose string) *sight {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whose != whose {
		s.files, s.whose = nil, whose
	}
	return &sight{whose: whose, before: s.files, now: make(map[string]look, len(s.files))}
}

// keep remembers what an import saw whose reports are on disk, unless an import for
// another began meanwhile. Files that are gone are forgotten.
func (s *Seen) keep(now *sight) {
	if s == nil || now == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whose == now.whose {
		s.files = now.now
	}
}

// sight is what one import sees of files.
type sight struct {
	whose       string
	before, now map[string]look
}

// nameOf is what a file is remembered by.
func nameOf(it item) string {
	if !it.delivered {
		return it.path
	}
	// A mail server gives each mail a name of its own, moves it from new to cur, and
	// writes its flags behind a colon.
	return filepath.Join(filepath.Dir(filepath.Dir(it.path)), beforeFlags(filepath.Base(it.path)))
}

// missed notes that an item could not be read.
func (s *sight) missed(it item) {
	if s == nil {
		return
	}
	if now, listed := s.now[nameOf(it)]; listed {
		now.unread = true
		s.now[nameOf(it)] = now
	}
}

// stillUnread is why an item that could not be read before, and is not fresh, cannot
// be read now; nil for any other.
func (s *sight) stillUnread(it item) error {
	if s == nil || !s.now[nameOf(it)].unread {
		return nil
	}
	return errors.New(s.now[nameOf(it)].why)
}

// fresh reports whether an item is to be read: it was not, or it changed. For an
// mbox, from is where to begin.
func (s *sight) fresh(it item) (from int64, fresh bool) {
	if s == nil {
		return 0, true
	}
	key, now := nameOf(it), look{}
	switch {
	case it.err != nil:
		now.why = it.err.Error()
	case !it.delivered:
		info, err := os.Stat(it.path)
		if err != nil {
			return 0, true // it is gone, and said to be
		}
		now.size, now.at = info.Size(), info.ModTime()
	}
	was, known := s.before[key]
	now.last = was.last
	s.now[key] = now
	if !known {
		return 0, true
	}
	if was.unread && it.err == nil {
		f, err := openRegular(it.path)
		if err != nil {
			now.unread, now.why = true, err.Error()
			s.now[key] = now
			return 0, false
		}
		f.Close()
		return 0, true
	}
	if was.size == now.size && was.at.Equal(now.at) && was.why == now.why {
		return 0, false
	}
	if now.size < was.size || !leadAt(it.path, was.last) {
		return 0, true
	}
	return was.last, true
}

// ended notes where the last mail of an mbox begins.
func (s *sight) ended(path string, last int64) {
	if s == nil {
		return
	}
	now := s.now[path]
	now.last = last
	s.now[path] = now
}

func beforeFlags(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name
}

// leadAt reports whether a mail of an mbox begins at offset at of a file.
func leadAt(path string, at int64) bool {
	f, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(mboxLead))
	_, err = f.ReadAt(head, at)
	return err == nil && bytes.Equal(head, []byte(mboxLead))
}
