//go:build unix

package host

import "syscall"

// mayWrite asks the system whether this process may make and remove files in
// dir, without trying it.
func mayWrite(dir string) error {
	const writeAndSearch = 2 | 1 // W_OK, X_OK
	return syscall.Access(dir, writeAndSearch)
}
