package dns_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/providers"
	"belay/providers/dns"
	"belay/rollout"
)

// beforeRecipe is a name server's configuration up to the recipe, with the folder
// and the port for %[1]s and %[2]s, the key's secret for %[3]s.
var beforeRecipe = map[string]string{
	"named": `key belay { algorithm hmac-sha256; secret "%[3]s"; };
controls { };
options {
  directory "%[1]s"; pid-file none; session-keyfile "%[1]s/session.key"; lock-file none;
  listen-on port %[2]s { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; notify no; dnssec-validation no; allow-transfer { none; };
};
zone "corp.test" {
  type primary; file "%[1]s/corp.test.zone";
`,
	"knotd": `server:
  rundir: "%[1]s"
  listen: 127.0.0.1@%[2]s
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "%[1]s/db"
  journal-db-max-size: 32M
log:
  - target: stderr
    any: info
key:
  - id: belay
    algorithm: hmac-sha256
    secret: "%[3]s"
`,
}

// afterRecipe is the rest of it.
var afterRecipe = map[string]string{
	"named": "};\n",
	"knotd": `zone:
  - domain: corp.test
    storage: "%[1]s"
    acl: [belay-update, belay-transfer]
`,
}

// recipeOf is the part of the catalogue's recipe that is written into this
// server's configuration.
func recipeOf(t *testing.T, daemon string) string {
	t.Helper()
	p, ok := providers.Lookup(providers.DNS, "rfc2136")
	if !ok {
		t.Fatal("the catalogue has no rfc2136")
	}
	bind, knot, both := strings.Cut(p.RecipeFor(domain), "\nKnot, ")
	start := strings.Index(bind, "  update-policy {")
	if daemon == "knotd" {
		bind, start = knot, strings.Index(knot, "  acl:")
	}
	if !both || start < 0 {
		t.Fatalf("no recipe for %s in:\n%s", daemon, p.Recipe)
	}
	var lines []string
	for line := range strings.Lines(bind[start:]) {
		lines = append(lines, strings.TrimPrefix(line, "  "))
	}
	return strings.Join(lines, "") + "\n"
}

// TestAcceptanceRecipe: what the catalogue tells an admin to write into BIND's and
// Knot's configuration is all that belay needs, and lets its key change nothing
// else.
func TestAcceptanceRecipe(t *testing.T) {
	for _, daemon := range []string{"named", "knotd"} {
		t.Run(daemon, func(t *testing.T) {
			openTestbed(t, "bind") // for its packages and its namespace
			server, secret := startByRecipe(t, daemon)
			a, err := dns.Open("rfc2136", map[string]string{"server": server, "key_name": "belay", "key": secret}, dns.Options{Domain: domain})
			if err != nil {
				t.Fatal(err)
			}
			trial, err := a.Try(ctx(t), domain)
			if lines := strings.Join(trial.Lines, "\n"); err != nil || strings.Contains(lines, "does not let") || strings.Contains(lines, "one by one") {
				t.Fatalf("%v in:\n%s", err, lines)
			}
			for _, e := range []rollout.Edit{
				edit("_mta-sts", "TXT", nil, list(sts1)), edit("_smtp._tls", "TXT", nil, list(rpt)),
				edit("mta-sts", "A", nil, list("192.0.2.20")), edit("mta-sts", "AAAA", nil, list("2001:db8::20")),
				edit("mta-sts", "A", list("192.0.2.20"), nil), edit("mta-sts", "AAAA", list("2001:db8::20"), nil),
				edit("mta-sts", "CNAME", nil, list("host.example")),
				edit("_mta-sts", "TXT", list(sts1), nil), edit("_mta-sts", "CNAME", nil, list("sts.vendor.example")),
				edit("_smtp._tls", "TXT", list(rpt), nil), edit("_smtp._tls", "CNAME", nil, list("rpt.vendor.example")),
			} {
				if r, err := a.Apply(ctx(t), e); r.Outcome != rollout.Applied {
					t.Errorf("%s: %s, %v", e, r.Outcome, err)
				}
			}
			for line, allowed := range map[string]bool{
				"_acme-challenge.mta-sts.corp.test. 60 TXT x": true,
				"corp.test. 60 MX 10 evil.example.":           false,
				"www.corp.test. 60 A 192.0.2.66":              false,
				"x._mta-sts.corp.test. 60 TXT x":              false,
				"mta-sts.corp.test. 60 NS evil.example.":      false,
			} {
				if said, taken := updated(server, secret, line); taken != allowed {
					t.Errorf("update add %s: taken %v, want %v\n%s", line, taken, allowed, said)
				}
			}
		})
	}
}

// updated reports whether the server takes one more record from the recipe's key.
func updated(server, secret, line string) (said string, taken bool) {
	host, port, _ := net.SplitHostPort(server)
	cmd := exec.Command("nsupdate", "-y", "hmac-sha256:belay:"+secret)
	cmd.Stdin = strings.NewReader(fmt.Sprintf("server %s %s\nzone %s\nupdate add %s\nsend\n", host, port, domain, line))
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// startByRecipe starts a name server of this kind, whose configuration has the
// recipe in it, on a free port. It is ended with the test.
func startByRecipe(t *testing.T, daemon string) (server, secret string) {
	t.Helper()
	for range 5 {
		server, secret, ok := startOnce(t, daemon)
		if ok {
			return server, secret
		}
	}
	t.Fatalf("%s did not start", daemon)
	return "", ""
}

// startOnce starts it at a port that was free a moment before; not ok where it ends
// or is silent, as when another program has taken that.
func startOnce(t *testing.T, daemon string) (server, secret string, ok bool) {
	t.Helper()
	secret = "c2VjcmV0IG9mIHRoZSByZWNpcGUncyB0ZXN0LCAzMmI="
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server = l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(server)
	config := fmt.Sprintf(beforeRecipe[daemon], dir, port, secret) + recipeOf(t, daemon) + strings.ReplaceAll(afterRecipe[daemon], "%[1]s", dir)
	zone := "$ORIGIN corp.test.\n$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n"
	for name, text := range map[string]string{"conf": config, "corp.test.zone": zone} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", filepath.Join(dir, "conf")}
	if daemon == "named" {
		args = append(args, "-g", "-n", "1")
	}
	cmd := exec.Command(daemon, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		out, _ := exec.Command("dig", "+norec", "+tries=1", "+time=2", "-p", port, "@127.0.0.1", domain, "SOA").Output()
		if strings.Contains(string(out), "flags: qr aa") {
			return server, secret, true
		}
		select {
		case err := <-ended:
			ended <- err
			t.Logf("%s ended: %v\n%s\n%s", daemon, err, said.String(), config)
			return "", "", false
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Logf("%s does not answer at %s:\n%s", daemon, server, config)
			return "", "", false
		}
	}
}
