package main

import (
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"belay/rollout/world"
)

// systemd started belay and listens to what becomes of it, as any other service
// manager may that speaks its protocol (sd_notify(3)); without one nothing is told.
type systemd struct {
	env func(string) (string, bool)
}

// telling is how long systemd may take to hear a message: it keeps a few that it has
// not read yet, and behind those a write waits. Signals do too, meanwhile.
const telling = time.Second

// tell sends these assignments in one message. Who does not hear it in time holds
// nothing up.
func (s systemd) tell(log *slog.Logger, assignments ...string) {
	address, ok := s.env("NOTIFY_SOCKET")
	if !ok || address == "" {
		return
	}
	if name, abstract := strings.CutPrefix(address, "@"); abstract {
		address = "\x00" + name
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err == nil {
		_ = conn.SetWriteDeadline(world.Deadline(telling)) // fails on no open socket
		_, err = conn.Write([]byte(strings.Join(assignments, "\n") + "\n"))
		_ = conn.Close()
	}
	if err != nil {
		log.Warn("systemd could not be told", "what", assignments[0], "error", err)
	}
}

// watchdog ticks twice in the time within which systemd wants to hear from belay;
// where it wants nothing, it never does.
func (s systemd) watchdog() *time.Ticker {
	never := func() *time.Ticker {
		t := time.NewTicker(time.Hour)
		t.Stop()
		return t
	}
	if pid, ok := s.env("WATCHDOG_PID"); ok && pid != strconv.Itoa(os.Getpid()) {
		return never()
	}
	text, _ := s.env("WATCHDOG_USEC")
	every, err := strconv.ParseInt(text, 10, 64)
	if err != nil || every < 2 {
		return never()
	}
	return time.NewTicker(time.Duration(every) * time.Microsecond / 2)
}
