package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// policyHostV6 is the policy host's address over IPv6 in this test: loopback has one.
const policyHostV6 = "::1"

// A webServer is how one of Debian's servers is given the text that export prints,
// and nothing beside it that the text does not speak of.
type webServer struct {
	name string
	// config is the file that the server reads, around the text.
	config func(b *testbed, dir, text string) string
	// command starts the server in the foreground.
	command func(dir, config string) []string
	// restarts is true for a server that reads the policy when it starts.
	restarts bool
}

var webServers = []webServer{
	{name: "nginx", config: func(b *testbed, dir, text string) string {
		return fmt.Sprintf("daemon off; user www-data; pid %[1]s/pid; error_log stderr;\nevents { }\nhttp { access_log off; client_body_temp_path %[1]s/t; proxy_temp_path %[1]s/t; fastcgi_temp_path %[1]s/t; uwsgi_temp_path %[1]s/t; scgi_temp_path %[1]s/t;\n%[2]s}\n",
			dir, b.certified(dir, text))
	}, command: func(dir, config string) []string { return []string{"nginx", "-p", dir, "-c", config} }},
	// Caddy gets its certificate by itself, so its text is taken as it is printed: only
	// the authority that it gets it from is the testbed's, whose keys it is lent.
	{name: "Caddy", config: func(b *testbed, dir, text string) string {
		return fmt.Sprintf("{\n\tadmin off\n\tstorage file_system %[1]s/store\n\tskip_install_trust\n\tlocal_certs\n\tpki {\n\t\tca local {\n\t\t\troot {\n\t\t\t\tcert %[2]s/root.pem\n\t\t\t\tkey %[2]s/root.key\n\t\t\t}\n\t\t\tintermediate {\n\t\t\t\tcert %[2]s/inter.pem\n\t\t\t\tkey %[2]s/inter.key\n\t\t\t}\n\t\t}\n\t}\n}\n%[3]s",
			dir, filepath.Join(b.run, "ca"), text)
	}, command: func(_, config string) []string {
		return []string{"caddy", "run", "--config", config, "--adapter", "caddyfile"}
	}},
	{name: "Apache", config: func(b *testbed, dir, text string) string {
		var modules strings.Builder
		for _, m := range []string{"mpm_event", "authz_core", "authz_host", "dir", "mime", "ssl", "headers", "socache_shmcb"} {
			fmt.Fprintf(&modules, "LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", m)
		}
		// As Debian has it: nothing is served that no site opens. Its plain "Listen 443" is
		// both families too, but not on a machine that has no address but loopback.
		return fmt.Sprintf("%[2]sServerRoot %[1]s\nPidFile %[1]s/pid\nErrorLog /dev/stderr\nUser www-data\nGroup www-data\nListen 0.0.0.0:443\nListen [::]:443\nTypesConfig /etc/mime.types\nDefaultRuntimeDir %[1]s\n<Directory />\n    AllowOverride None\n    Require all denied\n</Directory>\n%[3]s",
			dir, modules.String(), b.certified(dir, text))
	}, command: func(_, config string) []string { return []string{"apache2", "-D", "FOREGROUND", "-f", config} }},
	{name: "HAProxy", config: func(b *testbed, dir, text string) string {
		return "defaults\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n" + b.certified(dir, text)
	}, command: func(_, config string) []string { return []string{"haproxy", "-db", "-f", config} }, restarts: true},
}

// TestAcceptanceSnippets gives each server the configuration that export prints for
// it, and has belay and the sender judge what it serves, over both address families:
// the very octets, as text/plain, with no redirect; and a new body once it is written.
func TestAcceptanceSnippets(t *testing.T) {
	b := openTestbed(t)
	b.begin()
	for _, phase := range []string{"publish-dns", "host-policy", "review-reports"} {
		b.goesOn(phase)
	}
	b.turn("policy-mode.sh", "gone") // port 443 is theirs now
	raw := exec.Command(filepath.Join(b.knobs, "dns.sh"), "raw")
	raw.Stdin = strings.NewReader("update add mta-sts.corp.test. 60 AAAA " + policyHostV6 + "\n")
	if out, err := raw.CombinedOutput(); err != nil {
		b.Fatalf("give the policy host an IPv6 address: %v\n%s", err, out)
	}
	var printed struct {
		Snippets []struct{ Server, Text string }
	}
	if err := json.Unmarshal([]byte(b.does(0, "export", domain, "--json").out), &printed); err != nil {
		b.Fatal(err)
	}
	text := b.does(0, "export", domain).out
	file := filepath.Join(b.webroot(), ".well-known", "mta-sts.txt")
	body, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for i, server := range webServers {
		if i >= len(printed.Snippets) || printed.Snippets[i].Server != server.name || !strings.Contains(text, printed.Snippets[i].Text) {
			b.Fatalf("export prints no snippet of %s, or another one than as JSON:\n%s", server.name, text)
		}
		t.Run(server.name, func(t *testing.T) {
			b := b.within(t)
			stop := b.serving(server, printed.Snippets[i].Text)
			b.fetchesStrictly(server, string(body))
			if got := b.counting(true); !strings.HasPrefix(got, "secure ") {
				b.Errorf("the sender does not take the policy from %s: %s", server.name, got)
			}
			next := strings.Replace(string(body), "86400", "86401", 1)
			if err := os.WriteFile(file, []byte(next), 0o644); err != nil {
				b.Fatal(err)
			}
			if server.restarts {
				stop()
				b.serving(server, printed.Snippets[i].Text)
			}
			b.fetchesStrictly(server, next)
			if err := os.WriteFile(file, body, 0o644); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// within is the same servers and operator, as they stand, in a part of the test.
func (b *testbed) within(t *testing.T) *testbed {
	part := *b
	part.T = t
	return &part
}

// certified is the text with the testbed's certificate in place of certbot's. HAProxy
// wants it in a file with the key.
func (b *testbed) certified(dir, text string) string {
	b.Helper()
	ca := filepath.Join(b.run, "ca")
	both, err := os.ReadFile(filepath.Join(ca, "web-valid.pem2"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "both.pem"), both, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	return strings.NewReplacer(
		"/etc/letsencrypt/live/"+hostName+"/fullchain.pem", filepath.Join(ca, "web-valid.chain"),
		"/etc/letsencrypt/live/"+hostName+"/privkey.pem", filepath.Join(ca, "web-valid.key"),
		"/etc/haproxy/certs/"+hostName+".pem", filepath.Join(dir, "both.pem"),
	).Replace(text)
}

// serving starts a server with the text in its configuration, waits until it has a
// certificate, and ends it with the test at the latest.
func (b *testbed) serving(server webServer, text string) (stop func()) {
	b.Helper()
	dir := b.TempDir()
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte(server.config(b, dir, text)), 0o644); err != nil {
		b.Fatal(err)
	}
	line := server.command(dir, config)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	var said heard
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	b.Cleanup(func() {
		stop()
		if b.Failed() {
			b.Logf("%s says:\n%s", server.name, said.String())
		}
	})
	b.until(server.name+" answers", func() bool {
		select {
		case <-ended:
			b.Fatalf("%s ended", server.name)
		default:
		}
		return exec.Command("curl", "-sS", "--noproxy", "*", "--max-time", "2", "--resolve", hostName+":443:"+policyHost1, "-o", os.DevNull, "https://"+hostName+"/").Run() == nil
	})
	return stop
}

// fetchesStrictly has belay look as the strictest sender, and curl say what came.
func (b *testbed) fetchesStrictly(server webServer, body string) {
	b.Helper()
	look := b.start("check", domain, "--json").end()
	seen := said[struct {
		Policy struct {
			Raw   string
			Valid bool
		}
		Findings []findingSaid
	}](b, look)
	if seen.Policy.Raw != body || !seen.Policy.Valid {
		b.Errorf("%s serves %q (valid: %v), not the %d octets of the file", server.name, seen.Policy.Raw, seen.Policy.Valid, len(body))
	}
	for _, f := range seen.Findings {
		if (f.Code[0] == 'H' || f.Code[0] == 'C') && (f.Severity == "fail" || f.Severity == "warn") {
			b.Errorf("of %s belay finds %s %s %s: %s", server.name, f.Severity, f.Code, f.Subject, f.Title)
		}
	}
	for _, address := range []string{policyHost1, "[" + policyHostV6 + "]"} {
		got := b.curl(address)
		if got.status != "200" || !strings.HasPrefix(got.kind, "text/plain") || strings.TrimSpace(got.body) != strings.TrimSpace(body) {
			b.Errorf("%s at %s serves %s %s\n%s", server.name, address, got.status, got.kind, got.body)
		}
	}
}
