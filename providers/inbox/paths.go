package inbox

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"belay/rollout/finding"
)

// local are paths on this machine: each a file, an mbox, a folder or a Maildir.
type local struct {
	paths  []string
	known  atomic.Int64 // items, by the listing; of mboxes an estimate
	listed atomic.Bool
	seen   *sight
	// unread are the paths of which something could not be listed or opened. They are
	// written by the goroutine that runs items, and read after it.
	unread []failure
}

// items hands out what lies at the paths.
func (f *local) items(ctx context.Context, hand func(item) error) error {
	found, err := list(ctx, f.paths)
	f.known.Store(int64(len(found)))
	f.listed.Store(true)
	if err != nil {
		return err
	}
	for _, it := range found {
		if it.unlisted || withheld(it.err) != nil {
			f.unread = note(f.unread, it.source, it.err)
		}
		from, fresh := f.seen.fresh(it)
		if !fresh {
			if err := f.seen.stillUnread(it); err != nil {
				f.unread = note(f.unread, it.source, err)
			}
			f.known.Add(-1)
			continue
		}
		if it.err == nil && (it.named || mboxName(it.path)) {
			if box, size := openMbox(it.path); box != nil {
				if err := f.mbox(it, box, from, size, hand); err != nil {
					return err
				}
				continue
			}
		}
		if err := hand(it); err != nil {
			return err
		}
	}
	return nil
}

// mbox hands out the mails of an mbox, however large it is, from an offset on.
func (f *local) mbox(it item, box *os.File, from, size int64, hand func(item) error) error {
	defer box.Close()
	if _, err := box.Seek(from, io.SeekStart); err != nil {
		return hand(item{path: it.path, source: it.source, err: err})
	}
	size -= from
	var refused error
	guess, last := int64(1), int64(0) // as one file its mails were counted already
	err := eachMail(newMbox(box), func(raw []byte, n int, start int64, err error) error {
		if start > 0 {
			now := max(size*int64(n-1)/start, int64(n))
			f.known.Add(now - guess)
			guess = now
		}
		last = start
		refused = hand(item{
			path: fmt.Sprintf("%s, mail %d", it.path, n), source: it.source, delivered: true, file: n == 1, raw: raw, err: err,
		})
		return refused
	})
	f.seen.ended(it.path, from+last)
	if refused != nil || err == nil {
		return refused
	}
	return hand(item{path: it.path, source: it.source, err: err})
}

// openMbox opens a file that begins as an mbox does; it is nil for any other.
func openMbox(path string) (box *os.File, size int64) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0
	}
	f, err := openRegular(path)
	if err != nil {
		return nil, 0
	}
	head := make([]byte, len(mboxLead))
	if _, err := f.ReadAt(head, 0); err != nil || string(head) != mboxLead {
		f.Close()
		return nil, 0
	}
	return f, info.Size()
}

func mboxName(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".mbox") }

// list finds the files below paths: each path in the order given, what lies
// below it in the order of names. A folder with cur and new in it is a Maildir,
// of which every file in new and then in cur is a mail and tmp is not read; in other folders the files
// with a report's, a mail's or an mbox's ending count, and folders in them are
// walked. Links are followed, each folder once. What cannot be listed is an item
// with its reason; the error is the context's.
func list(ctx context.Context, paths []string) ([]item, error) {
	l := lister{ctx: ctx, walked: make(map[string]bool)}
	for _, path := range paths {
		info, err := os.Stat(path)
		l.source = path
		switch {
		case err != nil:
			l.skip(path, err)
		case info.IsDir():
			l.folder(path, path)
		default:
			l.found = append(l.found, item{path: path, source: path, named: true, file: true})
		}
	}
	return l.found, ctx.Err()
}

type lister struct {
	ctx    context.Context
	found  []item
	source string          // of the path that is listed
	walked map[string]bool // real paths of the folders seen
}

// skip says that what lies at path could not be listed.
func (l *lister) skip(path string, err error) {
	l.found = append(l.found, item{path: path, source: l.source, err: err, unlisted: true})
}

func (l *lister) folder(dir, source string) {
	if l.ctx.Err() != nil {
		return
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		l.skip(dir, err)
		return
	}
	if l.walked[real] {
		return
	}
	l.walked[real] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		l.skip(dir, err)
		return
	}
	maildir := hasFolder(dir, "cur") && hasFolder(dir, "new")
	if maildir { // new before cur, so that a mail that is moved meanwhile is in one of them
		l.mails(filepath.Join(dir, "new"), source)
		l.mails(filepath.Join(dir, "cur"), source)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		mode, err := followed(path, entry)
		switch name := entry.Name(); {
		case err != nil: // a link that leads nowhere
			l.found = append(l.found, item{path: path, source: source, err: err})
		case maildir && (name == "new" || name == "cur"): // listed above
		case maildir && (name == "tmp" || mode.IsRegular()): // not delivered yet; the server's own files
		case mode.IsDir():
			l.folder(path, source)
		case mode.IsRegular() && (reportName(name) || mboxName(name) || strings.HasSuffix(strings.ToLower(name), ".eml")):
			l.found = append(l.found, item{path: path, source: source, file: true})
		}
	}
}

// mails takes every file of a Maildir's cur or new.
func (l *lister) mails(dir, source string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		l.skip(dir, err)
		return
	}
	l.found = slices.Grow(l.found, len(entries))
	for _, entry := range entries {
		if entry.Type().IsRegular() && !strings.HasPrefix(entry.Name(), ".") {
			l.found = append(l.found, item{path: filepath.Join(dir, entry.Name()), source: source, delivered: true, file: true})
		}
	}
}

func hasFolder(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.IsDir()
}

// followed is the kind of file that an entry is or, where it is a link, leads to.
func followed(path string, entry fs.DirEntry) (fs.FileMode, error) {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type(), nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Mode().Type(), nil
}

// shown is a path fit for a sentence: names of files are foreign text too.
func shown(path string) string { return finding.Clean(path, 300) }

// because is why something was skipped, in one clean line.
func because(err error) string { return finding.Clean(fmt.Sprint(err), 300) }
