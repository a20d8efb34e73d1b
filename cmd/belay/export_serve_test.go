package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"belay/rollout/world"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// exports is what belay export prints with these flags, without any store.
func exports(t *testing.T, flags ...string) (out, errs string, status int) {
	t.Helper()
	var said, wrong strings.Builder
	p := newProgram(world.World{Clock: world.SystemClock()}, strings.NewReader(""), &said, &wrong, func(string) (string, bool) { return "", false })
	status = p.run(append(flags[:len(flags)-1:len(flags)-1], "export", flags[len(flags)-1]))
	return said.String(), wrong.String(), status
}

func TestUnitsAreGood(t *testing.T) {
	dir := t.TempDir()
	all, _, status := exports(t, "--systemd")
	for _, name := range []string{"belay-serve.service", "belay-serve.socket", "belay-serve-http.socket"} {
		text, errs, one := exports(t, "--systemd="+name)
		if status != exitGood || one != exitGood || !strings.Contains(all, "# /etc/systemd/system/"+name+"\n"+text) {
			t.Fatalf("%s is not among all of them: status %d, %d\n%s%s", name, status, one, text, errs)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var u unit
		shown, _, _ := exports(t, "--json", "--systemd="+name)
		if err := json.Unmarshal([]byte(shown), &u); err != nil || u.Text != text {
			t.Errorf("as JSON it is %s, %v", shown, err)
		}
	}
	if _, errs, status := exports(t, "--systemd=other"); status != exitCannot || !strings.Contains(errs, "belay-serve.socket") {
		t.Errorf("a unit that there is not: status %d, %s", status, errs)
	}
	if text, _, _ := exports(t, "--state", "/srv/a b/belay", "--systemd=belay-serve.service"); !strings.Contains(text, `--state "/srv/a b/belay" serve`) || !strings.Contains(text, `ReadWritePaths="/srv/a b/belay"`) {
		t.Errorf("a store elsewhere:\n%s", text)
	}
	if _, errs, status := exports(t, "--state", "/home/me/belay", "--systemd"); status != exitCannot || !strings.Contains(errs, "sees nothing of /home") || !strings.Contains(errs, "/var/lib/belay") {
		t.Errorf("a store that the service cannot see: status %d, %s", status, errs)
	}
	exists, err := exec.LookPath("true") // in belay's place: systemd looks whether it is there
	if err != nil {
		t.Skip("there is no program that the units could name: ", err)
	}
	real, err := unitsFor(exists, defaultServiceState)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range real {
		if err := os.WriteFile(filepath.Join(dir, u.Name), []byte(u.Text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not here; the units were not verified by systemd itself")
		return
	}
	cmd := exec.Command(analyze, "verify", "--man=no", filepath.Join(dir, "belay-serve.service"), filepath.Join(dir, "belay-serve.socket"), filepath.Join(dir, "belay-serve-http.socket"))
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":") // each finds the others
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// A program where the service may not look is not what the unit starts: it would end
// in 203/EXEC. What is to be done first is said in the unit.
func TestUnitsStartWhatTheServiceCanSee(t *testing.T) {
	for _, row := range []struct{ shows, self, starts, says string }{
		{"a package's", "/usr/bin/belay", "/usr/bin/belay", ""},
		{"below somebody's home", "/home/me/my go/belay", installed, `# The service sees nothing of /home, so install the program first: install -m 755 "/home/me/my go/belay" /usr/local/bin/belay`},
		{"below root's home", "/root/belay", installed, "nothing of /root,"},
		{"a temporary file", "/tmp/go-build1/belay", installed, "nothing of /tmp,"},
		{"beside a home", "/homely/belay", "/homely/belay", ""},
	} {
		t.Run(row.shows, func(t *testing.T) {
			units, err := unitsFor(row.self, defaultServiceState)
			if err != nil {
				t.Fatal(err)
			}
			text := units[0].Text
			if !strings.Contains(text, "\nExecStart="+row.starts+" --state /var/lib/belay serve ") {
				t.Errorf("it does not start %s:\n%s", row.starts, text)
			}
			if strings.Contains(text, "install -m") != (row.says != "") || !strings.Contains(text, row.says) {
				t.Errorf("%q is to be said:\n%s", row.says, text)
			}
			if !strings.Contains(text, "\n#ReadWritePaths=DIR\n") {
				t.Errorf("nobody says what --certificates needs:\n%s", text)
			}
		})
	}
}

// requests are the macros of groff_man(7) that a page may be made of.
var requests = []string{"TH", "SH", "SS", "PP", "TP", "B", "nf", "fi", "br"}

func TestTheManualHasEveryCommandAndFlag(t *testing.T) {
	page, _, status := exports(t, "--man")
	if status != exitGood {
		t.Fatalf("status %d", status)
	}
	if !strings.HasPrefix(page, `.TH "BELAY" "1" `) {
		t.Errorf("it begins %q", page[:min(60, len(page))])
	}
	p := newProgram(world.World{}, strings.NewReader(""), io.Discard, io.Discard, os.LookupEnv)
	root := p.root()
	holds := func(what, want string) {
		t.Helper()
		if !strings.Contains(page, want) {
			t.Errorf("%s is not in the page: %q", what, want)
		}
	}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { holds("a global flag", `.B "`+escaped("--"+f.Name)) })
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if !sub.IsAvailableCommand() || sub.Name() == "help" {
				continue
			}
			if sub.Runnable() {
				heading := `.SS "` + strings.ReplaceAll(escaped(sub.UseLine()), `"`, `\(dq`) + `"`
				holds("a command", heading)
				_, own, _ := strings.Cut(page, heading+"\n")
				own, _, _ = strings.Cut(own, "\n.S")
				sub.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
					if !f.Hidden && f.Name != "help" && !regexp.MustCompile(`(?m)^\.B ".*`+regexp.QuoteMeta(escaped("--"+f.Name))+`\b`).MatchString(own) {
						t.Errorf("%s has no --%s in the page", sub.CommandPath(), f.Name)
					}
				})
			}
			walk(sub)
		}
	}
	walk(root)
	for n, line := range strings.Split(page, "\n") {
		if name, _, _ := strings.Cut(strings.TrimPrefix(line, "."), " "); strings.HasPrefix(line, ".") && !slices.Contains(requests, name) || strings.HasPrefix(line, "'") {
			t.Errorf("line %d is no request of the man macros: %q", n+1, line)
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Log("groff is not here; the page was not set")
		return
	}
	file := filepath.Join(t.TempDir(), "belay.1")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(groff, "-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=100n", file)
	var set, wrong strings.Builder
	cmd.Stdout, cmd.Stderr = &set, &wrong
	if err := cmd.Run(); err != nil || wrong.Len() > 0 {
		t.Errorf("groff: %v\n%s", err, wrong.String())
	}
	for _, want := range []string{"--tls-cert FILE", "belay_serve_handshakes_total{result}", "EXIT STATUS", `belay check`} {
		if !strings.Contains(set.String(), want) {
			t.Errorf("set by groff, it has no %q", want)
		}
	}
}

// What would be a request, an escape or a break is none.
func TestRoffShieldsText(t *testing.T) {
	var r roff
	r.prose(".so /etc/passwd\n'tis \\fB ~^`\n\n  kept\n  lines\nand flow")
	want := ".PP\n\\&.so /etc/passwd\n\\&'tis \\efB \\(ti\\(ha\\(ga\n.PP\n.nf\n  kept\n  lines\n.fi\nand flow\n"
	if r.String() != want {
		t.Errorf("%q, want %q", r.String(), want)
	}
}
