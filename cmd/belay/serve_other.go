//go:build !unix

package main

import (
	"errors"
	"math"
	"syscall"
)

// handedOver takes no sockets: no service manager hands any over here.
func (p *program) handedOver() ([]handed, error) { return nil, nil }

// sharePort fails: here a port has one owner.
func sharePort(string, string, syscall.RawConn) error {
	return errors.New("--reuse-port: this system lets one program at a time listen at an address")
}

// openFiles is how many files this process may have open: as many as it likes.
func openFiles() uint64 { return math.MaxUint64 }
