package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// The acceptance tests drive the real binary, as an operator would, against
// servers that nobody of this project wrote: BIND, Knot, Postfix, nginx, unbound and
// postfix-mta-sts-resolver, which .ci/testbed starts and breaks (its README says
// how). What belay says is compared with what those servers say when they are
// asked directly.

// domain is the testbed's mail domain.
const domain = "corp.test"

// patience bounds everything a test waits for. Whatever takes this long has
// failed.
const patience = 60 * time.Second

// testbed is the servers and one operator's belay with a store of its own.
type testbed struct {
	*testing.T
	knobs string // the folder of scripts that break and mend the servers
	run   string // the servers' state
	belay string // the binary
	state string // the operator's store
	// server is the name server that belay is given, host:port.
	server string
	// addresses are those of the policy host that are to serve the policy.
	addresses []string
	// host is where the policy is hosted, as --host says it; empty for nginx's folder.
	host string
	// env is what the operator's environment has beside the DNS credentials.
	env []string
	// told is the policy that each id was announced for.
	told map[string]string
}

// openTestbed puts the servers back as at first and gives the test an operator
// with an empty store. Without servers the test is skipped, unless
// BELAY_ACCEPTANCE=1 says that they must be there.
func openTestbed(t *testing.T) *testbed {
	t.Helper()
	lacks := func(why string) {
		if os.Getenv("BELAY_ACCEPTANCE") == "1" {
			t.Fatalf("BELAY_ACCEPTANCE=1 asks for the testbed, and %s", why)
		}
		t.Skipf("ACCEPTANCE TEST NOT RUN: %s; .ci/README.md says how to start the servers", why)
	}
	home, run := os.Getenv("BELAY_TESTBED"), os.Getenv("LAB_RUN")
	if home == "" || run == "" {
		lacks("BELAY_TESTBED and LAB_RUN do not name it")
	}
	if out, err := exec.Command(filepath.Join(home, "status.sh")).CombinedOutput(); err != nil {
		lacks(fmt.Sprintf("status.sh says %v:\n%s", err, out))
	}
	binary, err := builtBelay()
	if err != nil {
		t.Fatal(err)
	}
	b := &testbed{
		T: t, knobs: filepath.Join(home, "bin"), run: run, belay: binary,
		state: filepath.Join(t.TempDir(), "state"), server: ns1 + ":53", addresses: []string{policyHost1},
		told: map[string]string{},
	}
	b.turn("reset.sh")
	return b
}

// builtBelay is the program as it is shipped, built once, beside the test's own
// binary, with which go test removes it.
var builtBelay = sync.OnceValues(func() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(filepath.Dir(self), "belay-accepted")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build belay: %w\n%s", err, out)
	}
	return binary, nil
})

// turn turns a knob. A knob returns when the server is seen to be in its new
// state.
func (b *testbed) turn(knob string, args ...string) {
	b.Helper()
	if out, err := b.script(knob, args...); err != nil {
		b.Fatalf("%s %s: %v\n%s", knob, strings.Join(args, " "), err, out)
	}
}

// script runs one of the testbed's scripts and returns what it printed.
func (b *testbed) script(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(b.knobs, name), args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// command is belay with the operator's flags and credentials.
func (b *testbed) command(args ...string) *exec.Cmd {
	flags := []string{"--state", b.state, "--resolver", "127.0.0.4:53", "--ca", filepath.Join(b.run, "ca", "bundle.pem"), "--control", "none"}
	cmd := exec.Command(b.belay, append(flags, args...)...)
	cmd.Env = append(os.Environ(),
		"SSL_CERT_FILE="+filepath.Join(b.run, "ca", "bundle.pem"),
		"RFC2136_NAMESERVER="+b.server, "RFC2136_TSIG_KEY=rollout", "RFC2136_TSIG_ALGORITHM=hmac-sha256",
		"RFC2136_TSIG_SECRET="+b.secret(), "TERM=xterm-256color")
	cmd.Env = append(cmd.Env, b.env...)
	return cmd
}

var keySecret = regexp.MustCompile(`secret "([^"]+)"`)

// secret is the key that lets belay, and nothing but the rollout's names, be
// changed in BIND.
func (b *testbed) secret() string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(b.run, "keys", "rollout.key"))
	found := keySecret.FindSubmatch(text)
	if err != nil || found == nil {
		b.Fatalf("read the rollout's TSIG key: %v", err)
	}
	return string(found[1])
}

// webroot is the folder that nginx serves.
func (b *testbed) webroot() string { return filepath.Join(b.run, "www", "mta-sts") }

// ended is what a belay left behind that has ended.
type ended struct {
	args []string
	exit int
	out  string // what it said
	errs string // and what went wrong
}

func (e ended) String() string {
	return fmt.Sprintf("belay %s: exit %d\n%s%s", strings.Join(e.args, " "), e.exit, e.out, e.errs)
}

// does runs belay to its end, which must have this exit status.
func (b *testbed) does(exit int, args ...string) ended {
	b.Helper()
	got := b.start(args...).end()
	if got.exit != exit {
		b.Fatalf("want exit %d of %v", exit, got)
	}
	return got
}

// background is a belay that was started and has not ended yet.
type background struct {
	*testbed
	cmd       *exec.Cmd
	out, errs heard
	waited    chan error
}

// start runs belay in the background. It is ended with the test at the latest.
func (b *testbed) start(args ...string) *background {
	b.Helper()
	r := &background{testbed: b, cmd: b.command(args...), waited: make(chan error, 1)}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.errs
	if err := r.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	go func() { r.waited <- r.cmd.Wait() }()
	b.Cleanup(r.kill)
	return r
}

// kill ends belay as a power cut would; one that has ended is left alone.
func (r *background) kill() {
	_ = r.cmd.Process.Kill()
	r.waited <- <-r.waited // gone now, and said to whoever asks again
}

// end waits for the end.
func (r *background) end() ended {
	r.Helper()
	select {
	case err := <-r.waited:
		r.waited <- err
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			r.Fatal(err)
		}
	case <-time.After(patience):
		r.Fatalf("%v does not end", r.cmd.Args)
	}
	return ended{r.cmd.Args[9:], r.cmd.ProcessState.ExitCode(), r.out.String(), r.errs.String()}
}

// until polls for a state of the world, which must come about.
func (b *testbed) until(what string, is func() bool) {
	b.Helper()
	for deadline := time.Now().Add(patience); !is(); {
		if time.Now().After(deadline) {
			b.Fatalf("waited in vain until %s", what)
		}
	}
}

// said decodes the one JSON object that belay printed.
func said[T any](b *testbed, e ended) T {
	b.Helper()
	var v T
	if err := json.Unmarshal([]byte(e.out), &v); err != nil {
		b.Fatalf("no JSON of %v: %v", e, err)
	}
	return v
}
