package inbox

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
)

// list finds the files below paths: each path in the order given, what lies
// below it in the order of names. A folder with cur and new in it is a Maildir,
// of which every file is a mail and tmp is not read; in other folders the files
// with a report's or a mail's ending count, and folders in them are walked. Links
// are followed, each folder once. What cannot be listed is skipped with its
// reason; the error is the context's.
func list(ctx context.Context, paths []string) ([]item, []rollout.Skipped, error) {
	l := lister{ctx: ctx, walked: make(map[string]bool)}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			l.skip(path, err)
		case info.IsDir():
			l.folder(path, path)
		default:
			l.found = append(l.found, item{path: path, source: path, named: true, file: true})
		}
	}
	return l.found, l.skipped, ctx.Err()
}

type lister struct {
	ctx     context.Context
	found   []item
	skipped []rollout.Skipped
	walked  map[string]bool // real paths of the folders seen
}

func (l *lister) skip(path string, err error) {
	l.skipped = append(l.skipped, rollout.Skipped{Path: shown(path), Why: because(err)})
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
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		mode, err := followed(path, entry)
		switch name := entry.Name(); {
		case err != nil:
			l.skip(path, err)
		case maildir && mode.IsDir() && (name == "cur" || name == "new"):
			l.mails(path, source)
		case maildir && (name == "tmp" || mode.IsRegular()): // not delivered yet; the server's own files
		case mode.IsDir():
			l.folder(path, source)
		case mode.IsRegular() && (reportName(name) || strings.HasSuffix(strings.ToLower(name), ".eml")):
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
