package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// runWatched runs a process to its end and says how much memory it had resident at
// most, in MiB: 0 where there is no /proc to ask. What the system says of an ended
// process will not do: that counts its parent's memory at the start as well.
func runWatched(t testing.TB, run *exec.Cmd) (most float64, err error) {
	t.Helper()
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	for {
		select {
		case err := <-ended:
			return most, err
		case <-time.After(2 * time.Millisecond):
			most = max(most, residentMost(run.Process.Pid))
		}
	}
}

// residentMost is the most memory that a running process had resident, in MiB.
func residentMost(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kib / 1024
		}
	}
	return 0
}
