//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	sys "golang.org/x/sys/unix"
)

// firstHanded is the first file that a service manager hands over (sd_listen_fds(3)).
const firstHanded = 3

// handedOver takes the sockets that the service manager opened; none where it opened
// none for this process.
func (p *program) handedOver() ([]handed, error) {
	pid, _ := p.env("LISTEN_PID")
	count, _ := p.env("LISTEN_FDS")
	names, _ := p.env("LISTEN_FDNAMES")
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil // handed to a process before this one, which left its environment
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 64 {
		return nil, fmt.Errorf("take the sockets of the service manager: LISTEN_FDS is %q", count)
	}
	named := strings.Split(names, ":")
	var out []handed
	for i := range n {
		h := handed{}
		if i < len(named) {
			h.name = named[i]
		}
		if h.listener, err = takeSocket(firstHanded + i); err != nil {
			for _, taken := range out {
				_ = taken.listener.Close()
			}
			return nil, fmt.Errorf("take socket %d (%s) of the service manager: %w", i+1, h.name, err)
		}
		out = append(out, h)
	}
	return out, nil
}

// takeSocket makes a listener of an open file, and keeps it from child processes.
func takeSocket(fd int) (net.Listener, error) {
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "socket "+strconv.Itoa(fd))
	if file == nil {
		return nil, fmt.Errorf("file %d is not open", fd)
	}
	defer file.Close() // the listener has a copy of its own
	return net.FileListener(file)
}

// sharePort lets several servers listen at one address (SO_REUSEPORT).
func sharePort(_, _ string, conn syscall.RawConn) error {
	var failed error
	if err := conn.Control(func(fd uintptr) {
		failed = sys.SetsockoptInt(int(fd), sys.SOL_SOCKET, sys.SO_REUSEPORT, 1)
	}); err != nil {
		return err
	}
	return failed
}

// openFiles is how many files this process may have open.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // the usual
	}
	return uint64(limit.Cur)
}
