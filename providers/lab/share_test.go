package lab_test

import (
	"errors"
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/world"
)

// visiting is set for the child process of TestAnotherProcessSeesTheLab.
const visiting = "BELAY_TEST_VISIT"

func TestMain(m *testing.M) {
	if address := os.Getenv(visiting); address != "" {
		fmt.Println(visit(address))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// visit is what the child does: it looks at the lab of its parent and says what it
// saw.
func visit(address string) string {
	ctx, cancel := contextFor(10 * time.Second)
	defer cancel()
	v, err := lab.Visit(ctx, address)
	if err != nil {
		return err.Error()
	}
	w := v.World()
	if _, err := w.Network.Dial(ctx, "tcp", at("192.0.2.12", 25)); err == nil || world.NoRoute(err) {
		return fmt.Sprintf("mx2 refuses, but: %v", err)
	}
	if _, err := w.Network.Dial(ctx, "tcp", at("198.51.100.1", 25)); !errors.Is(err, lab.ErrOutside) {
		return fmt.Sprintf("outside: %v", err)
	}
	conn, err := w.Network.Dial(ctx, "tcp", at("2001:db8::11", 25))
	if err != nil {
		return err.Error()
	}
	client, err := smtp.NewClient(conn, "mx1.corp.test")
	if err != nil {
		return err.Error()
	}
	defer client.Close()
	if err := client.StartTLS(tlsFor(w, "mx1.corp.test")); err != nil {
		return err.Error()
	}
	return w.Clock.Now().Format(time.RFC3339)
}

func TestAnotherProcessSeesTheLab(t *testing.T) {
	l := build(t, lab.Options{Still: true, Latency: time.Millisecond})
	address, err := l.Share()
	if err != nil {
		t.Fatal(err)
	}
	set(t, l, "mx2.refused", true)
	if err := l.Wind(200 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(soon(t), self, "-test.run=^$")
	child.Env = append(os.Environ(), visiting+"="+address)
	out, err := child.CombinedOutput()
	if got, want := strings.TrimSpace(string(out)), l.Now().Format(time.RFC3339); err != nil || got != want {
		t.Errorf("the child says %q, %v; want %s", got, err, want)
	}
}

func TestVisitorRunsOnWhenTheLabIsGone(t *testing.T) {
	l, err := lab.New(lab.Options{Dir: t.TempDir(), Still: true})
	if err != nil {
		t.Fatal(err)
	}
	address, err := l.Share()
	if err != nil {
		t.Fatal(err)
	}
	v, err := lab.Visit(soon(t), address)
	if err != nil {
		t.Fatal(err)
	}
	then := v.Now()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if now := v.Now(); now.Before(then) || now.Sub(then) > time.Minute {
		t.Errorf("the clock went from %s to %s", then, now)
	}
	if _, err := lab.Visit(soon(t), address); err == nil {
		t.Error("a lab that is gone was visited")
	}
}
