package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// wholeWay leads a rollout, just begun, through all six phases to holding. put makes
// a step that writes a policy whose text has line, however that is done where this
// rollout is hosted. After each step every server is asked whether it agrees with
// belay, and the sender too: BIND, the policy host, postfix-mta-sts-resolver.
func (b *testbed) wholeWay(put func(line, phase string)) {
	b.Helper()
	for _, step := range []struct {
		line, phase string // no line: nothing is written to the policy host
		maxAge      uint32
	}{
		{"", "publish-dns", 0},
		{"", "host-policy", 0},
		{"mode: testing", "review-reports", 86400},
		{"", "enforce", 86400},
		{"mode: enforce", "raise-max-age", 86400},
		{"max_age: 604800", "raise-max-age", 604800},
		{"max_age: 2592000", "holding", 2592000},
	} {
		if step.line == "" {
			b.goesOn(step.phase)
		} else {
			put(step.line, step.phase)
		}
		if s := b.stands(step.phase); s.MaxAge != step.maxAge {
			b.Fatalf("want max_age %d after %s: %+v", step.maxAge, step.phase, s)
		}
	}
}

// TestAcceptanceSFTP hosts the policy below nginx's folder through a real OpenSSH
// server: nothing is sent to one that known_hosts does not know, and then all of
// the way.
func TestAcceptanceSFTP(t *testing.T) {
	b := openTestbed(t)
	address := b.sshd()
	b.host = "sftp://root@" + address + b.webroot()

	known := b.env
	b.env = []string{known[0], "BELAY_SSH_KNOWN_HOSTS=/dev/null"}
	if e := b.does(2, "new", domain, "--dns", "rfc2136", "--host", b.host, "--rua", "mailto:tlsrpt@corp.test"); !strings.Contains(e.String(), "known_hosts") {
		b.Errorf("a server that nobody knows is not told: %s", e)
	}
	b.env = known
	b.begin()
	b.wholeWay(func(_, phase string) { b.goesOn(phase) })
}

// TestAcceptanceStatic hosts the policy as a folder that the operator publishes,
// here by copying it to nginx: until that is done, no id announces it.
func TestAcceptanceStatic(t *testing.T) {
	b := openTestbed(t)
	pages := filepath.Join(b.TempDir(), "pages")
	b.host = "static:" + pages
	b.begin()
	b.wholeWay(func(line, phase string) { b.publishes(pages, line, phase) })
}

// TestAcceptanceManual hosts the policy by hand: what is put up is what belay shows,
// and nothing is announced before it answers. An upload that goes wrong is told by
// its name.
func TestAcceptanceManual(t *testing.T) {
	b := openTestbed(t)
	b.host = "manual"
	b.begin()
	right := filepath.Join(b.webroot(), ".well-known", "mta-sts.txt")
	b.wholeWay(func(line, phase string) {
		announced := b.dig(ns1, stsName, "TXT")
		if n := b.next(1); n.Moved || b.dig(ns1, stsName, "TXT") != announced {
			b.Fatalf("belay went on before anybody put the policy up: %+v", n)
		}
		var plan struct {
			ByHand []struct{ Text string } `json:"by_hand"`
		}
		printed := b.does(0, "plan", domain, "--form", "panel", "--json").out
		if err := json.Unmarshal([]byte(printed), &plan); err != nil || len(plan.ByHand) == 0 {
			b.Fatalf("plan --form shows nothing to be put up (%v): %s", err, printed)
		}
		_, body, _ := strings.Cut(plan.ByHand[0].Text, "\n\n")
		if !strings.Contains(body, line+"\r\n") {
			b.Fatalf("plan --form does not show the body with %q:\n%s", line, printed)
		}
		if phase == "review-reports" {
			b.uploads(right+".txt", body, "H05", ".txt twice")
			b.uploads(filepath.Join(b.webroot(), "mta-sts.txt"), body, "H05", "at the top of the site")
			b.uploads(right, "\ufeff"+body, "C01", "byte order mark")
		}
		if err := os.WriteFile(right, []byte(body), 0o644); err != nil {
			b.Fatal(err)
		}
		b.goesOn(phase)
	})
}

// uploads puts a policy up wrongly, which belay must tell by its name, and takes it
// away.
func (b *testbed) uploads(file, text, code, says string) {
	b.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	if r := b.closedBy(b.next(1).Gate, code, ""); !strings.Contains(r.Text+r.Fix, says) {
		b.Errorf("of %s belay says %s %s", filepath.Base(file), r.Text, r.Fix)
	}
	if err := os.Remove(file); err != nil {
		b.Fatal(err)
	}
}

// TestAcceptanceUnreadableWebroot writes where nginx, which runs as another user,
// cannot read: belay says which directory keeps it out and how that is opened, holds
// the id back, and goes on with the same plan once it is.
func TestAcceptanceUnreadableWebroot(t *testing.T) {
	b := openTestbed(t)
	b.begin()
	b.goesOn("publish-dns")
	b.goesOn("host-policy")
	if err := os.Chmod(b.webroot(), 0o700); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.Chmod(b.webroot(), 0o755) })
	n := b.next(1)
	r := b.closedBy(n.Gate, "H05", hostName)
	for _, says := range []string{"403", b.webroot() + " (drwx------ root:root) lets only root pass", "chmod o+x " + b.webroot()} {
		if !strings.Contains(r.Text+" | "+r.Fix, says) {
			b.Errorf("belay does not say %q: %+v", says, n.Gate)
		}
	}
	if got := b.dig(ns1, stsName, "TXT"); got != "" {
		b.Errorf("%s announces a policy that nobody can read", got)
	}
	if err := os.Chmod(b.webroot(), 0o755); err != nil {
		b.Fatal(err)
	}
	id := n.Edits[len(n.Edits)-1].PolicyID
	if next := b.goesOn("review-reports"); id == "" || b.stands("review-reports").PolicyID != id {
		b.Errorf("the plan that went on is not the one begun with id %s: %+v", id, next)
	}
}

// publishes lets belay write the folder, publishes it and sees belay go on.
func (b *testbed) publishes(pages, line, phase string) {
	b.Helper()
	announced := b.dig(ns1, stsName, "TXT")
	step := b.start("next", domain, "--json", "--yes")
	file := filepath.Join(".well-known", "mta-sts.txt")
	b.until("the folder holds "+line, func() bool {
		body, err := os.ReadFile(filepath.Join(pages, file))
		return err == nil && strings.Contains(string(body), line)
	})
	if now := b.dig(ns1, stsName, "TXT"); now != announced {
		b.Errorf("%s announces a policy that is not published", now)
	}
	if out, err := exec.Command("cp", "-rT", pages, b.webroot()).CombinedOutput(); err != nil {
		b.Fatalf("publish: %v: %s", err, out)
	}
	b.arrives(step, phase)
}

// sshd starts an OpenSSH server that lets the operator's key in, and returns where
// it listens.
func (b *testbed) sshd() (address string) {
	b.Helper()
	dir := b.TempDir()
	for _, key := range []string{"host", "mine"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			b.Fatalf("make a key: %v: %s", err, out)
		}
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // it gives its rights up there
		b.Fatal(err)
	}
	b.env = []string{"BELAY_SSH_KEY=" + filepath.Join(dir, "mine"), "BELAY_SSH_KNOWN_HOSTS=" + filepath.Join(dir, "known_hosts")}
	for range 5 {
		if address, ok := b.sshdIn(dir); ok {
			return address
		}
	}
	b.Fatal("sshd found no port free")
	return ""
}

// sshdIn starts sshd with what is in dir, at a port that was free a moment before; not
// ok where another program has taken it.
func (b *testbed) sshdIn(dir string) (address string, ok bool) {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address = ln.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	ln.Close() // for sshd, which cannot say which port it was given
	public, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	if err != nil {
		b.Fatal(err)
	}
	config := fmt.Sprintf(`ListenAddress 127.0.0.1
Port %[2]s
HostKey %[1]s/host
AuthorizedKeysFile %[1]s/mine.pub
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
`, dir, port)
	for name, text := range map[string]string{"config": config, "known_hosts": "[127.0.0.1]:" + port + " " + string(public)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, "/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(dir, "config"))
	var said strings.Builder
	server.Stderr = &said
	if err := server.Start(); err != nil {
		b.Fatalf("start sshd: %v", err)
	}
	gone := make(chan struct{})
	go func() { _ = server.Wait(); close(gone) }()
	b.Cleanup(func() {
		stop()
		<-gone
		if b.Failed() {
			b.Logf("sshd says:\n%s", said.String())
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
		}
		select {
		case <-gone: // whoever answered, it was not this one
			b.Logf("sshd ended: %s", said.String())
			return "", false
		case <-time.After(20 * time.Millisecond):
			if err == nil {
				return address, true
			}
		}
	}
	b.Fatal("sshd does not answer")
	return "", false
}
