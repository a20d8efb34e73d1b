package lab

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A folder is where a lab keeps its files: web roots and the Maildir. Beside it
// stands a lock file that the lab holds locked as long as it lives, so that Sweep
// can tell a killed lab's leftovers from a living one's.
type folder struct {
	path string
	lock *os.File
}

// The names of folders and their lock files.
const (
	folderPrefix = "belay-lab-"
	lockSuffix   = ".lock"
)

// makeFolder makes a lab's folder below dir.
func makeFolder(dir string, domains []string) (*folder, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := lockNew(dir)
	if err != nil {
		return nil, fmt.Errorf("make the lab's folder in %s: %w", dir, err)
	}
	var folders []string
	for _, domain := range domains {
		folders = append(folders, f.web(domain), f.otherWeb(domain))
	}
	for _, box := range []string{"tmp", "new", "cur"} {
		folders = append(folders, filepath.Join(f.inbox(), box))
	}
	for _, path := range folders {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("make the lab's folder: %w", err), f.remove())
		}
	}
	return f, nil
}

// lockNew takes a name that nobody has. A sweeper may grab a lock file in the
// moment before it is locked; then another name is taken.
func lockNew(dir string) (*folder, error) {
	for {
		path := filepath.Join(dir, folderPrefix+strings.ToLower(rand.Text()[:12]))
		lock, err := os.OpenFile(path+lockSuffix, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		held, err := tryLock(lock)
		if err != nil {
			return nil, errors.Join(err, lock.Close(), os.Remove(lock.Name()))
		}
		if held && stillThere(lock) {
			return &folder{path: path, lock: lock}, nil
		}
		lock.Close()
	}
}

// stillThere reports whether f is still the file of its name.
func stillThere(f *os.File) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(held, named)
}

func (f *folder) web(domain string) string { return filepath.Join(f.path, "web", domain) }
func (f *folder) otherWeb(domain string) string {
	return filepath.Join(f.path, "other-web", domain)
}
func (f *folder) inbox() string { return filepath.Join(f.path, "inbox") }

// remove takes the folder away, and its lock file last.
func (f *folder) remove() error {
	err := os.RemoveAll(f.path)
	return errors.Join(err, f.lock.Close(), os.Remove(f.lock.Name()))
}

// Sweep removes what labs that were killed have left below dir, the system's
// folder for temporary files where dir is empty. A living lab's folder is never
// touched. It returns the folders it removed.
func Sweep(dir string) (removed []string, err error) {
	if dir == "" {
		dir = os.TempDir()
	}
	locks, err := filepath.Glob(filepath.Join(dir, folderPrefix+"*"+lockSuffix))
	if err != nil {
		return nil, fmt.Errorf("sweep lab leftovers in %s: %w", dir, err)
	}
	var errs []error
	for _, name := range locks {
		swept, err := sweepOne(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep lab leftovers beside %s: %w", name, err))
		}
		if swept {
			removed = append(removed, strings.TrimSuffix(name, lockSuffix))
		}
	}
	return removed, errors.Join(errs...)
}

func sweepOne(name string) (swept bool, err error) {
	lock, err := os.OpenFile(name, os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return false, nil // gone meanwhile, or another user's
	}
	if err != nil {
		return false, err
	}
	defer lock.Close()
	held, err := tryLock(lock)
	if err != nil || !held || !stillThere(lock) {
		return false, err
	}
	f := &folder{path: strings.TrimSuffix(name, lockSuffix), lock: lock}
	return true, f.remove()
}
