package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"belay/rollout"
)

// A window is a Seer that shows one thing.
type window struct {
	value rollout.Value
	seen  rollout.Evidence
	err   error
}

func (w window) See(context.Context, rollout.Edit, rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	return w.value, w.seen, w.err
}

func TestManualApply(t *testing.T) {
	first, second := rollout.Body(testing1), rollout.Body(enforce1)
	answered := rollout.Evidence{Sightings: []rollout.Sighting{{Where: "mta-sts.corp.test", IP: netip.MustParseAddr("192.0.2.1"), Answered: true}}}
	for _, row := range []struct {
		name   string
		sees   window
		before rollout.Value
		want   rollout.Outcome
		detail string
	}{
		{"not there yet", window{value: first}, first, rollout.Waiting, enforce1},
		{"the host does not answer yet", window{err: errors.New("connection refused")}, rollout.Absent(), rollout.Waiting, "SHA-256 0fbc2540"},
		{"there", window{value: second}, first, rollout.Found, ""},
		{"something else is there", window{value: rollout.Body("x\x1b[2J")}, first, rollout.Refused, "neither"},
		{"an address answered and the look broke off", window{seen: answered, err: errors.New("deadline")}, first, rollout.Failed, "deadline"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Manual{Seer: row.sees}.Apply(t.Context(), edit(row.before, second))
			if got.Outcome != row.want || !strings.Contains(got.Detail, row.detail) {
				t.Errorf("receipt %+v, error %v; want %s with %q", got, err, row.want, row.detail)
			}
			if (err != nil) != (row.want == rollout.Refused || row.want == rollout.Failed) || strings.Contains(got.Detail, "\x1b") {
				t.Errorf("error %v, detail %q", err, got.Detail)
			}
		})
	}
}

func TestParseSpec(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for spec, want := range map[string]string{
		"manual": "manual", "webroot:" + dir: "webroot:" + dir, "webroot:" + dir + "/x/..//": "webroot:" + dir,
		"webroot:www": "webroot:" + filepath.Join(dir, "www"), "webroot:": "", "webroot": "", "static:www": "static:" + filepath.Join(dir, "www"), "static:": "", "manual:x": "", "ftp://x": "", "": "",
		"sftp://deploy@Web.example/srv/www/": "sftp://deploy@web.example/srv/www", "sftp://web.example:22/~/www": "sftp://web.example/~/www",
		"sftp://[2001:db8::1]:2222/srv": "sftp://[2001:db8::1]:2222/srv", "sftp://web.example": "", "sftp://web.example/~": "", "sftp:///srv": "",
		"sftp://u:hunter2@web.example/srv": "", "sftp:web.example:/srv": "", "sftp://web.example/a%1bb": "", "webroot:a\x1bb": "",
	} {
		got, err := ParseSpec(spec)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %s, error %v; want %q", spec, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the password is in %v", spec, err)
		}
		if err == nil {
			if _, err := Open(got.Kind, got.Place, Options{Seer: window{}, LogIn: noLogIn}); err != nil {
				t.Errorf("%q: %v", spec, err)
			}
		}
	}
}

func TestPlaceIsOneForEverySpelling(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"www", "other", "shared"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range [][2]string{{"www", "alias"}, {filepath.Join(dir, "shared"), "www/.well-known"}, {filepath.Join(dir, "shared"), "other/.well-known"}} {
		if err := os.Symlink(link[0], filepath.Join(dir, link[1])); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	place := func(path string) string {
		p, err := Place(rollout.HostAccount{Kind: KindWebroot, Place: path})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	want := place(filepath.Join(dir, "www"))
	for _, same := range []string{"alias", "www/../www/", "other"} {
		if got := place(filepath.Join(dir, same)); got != want {
			t.Errorf("%s writes to %s, www to %s", same, got, want)
		}
	}
	if got := place(filepath.Join(dir, "shared")); got == want {
		t.Errorf("a root beside it is the same place %s", got)
	}
	elsewhere := map[string]bool{}
	for _, spec := range []string{"sftp://a@web.example/srv/www", "sftp://b@WEB.example:22/srv/./www/"} {
		h, err := ParseSpec(spec)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Place(h)
		if err != nil {
			t.Fatal(err)
		}
		elsewhere[p] = true
	}
	if len(elsewhere) != 1 {
		t.Errorf("one directory on another machine is the places %v", elsewhere)
	}
	if p, err := Place(rollout.HostAccount{Kind: KindManual}); p != "" || err != nil {
		t.Errorf("manual has the place %q, error %v", p, err)
	}
}

func TestSnippetsNameTheHostAndTheRoot(t *testing.T) {
	all := Snippets("corp.test", rollout.HostAccount{Kind: KindWebroot, Place: `/srv/my "www"`})
	if len(all) != 4 {
		t.Fatalf("%d snippets", len(all))
	}
	for _, s := range all {
		for _, want := range []string{"mta-sts.corp.test", `/srv/my \"www\"`, "text/plain", "/.well-known/mta-sts.txt"} {
			if !strings.Contains(s.Text, want) {
				t.Errorf("%s: no %s in it:\n%s", s.Server, want, s.Text)
			}
		}
		if strings.Contains(s.Text, "{NAME}") || strings.Contains(s.Text, "{DIR}") {
			t.Errorf("%s: a blank was not filled in:\n%s", s.Server, s.Text)
		}
	}
}

// What a person is told to put up is what belay waits for: the command writes those
// bytes, their number and sum are the file's, and with LF it is the same policy.
func TestInstructionIsTheBytes(t *testing.T) {
	odd := "version: STSv1\r\nmode: testing\r\nmx: it's.100%.\\test\r\nmax_age: 86400\r\n"
	for _, body := range []string{testing1, enforce1, odd, strings.ReplaceAll(testing1, "\r\n", "\n")} {
		e := edit(rollout.Absent(), rollout.Body(body))
		told := Instruction(e)
		sum := sha256.Sum256([]byte(body))
		lf := strings.ReplaceAll(body, "\r\n", "\n")
		lfSum := sha256.Sum256([]byte(lf))
		for _, want := range []string{
			fmt.Sprintf("%d bytes (SHA-256 %x)", len(body), sum), fmt.Sprintf("%d bytes (SHA-256 %x)", len(lf), lfSum),
			e.Name, "text/plain", "\n\n" + body,
		} {
			if !strings.Contains(told, want) {
				t.Errorf("%q is not in\n%s", want, told)
			}
		}
		sh, err := exec.LookPath("sh")
		if err != nil {
			continue // a system without a POSIX shell
		}
		dir := t.TempDir()
		write := exec.Command(sh, "-c", WriteCommand(body))
		write.Dir = dir
		if out, err := write.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", WriteCommand(body), err, out)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "mta-sts.txt")); err != nil || string(got) != body {
			t.Errorf("%s writes %q, %v", WriteCommand(body), got, err)
		}
	}
}
