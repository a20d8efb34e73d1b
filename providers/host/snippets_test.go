package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"belay/rollout"
)

// A renewed certificate is shown: what certbot runs after each renewal, as the
// snippet has it, tells the server, and for HAProxy joins chain and key before.
func TestSnippetsShowARenewedCertificate(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no POSIX shell here: ", err)
	}
	hook := regexp.MustCompile(`(?m)^# certbot certonly -d mta-sts\.corp\.test --deploy-hook '([^']*)'$`)
	for _, s := range Snippets("corp.test", rollout.HostAccount{Kind: KindWebroot, Place: "/srv/www"}) {
		found := hook.FindStringSubmatch(s.Text)
		reloads, ok := map[string]string{"nginx": "nginx", "Apache": "apache2", "HAProxy": "haproxy"}[s.Server]
		if !ok {
			if found != nil || !strings.Contains(s.Text, "renews the certificate by itself") {
				t.Errorf("%s renews by itself, and its snippet says:\n%s", s.Server, s.Text)
			}
			continue
		}
		if found == nil {
			t.Errorf("%s: certbot has no hook:\n%s", s.Server, s.Text)
			continue
		}
		t.Run(s.Server, func(t *testing.T) {
			dir := t.TempDir()
			both := filepath.Join(dir, "mta-sts.corp.test.pem")
			for name, text := range map[string]string{"fullchain.pem": "chain\n", "privkey.pem": "key\n", "systemctl": "#!/bin/sh\necho \"$@\" >> \"$0.told\"\n"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			run := exec.Command(sh, "-c", strings.ReplaceAll(found[1], "/etc/haproxy/certs", dir))
			run.Env = append(os.Environ(), "RENEWED_LINEAGE="+dir, "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
			if out, err := run.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", found[1], err, out)
			}
			if told, err := os.ReadFile(filepath.Join(dir, "systemctl.told")); string(told) != "reload "+reloads+"\n" {
				t.Errorf("the server is told %q (%v)", told, err)
			}
			if s.Server != "HAProxy" {
				return
			}
			text, err := os.ReadFile(both)
			if err != nil || string(text) != "chain\nkey\n" {
				t.Errorf("chain and key are %q (%v)", text, err)
			}
			if info, err := os.Stat(both); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the key is not its owner's alone: %v, %v", info.Mode(), err)
			}
			if !strings.Contains(s.Text, "crt /etc/haproxy/certs/mta-sts.corp.test.pem ") {
				t.Error("HAProxy reads another file")
			}
		})
	}
}
