package host

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"belay/rollout"
	"belay/rollout/mtasts"
)

const (
	testing1 = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n"
	enforce1 = "version: STSv1\r\nmode: enforce\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n"
)

func edit(before, after rollout.Value) rollout.Edit {
	return rollout.Edit{
		ID: "e1", Kind: rollout.Policy, Account: "webroot:/srv/www", Name: mtasts.PolicyURL("corp.test"),
		Type: "policy", Before: before, After: after,
	}
}

// root is a web root that holds body, or nothing where body is empty.
func root(t *testing.T, body string) Webroot {
	t.Helper()
	w := Webroot{Dir: t.TempDir()}
	if body != "" {
		if err := os.Mkdir(filepath.Join(w.Dir, wellKnown), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(w.path(), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// applyRow is one edit of a file, whatever machine it is on.
type applyRow struct {
	name          string
	holds         string
	before, after rollout.Value
	want          rollout.Outcome
	left          string
}

func applyRows() []applyRow {
	none, first, second := rollout.Absent(), rollout.Body(testing1), rollout.Body(enforce1)
	lf := strings.ReplaceAll(enforce1, "\r\n", "\n")
	return []applyRow{
		{"first body", "", none, first, rollout.Applied, testing1},
		{"next body", testing1, first, second, rollout.Applied, enforce1},
		{"already there", enforce1, first, second, rollout.Found, enforce1},
		{"already there in other bytes", lf, first, second, rollout.Found, lf},
		{"only line ends are to change", lf, rollout.Body(lf), second, rollout.Applied, enforce1},
		{"removal", testing1, first, none, rollout.Applied, ""},
		{"removed already", "", first, none, rollout.Found, ""},
		{"somebody else's body", "mine\n", first, second, rollout.Refused, "mine\n"},
		{"a body where the plan saw none", "mine\n", none, first, rollout.Refused, "mine\n"},
		{"no body where the plan saw one", "", first, second, rollout.Refused, ""},
	}
}

func TestWebrootApply(t *testing.T) {
	for _, row := range applyRows() {
		t.Run(row.name, func(t *testing.T) {
			w := root(t, row.holds)
			got, err := w.Apply(t.Context(), edit(row.before, row.after))
			if got.Outcome != row.want || got.EditID != "e1" {
				t.Fatalf("receipt %+v, error %v; want %s", got, err, row.want)
			}
			if refused := row.want == rollout.Refused; errors.Is(err, rollout.ErrStale) != refused || (got.Detail != "") != refused {
				t.Errorf("error %v, detail %q", err, got.Detail)
			}
			held, err := w.Read(t.Context(), edit(row.before, row.after))
			if err != nil || held.Value.Body != row.left || held.Value.Exists != (row.left != "") || !held.Value.Equal(got.Saw) {
				t.Errorf("holds %+v, error %v; receipt saw %v", held, err, got.Saw)
			}
			if again, err := w.Apply(t.Context(), edit(row.before, row.after)); row.want == rollout.Applied && (again.Outcome != rollout.Found || err != nil) {
				t.Errorf("applied twice: %+v, %v", again, err)
			}
			if names, _ := filepath.Glob(filepath.Join(w.Dir, wellKnown, scratch+"*")); len(names) > 0 {
				t.Errorf("left behind %v", names)
			}
		})
	}
}

func TestWebrootIsReadableWhateverTheUmask(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes here")
	}
	w := root(t, "")
	if _, err := w.Apply(t.Context(), edit(rollout.Absent(), rollout.Body(testing1))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{w.path(): 0o644, filepath.Dir(w.path()): 0o755} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, error %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

func TestWebrootTouchesNothingButARegularFile(t *testing.T) {
	for name, place := range map[string]func(path string) error{
		"symbolic link": func(path string) error { return os.Symlink("elsewhere.txt", path) },
		"directory":     func(path string) error { return os.Mkdir(path, 0o755) },
		"socket or such": func(path string) error {
			l, err := net.Listen("unix", path)
			if err != nil {
				return err
			}
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			return l.Close()
		},
		"far too large": func(path string) error { return os.WriteFile(path, make([]byte, mtasts.MaxBody+1), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			w := root(t, testing1)
			target := filepath.Join(w.Dir, wellKnown, "elsewhere.txt")
			if err := errors.Join(os.Rename(w.path(), target), place(w.path())); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(w.path())
			got, err := w.Apply(t.Context(), edit(rollout.Body(testing1), rollout.Body(enforce1)))
			if err == nil || got.Outcome != rollout.Failed || !strings.Contains(err.Error(), w.path()) {
				t.Errorf("receipt %+v, error %v", got, err)
			}
			after, _ := os.Lstat(w.path())
			if !os.SameFile(before, after) || before.Mode() != after.Mode() {
				t.Error("it was replaced")
			}
			if body, _ := os.ReadFile(target); string(body) != testing1 {
				t.Errorf("what the link leads to was changed to %q", body)
			}
		})
	}
}

func TestWebrootMissingOrForbidden(t *testing.T) {
	missing := Webroot{Dir: filepath.Join(t.TempDir(), "nowhere")}
	if got, err := missing.Apply(t.Context(), edit(rollout.Absent(), rollout.Body(testing1))); err == nil || got.Outcome != rollout.Failed {
		t.Errorf("receipt %+v, error %v", got, err)
	}
	if _, err := os.Stat(missing.Dir); err == nil {
		t.Error("the web root was made")
	}
	if _, err := missing.Try(t.Context(), "corp.test"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("try: %v", err)
	}
	w := root(t, "")
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		return // nothing is forbidden to root
	}
	if err := os.Chmod(w.Dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(t.Context(), edit(rollout.Absent(), rollout.Body(testing1))); err == nil || !strings.Contains(err.Error(), "no permission") {
		t.Errorf("apply: %v", err)
	}
	if _, err := w.Try(t.Context(), "corp.test"); err == nil || !strings.Contains(err.Error(), "no permission") {
		t.Errorf("try: %v", err)
	}
}

func TestExplainNamesTheUsualCauses(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.ENOSPC: "disk is full", syscall.EROFS: "read-only", os.ErrPermission: "no permission",
	} {
		err := explain("write policy", &os.PathError{Op: "write", Path: "/srv/www/x", Err: cause})
		if !strings.Contains(err.Error(), want) || !errors.Is(err, cause) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", cause, err)
		}
	}
}

func TestWebrootTryWritesNothing(t *testing.T) {
	w := root(t, "")
	got, err := w.Try(t.Context(), "corp.test")
	if err != nil || len(got.Lines) == 0 || !strings.Contains(strings.Join(got.Lines, "\n"), "https://mta-sts.corp.test/") {
		t.Errorf("trial %+v, error %v", got, err)
	}
	if entries, _ := os.ReadDir(w.Dir); len(entries) != 0 {
		t.Errorf("the web root now holds %v", entries)
	}
}

func TestWebrootSweepsWhatAKilledBelayLeft(t *testing.T) {
	w := root(t, testing1)
	left := filepath.Join(w.Dir, wellKnown, scratch+"123")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(t.Context(), edit(rollout.Body(testing1), rollout.Body(enforce1))); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("the leftover is still there")
	}
}
