package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAcceptanceSFTP hosts the policy below nginx's folder through a real OpenSSH
// server: nothing is sent to one that known_hosts does not know, and then all of
// the way to enforce.
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
	b.enforced()
}

// TestAcceptanceStatic hosts the policy as a folder that the operator publishes,
// here by copying it to nginx: until that is done, no id announces it.
func TestAcceptanceStatic(t *testing.T) {
	b := openTestbed(t)
	pages := filepath.Join(b.TempDir(), "pages")
	b.host = "static:" + pages
	b.begin()
	for _, phase := range []string{"publish-dns", "host-policy"} {
		b.goesOn(phase)
	}
	b.publishes(pages, "mode: testing", "review-reports")
	b.stands("review-reports")
	b.goesOn("enforce")
	b.publishes(pages, "mode: enforce", "raise-max-age")
	if s := b.stands("raise-max-age"); s.Mode != "enforce" || s.MaxAge != 86400 {
		b.Errorf("want enforce for a day: %+v", s)
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
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // it gives its rights up there
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, "/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(dir, "config"))
	var said strings.Builder
	server.Stderr = &said
	if err := server.Start(); err != nil {
		b.Fatalf("start sshd: %v", err)
	}
	b.Cleanup(func() {
		stop()
		_ = server.Wait()
		if b.Failed() {
			b.Logf("sshd says:\n%s", said.String())
		}
	})
	b.until("sshd answers", func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	b.env = []string{"BELAY_SSH_KEY=" + filepath.Join(dir, "mine"), "BELAY_SSH_KNOWN_HOSTS=" + filepath.Join(dir, "known_hosts")}
	return address
}
