package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// region is the byte that is locked. It lies far behind the holder's name, which
// others could not read if it were locked.
func region() *windows.Overlapped { return &windows.Overlapped{Offset: 1 << 30} }

// takeLock locks the open file f for itself.
func takeLock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, region())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errHeld
	}
	return err
}

func dropLock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, region())
}
