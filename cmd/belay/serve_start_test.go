package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/store"
)

// Where belay itself serves the policy and does not run, it is belay serve that is to be
// started, everywhere: after new and set, in the finding, in the gate, and in JSON.
func TestWhereBelayServesItIsBelayServeThatIsToBeStarted(t *testing.T) {
	b := newBox(t, lab.Options{})
	args := []string{"new", b.Domain(), "--dns", "rfc2136", "--host", "serve", "--rua", "mailto:tlsrpt@" + b.Domain(), "--inbox", b.Inbox(), "--soak", "testing=0", "--soak", "silent=0"}
	for _, a := range b.PolicyAddresses() {
		args = append(args, "--host-address", a.String())
	}
	start := "  belay --state " + b.state + " serve\n"
	units := "  belay --state " + b.state + " export --systemd\n"
	if out := b.must(exitGood, args...).out; !strings.Contains(out, "No server runs on this store here") || !strings.Contains(out, start) || !strings.Contains(out, units) {
		t.Errorf("new says\n%s", out)
	}
	if out := b.must(exitGood, "set", b.Domain(), "--stray", "4").out; !strings.Contains(out, start) {
		t.Errorf("set says\n%s", out)
	}
	if out := b.must(exitGood, "--json", "set", b.Domain(), "--stray", "5").out; strings.Contains(out, "No server runs") {
		t.Errorf("with --json set says\n%s", out)
	}

	s := b.serve(mtasts.PolicyHost(b.Domain()))
	b.announced()
	if out := b.must(exitGood, "set", b.Domain(), "--stray", "4").out; strings.Contains(out, "belay --state") {
		t.Errorf("a server runs, and set says\n%s", out)
	}
	b.leadTo(s)
	b.to(rollout.ReviewReports)
	s.stop()
	b.settled()
	for _, run := range [][]string{{"check", b.Domain()}, {"next", b.Domain(), "--yes"}, {"status", b.Domain()}, {"check", b.Domain(), "--json"}} {
		told := strings.Join(strings.Fields(b.belay(run...).out), " ")
		if !strings.Contains(told, "H17") && run[0] != "next" || !strings.Contains(told, "belay serve (belay export --systemd prints a unit that keeps it running)") || strings.Contains(told, "Start the web server") {
			t.Errorf("%s says\n%s", run[0], told)
		}
	}
}

// announced waits until a server on the store has told the other belays of it, which it
// does beside serving.
func (b *box) announced() {
	b.t.Helper()
	kept, err := store.Open(b.t.Context(), b.state)
	if err != nil {
		b.t.Fatal(err)
	}
	defer kept.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	for {
		running, err := kept.Servers(ctx)
		if err != nil {
			b.t.Fatalf("no server is announced: %v", err)
		}
		if len(running) > 0 {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func TestACommandIsWrittenForTheShell(t *testing.T) {
	for state, want := range map[string]string{
		"":             "belay serve",
		"/srv/belay":   "belay --state /srv/belay serve",
		"/srv/a b/st":  "belay --state '/srv/a b/st' serve",
		"/srv/it's/st": `belay --state '/srv/it'\''s/st' serve`,
	} {
		p := &program{flags: flags{state: state}}
		if got := p.commandHere("serve"); got != want {
			t.Errorf("%q: %s, want %s", state, got, want)
		}
	}
}
