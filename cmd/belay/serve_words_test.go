package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/world"
)

// What belay serve cannot do at its start is said once, whichever way its log goes: on
// the standard error as the command's last word, and in the file of --log beside it.
func TestServeSaysOnceWhyItDoesNotStart(t *testing.T) {
	b := newBox(t, lab.Options{})
	const why = "they go together, one for one"
	for name, flags := range map[string][]string{"text": nil, "json": {"--json"}} {
		t.Run(name, func(t *testing.T) {
			r := b.belay(append(flags, "serve", "--tls-cert", "a.pem")...)
			if r.status != exitCannot || strings.Count(r.out+r.err, why) != 1 {
				t.Errorf("exit %d, and it says\n%s%s", r.status, r.out, r.err)
			}
			said := strings.Split(strings.TrimSpace(r.err), "\n")
			if last := (struct {
				Error string
				Exit  int
			}{}); name == "json" && (json.Unmarshal([]byte(said[len(said)-1]), &last) != nil || last.Exit != exitCannot || !strings.Contains(last.Error, why)) {
				t.Errorf("it is no object of an error: %s", r.err)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "serve.log")
	r := b.belay("--log", file, "serve", "--tls-cert", "a.pem")
	kept, err := os.ReadFile(file)
	if err != nil || strings.Count(string(kept), why) != 1 || strings.Count(r.err, why) != 1 {
		t.Errorf("the file has %q (%v), and it says %s", kept, err, r.err)
	}
}

func TestARehearsalWithCertificatesOfTheOperatorsOwnIsRefused(t *testing.T) {
	b := newBox(t, lab.Options{})
	for _, flags := range [][]string{{"--tls-cert", "a.pem", "--tls-key", "a.key"}, {"--tls-key", "a.key"}} {
		r := b.belay(append([]string{"serve", "--rehearse"}, flags...)...)
		if r.status != exitCannot || !strings.Contains(r.err, "belay serve orders none: give the one or the other") || !strings.Contains(r.err, "belay serve --help") {
			t.Errorf("%q: exit %d, %s", flags, r.status, r.err)
		}
	}
	p := b.certsProgram()
	s, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := p.note(serveFlags{own: ownFlags{certs: []string{"/etc/ssl/mta-sts.pem"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := (logged{s.engine, p}).Rehearse(t.Context(), b.Domain()); err == nil || !strings.Contains(err.Error(), "nothing to rehearse") {
		t.Errorf("the wizard's key: %v", err)
	}
}

// Of each port that belay serve cannot have, what was seen and what to do about it: on
// that of --status no web server and no CA waits.
func TestServeSaysWhatToDoAboutAPort(t *testing.T) {
	b := newBox(t, lab.Options{})
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.Addr().String()
	for _, row := range []struct {
		shows         string
		flags         []string
		says, saysNot string
	}{
		{"the status port is taken", []string{"--status", at}, at + " (--status): another program has this port, most likely a belay serve that runs already", "webroot"},
		{"and what to do", []string{"--status", at}, "by --status 127.0.0.1:PORT or --status none", "webroot"},
		{"the HTTPS port is taken", []string{"--status", "none", "--listen", at}, "with a web server there take --host webroot:DIR", "runs already"},
		{"no port", []string{"--status", "127.0.0.1"}, "--status 127.0.0.1 is no address to listen at", "webroot"},
		{"a port that is none", []string{"--status", "127.0.0.1:none-such"}, "give it as ADDRESS:PORT", "webroot"},
		{"somebody else's address", []string{"--status", "192.0.2.1:9461"}, "this machine has no such address", "webroot"},
	} {
		t.Run(row.shows, func(t *testing.T) {
			r := b.belay(append([]string{"serve", "--listen", "127.0.0.1:0", "--http", "none", "--challenge", "tls-alpn"}, row.flags...)...)
			if r.status != exitCannot || !strings.Contains(r.err, row.says) || strings.Contains(r.err, row.saysNot) {
				t.Errorf("exit %d, %s", r.status, r.err)
			}
		})
	}
	barred := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)}
	if err := listenError(statusFlag, ":61", barred); !strings.Contains(err.Error(), "above 1023 by --status") || strings.Contains(err.Error(), "setcap") || !errors.Is(err, syscall.EACCES) {
		t.Errorf("a port that an ordinary user may not have: %v", err)
	}
}

// --systemd takes the name of a unit by = or behind it, and what prints something else
// stands alone.
func TestWhatExportIsGiven(t *testing.T) {
	const name = "belay-serve.socket"
	socket, _, _ := exportsAll(t, "--systemd="+name)
	for _, row := range []struct {
		shows string
		args  []string
		same  string
		wrong string
	}{
		{"behind it", []string{"--systemd", name}, socket, ""},
		{"before it", []string{name, "--systemd"}, socket, ""},
		{"twice", []string{"--systemd=" + name, name}, "", "one unit that is named, or all"},
		{"two of them", []string{"--systemd", name, "belay-serve.service"}, "", "one unit that is named, or all"},
		{"a domain", []string{"--systemd", "corp.test"}, "", `hold for every domain; there is none "corp.test"`},
		{"nothing by =", []string{"--systemd="}, "", `there is none ""`},
		{"units and manual", []string{"--systemd", "--man"}, "", "--systemd and --man print different things: give one of them"},
		{"manual and policy", []string{"corp.test", "--man", "--policy"}, "", "print different things"},
		{"the manual of a domain", []string{"--man", "corp.test"}, "", `takes nothing behind it, such as "corp.test"`},
		{"nothing at all", nil, "", "belay export needs DOMAIN"},
		{"a policy of nobody", []string{"--policy"}, "", "belay export needs DOMAIN"},
	} {
		t.Run(row.shows, func(t *testing.T) {
			out, errs, status := exportsAll(t, row.args...)
			switch {
			case row.wrong == "" && (status != exitGood || out != row.same):
				t.Errorf("exit %d, %s%s", status, out, errs)
			case row.wrong != "" && (status != exitCannot || out != "" || !strings.Contains(errs, row.wrong) || !strings.Contains(errs, "belay export --help")):
				t.Errorf("exit %d, %s%s", status, out, errs)
			}
		})
	}
}

// exportsAll is exports with as many words as there are.
func exportsAll(t *testing.T, args ...string) (out, errs string, status int) {
	t.Helper()
	var said, wrong strings.Builder
	p := newProgram(world.World{Clock: world.SystemClock()}, strings.NewReader(""), &said, &wrong, func(string) (string, bool) { return "", false })
	status = p.run(append([]string{"export"}, args...))
	return said.String(), wrong.String(), status
}

// --policy prints what a file is to hold, and nothing beside it.
func TestExportOfThePolicyAlone(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.ReviewReports)
	live, err := os.ReadFile(filepath.Join(b.WebRoot(), ".well-known", "mta-sts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.must(exitGood, "export", b.Domain(), "--policy").out; got != string(live) {
		t.Errorf("it prints %q, and %q is live", got, live)
	}
	var shown struct{ Domain, Policy string }
	if out := b.must(exitGood, "--json", "export", "--policy", b.Domain()).out; json.Unmarshal([]byte(out), &shown) != nil || shown.Policy != string(live) {
		t.Errorf("as JSON it is %s", out)
	}
}
