package lab_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout/mtasts"
)

func bodyAt(t testing.TB, l *lab.Lab, ip string) string {
	t.Helper()
	resp, body, err := fetch(t, l, ip)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		return resp.Status
	}
	return body
}

func TestOneAddressFallsBehind(t *testing.T) {
	l := build(t, lab.Options{})
	writePolicy(t, l, "one")
	set(t, l, "policy.ipv6-stale", true)
	writePolicy(t, l, "two")
	if v4, v6 := bodyAt(t, l, "192.0.2.20"), bodyAt(t, l, "2001:db8::20"); v4 != "two" || v6 != "one" {
		t.Errorf("IPv4 serves %q, IPv6 %q", v4, v6)
	}
	set(t, l, "policy.ipv6-stale", false)
	if v6 := bodyAt(t, l, "2001:db8::20"); v6 != "two" {
		t.Errorf("caught up, and serves %q", v6)
	}
}

func TestSharedCacheAnswersForAnHour(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	set(t, l, "policy.cached", true)
	writePolicy(t, l, "one")
	bodyAt(t, l, "192.0.2.20")
	writePolicy(t, l, "two")
	for _, step := range []struct {
		wind      time.Duration
		body, age string
	}{
		{0, "one", "0"},
		{59 * time.Minute, "one", "3540"},
		{time.Minute, "two", "0"},
	} {
		if err := l.Wind(step.wind); err != nil {
			t.Fatal(err)
		}
		resp, body, err := fetch(t, l, "192.0.2.20")
		if err != nil {
			t.Fatal(err)
		}
		if h := resp.Header; body != step.body || h.Get("Age") != step.age || h.Get("Cache-Control") != "max-age=3600" {
			t.Errorf("after %s: %q, Age %s, %s", step.wind, body, h.Get("Age"), h.Get("Cache-Control"))
		}
	}
}

func TestPolicyHostsClockIsWrong(t *testing.T) {
	l := build(t, lab.Options{Still: true})
	writePolicy(t, l, "one")
	set(t, l, "policy.wrong-date", true)
	resp, _, err := fetch(t, l, "192.0.2.20")
	if err != nil {
		t.Fatal(err)
	}
	if date, _ := http.ParseTime(resp.Header.Get("Date")); l.Now().Sub(date) != 10*time.Minute {
		t.Errorf("Date %s, the lab has %s", date, l.Now())
	}
}

func TestTheOtherPolicyHostServesItsOwnFolder(t *testing.T) {
	l := build(t, lab.Options{})
	writePolicy(t, l, "here")
	addresses, root := l.OtherPolicyHost()
	if err := os.MkdirAll(filepath.Join(root, ".well-known"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, ".well-known", "mta-sts.txt"), []byte("there"), 0o644); err != nil {
		t.Fatal(err)
	}
	set(t, l, "policy.404", true)
	for _, ip := range addresses {
		if got := bodyAt(t, l, ip.String()); got != "there" {
			t.Errorf("%s serves %q", ip, got)
		}
	}
}

func TestNothingOutsideTheWebRootIsServed(t *testing.T) {
	l := build(t, lab.Options{})
	dir := filepath.Join(l.WebRoot(), ".well-known")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "mta-sts.txt")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if got := bodyAt(t, l, "192.0.2.20"); strings.Contains(got, "secret") {
		t.Errorf("serves %q", got)
	}
}

func TestOldTLSIsRefusedByClientsOfToday(t *testing.T) {
	l := build(t, lab.Options{})
	set(t, l, "mx1.old-tls", true)
	try := func(config *tls.Config) error {
		c, err := mailTo(t, l, "192.0.2.11", "mx1.corp.test")
		if err != nil {
			t.Fatal(err)
		}
		return c.StartTLS(config)
	}
	if err := try(clientTLS(l, "mx1.corp.test")); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
	old := clientTLS(l, "mx1.corp.test")
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	if err := try(old); err != nil {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func TestCloseLeavesNoGoroutineBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	l, err := lab.New(lab.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, l, mtasts.Testing, 86400, "1", "mx1.corp.test", "mx2.corp.test")
	if _, err := l.Share(); err != nil {
		t.Fatal(err)
	}
	if c, err := mailTo(t, l, "192.0.2.11", "mx1.corp.test"); err != nil || c.Noop() != nil {
		t.Fatal("an open session was wanted")
	}
	pass(t, l)
	bodyAt(t, l, "192.0.2.20")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.PassDay(t.Context()); err == nil {
		t.Error("a day passed in a closed lab")
	}
	// What is left has been waited for; the runtime may count it a moment longer.
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i == 100_000 {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}
