//go:build unix

package lab

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks f for as long as it is open. held is false where another open
// file has it locked.
func tryLock(f *os.File) (held bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
