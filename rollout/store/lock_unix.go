//go:build unix

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// takeLock locks the open file f for itself. flock belongs to the open file, not
// to the process, so a second lock is refused within one process too.
func takeLock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return errHeld
		}
		return err
	}
}

func dropLock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
