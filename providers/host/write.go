package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"belay/rollout"
)

// scratch begins the name of a body on its way into place. Web servers do not
// serve it under any name a sender asks for, and a leftover of a belay that was
// killed is known by it.
const scratch = ".belay-mta-sts-"

// write makes the file hold v, or removes it where v is Absent. At every instant
// the name leads to the old bytes or the new ones, whole; after it returned, so
// does the disk.
func (w Webroot) write(v rollout.Value) error {
	dir := filepath.Join(w.Dir, wellKnown)
	if !v.Exists {
		if err := os.Remove(w.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("remove policy", err)
		}
		return explain("remove policy", syncDir(dir))
	}
	made, err := makeDir(dir)
	if err != nil {
		return explain("write policy", err)
	}
	if err := w.replace(dir, v.Body); err != nil {
		if made {
			_ = os.Remove(dir) // only empty it goes, and only what we made
		}
		return explain("write policy", err)
	}
	return nil
}

func (w Webroot) replace(dir, body string) (err error) {
	sweep(dir)
	f, err := os.CreateTemp(dir, scratch+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.WriteString(body); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil { // whatever the umask: a web server must read it
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), w.path()); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes .well-known, readable for every web server, where it is missing.
func makeDir(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := errors.Join(os.Chmod(dir, 0o755), syncDir(filepath.Dir(dir))); err != nil {
		_ = os.Remove(dir)
		return false, err
	}
	return true, nil
}

// sweep removes what a killed belay left behind. The rollout's lock keeps a
// living one's out of here.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), scratch) && entry.Type().IsRegular() {
			_ = os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
}

// syncDir makes a directory's entries durable. Windows has no such call and does
// not need one.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// explain says in one sentence what failed and, where it is one of the usual
// causes, what to do.
func explain(act string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: no permission; run belay as a user who may write there: %w", act, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%s: the disk is full; nothing was changed: %w", act, err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s: the file system is mounted read-only: %w", act, err)
	}
	return fmt.Errorf("%s: %w", act, err)
}
