package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// hastyExit tells the race detector's runtime not to sleep at the end.
const hastyExit = "atexit_sleep_ms=0"

// TestMain lets the test binary be belay, for scripts and terminals, and a belay that
// lives in a test's lab.
func TestMain(m *testing.M) {
	// A process built with the race detector sleeps for a second when it ends, and
	// the tests start some hundreds of them.
	os.Setenv("GORACE", hastyExit)
	testscript.Main(m, map[string]func(){
		"belay": main, guestName: guest, benchLab: beLab, benchBelay: beBelayInLab,
		manyLab: beManyLab, manyBelay: beManyBelay, manyShakes: beManyShakes,
		leastReading: beLeast,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": wantStatus},
		Setup: func(env *testscript.Env) error {
			// The operator's own state and credentials are nobody's business here.
			env.Setenv("XDG_STATE_HOME", env.WorkDir+"/xdg")
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
			env.Setenv("GORACE", hastyExit)
			return nil
		},
	})
}

// wantStatus runs belay and wants this very exit status: status N ARGS...
func wantStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("belay", args[1:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run belay: %v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("belay %s: exit %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}
