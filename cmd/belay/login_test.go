//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"belay/providers"
	"belay/providers/lab"

	"github.com/creack/pty"
)

// terminal gives belay a terminal in place of its streams; what is typed comes
// line by line, each when belay asks for it. It returns what the terminal showed.
func (b *box) terminal(lines ...string) (shown func() string) {
	b.t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		b.t.Fatal(err)
	}
	var seen bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		asked := 0
		for {
			n, err := master.Read(buf)
			seen.Write(buf[:n])
			if n > 0 && len(lines) > asked && bytes.HasSuffix(bytes.TrimRight(seen.Bytes(), " "), []byte(":")) {
				if _, err := io.WriteString(master, lines[asked]+"\n"); err != nil {
					return
				}
				asked++
			}
			if err != nil {
				return
			}
		}
	}()
	b.setup = func(p *program) { p.in, p.errs = tty, tty }
	return func() string {
		tty.Close()
		<-done
		master.Close()
		return seen.String()
	}
}

func (b *box) credentials() []string {
	return []string{b.env["RFC2136_NAMESERVER"], b.env["RFC2136_TSIG_KEY"], b.env["RFC2136_TSIG_ALGORITHM"], b.env["RFC2136_TSIG_SECRET"]}
}

// ring is a keyring in memory.
type ring map[string]string

func (r ring) of(p *program) {
	p.keyring = func(_ context.Context, user string) (string, error) { return r[user], nil }
	p.lockUp = func(_ context.Context, user, value string) error {
		if value == "" {
			delete(r, user)
		} else {
			r[user] = value
		}
		return nil
	}
}

func TestALoginIsTypedTestedAndKept(t *testing.T) {
	b := newBox(t, lab.Options{})
	typed := b.credentials()
	b.env = map[string]string{}
	kept := ring{}
	shown := b.terminal(typed...)
	atTerminal := b.setup
	b.setup = func(p *program) { atTerminal(p); kept.of(p) }
	r := b.must(exitGood, "providers", "login", "rfc2136", "--domain", b.Domain())
	screen := shown()
	if strings.Contains(screen, typed[3]) || strings.Contains(r.out+r.err, typed[3]) {
		t.Errorf("the secret was shown:\n%s\n%s", screen, r.out)
	}
	if !strings.Contains(screen, typed[1]) {
		t.Errorf("what is no secret was not shown:\n%s", screen)
	}
	want := ring{"rfc2136/server": typed[0], "rfc2136/key_name": typed[1], "rfc2136/key_alg": typed[2], "rfc2136/key": typed[3]}
	if len(kept) != 4 || kept["rfc2136/key"] != want["rfc2136/key"] || kept["rfc2136/server"] != want["rfc2136/server"] {
		t.Errorf("the keyring holds %q", kept)
	}

	b.setup = kept.of
	if r := b.must(exitGood, "providers", "test", "rfc2136", "--domain", b.Domain()); !strings.Contains(r.out, "keeps the zone corp.test") || !strings.Contains(r.out, "works; nothing was written") {
		t.Errorf("the test says\n%s", r.out)
	}
	b.must(exitGood, "providers", "logout", "rfc2136")
	if len(kept) != 0 {
		t.Errorf("after logout the keyring holds %q", kept)
	}
	b.must(exitCannot, "providers", "test", "rfc2136", "--domain", b.Domain())
}

func TestALoginThatDoesNotWorkIsNotKept(t *testing.T) {
	b := newBox(t, lab.Options{})
	typed := b.credentials()
	typed[3] = "d3Jvbmcta2V5LXdyb25nLWtleS13cm9uZy1rZXk="
	b.env = map[string]string{}
	kept := ring{}
	shown := b.terminal(typed...)
	atTerminal := b.setup
	b.setup = func(p *program) { atTerminal(p); kept.of(p) }
	r := b.must(exitCannot, "providers", "login", "rfc2136", "--domain", b.Domain())
	screen := shown()
	if !strings.Contains(screen+r.err, "nothing was kept") || len(kept) != 0 || strings.Contains(screen, typed[3]) {
		t.Errorf("the keyring holds %q; it says %s", kept, screen)
	}
}

// A login that is not there is asked for at a terminal, and serves for that
// session; where nobody sits it is one sentence.
func TestWhatALoginLacksIsAskedForAtATerminalOnly(t *testing.T) {
	b := newBox(t, lab.Options{})
	typed := b.credentials()
	delete(b.env, "RFC2136_TSIG_SECRET")
	r := b.must(exitCannot, "providers", "test", "rfc2136", "--domain", b.Domain())
	if !strings.Contains(r.err, "RFC2136_TSIG_SECRET") || !strings.Contains(r.err, "RFC2136_TSIG_SECRET_FILE") || strings.Count(strings.TrimSpace(r.err), "\n") > 0 {
		t.Errorf("it says %q", r.err)
	}
	shown := b.terminal(typed[3])
	r = b.must(exitGood, "providers", "test", "rfc2136", "--domain", b.Domain())
	if screen := shown(); !strings.Contains(screen, "Key secret (not shown):") || strings.Contains(screen+r.out, typed[3]) {
		t.Errorf("the terminal shows\n%s", screen)
	}
}

// On a server without a keyring login says so before anything is typed, and names
// the ways that there are.
func TestLoginWithoutAKeyring(t *testing.T) {
	for _, why := range []error{errNoKeyring, unasked(errors.New("dbus: org.freedesktop.secrets was not provided by any .service files"))} {
		b := newBox(t, lab.Options{})
		shown := b.terminal()
		atTerminal := b.setup
		b.setup = func(p *program) {
			atTerminal(p)
			p.keyring = func(context.Context, string) (string, error) { return "", why }
		}
		b.must(exitCannot, "providers", "login", "cloudflare", "--domain", b.Domain())
		screen := shown()
		for _, want := range []string{"keyring", "CLOUDFLARE_API_TOKEN", "_FILE"} {
			if !strings.Contains(screen, want) {
				t.Errorf("%q is not in\n%s", want, screen)
			}
		}
	}
	b := newBox(t, lab.Options{})
	if r := b.must(exitCannot, "providers", "login", "cloudflare", "--domain", b.Domain()); !strings.Contains(r.err, "CLOUDFLARE_API_TOKEN") || !strings.Contains(r.err, "_FILE") {
		t.Errorf("without a terminal it says %s", r.err)
	}
}

func TestAProviderThatIsNotBuiltInSaysHow(t *testing.T) {
	entry, _ := providers.Lookup(providers.DNS, "googleclouddns")
	b := newBox(t, lab.Options{})
	r := b.must(exitGood, "version", "--providers")
	if !strings.Contains(r.out, "cloudflare") || strings.ContainsRune(r.out, 0x1b) {
		t.Errorf("version --providers prints %q", r.out)
	}
	if entry.Built {
		if !strings.Contains(r.out, "by the tag google") {
			t.Errorf("version --providers prints\n%s", r.out)
		}
		t.Skip("this binary was built with the tag google")
	}
	if !strings.Contains(r.out, "go install -tags google belay/cmd/belay") {
		t.Errorf("version --providers prints\n%s", r.out)
	}
	for _, args := range [][]string{
		{"providers", "test", "googleclouddns", "--domain", b.Domain()},
		{"new", b.Domain(), "--dns", "googleclouddns", "--host", "manual", "--rua", "mailto:a@corp.test"},
	} {
		r := b.must(exitCannot, args...)
		if !strings.Contains(r.err, "go install -tags google belay/cmd/belay") || strings.Contains(r.err, "unknown") {
			t.Errorf("belay %s says %s", strings.Join(args, " "), r.err)
		}
	}
}

func TestARecipeIsShownForADomain(t *testing.T) {
	r := run("providers", "show", "rfc2136", "Corp.Example")
	for _, want := range []string{"update-policy {", "name _mta-sts.corp.example. TXT CNAME;", "name _acme-challenge.mta-sts.corp.example. TXT;", "acl:"} {
		if r.status != exitGood || !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s%s", want, r.out, r.err)
		}
	}
	if strings.Contains(r.out, "DOMAIN") {
		t.Errorf("DOMAIN still stands in\n%s", r.out)
	}
	if r := run("providers", "show", "nobody"); r.status != exitCannot || !strings.Contains(r.err, "cloudflare") {
		t.Errorf("exit %d, %s", r.status, r.err)
	}
}
