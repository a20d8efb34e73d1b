package host

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/finding"
)

// open is a way that everybody may go.
func open(more ...waypoint) way {
	w := way{file: "/srv/www/.well-known/mta-sts.txt", root: "/srv/www"}
	for _, at := range []string{"/", "/srv", "/srv/www", "/srv/www/.well-known"} {
		w.points = append(w.points, waypoint{path: at, mode: fs.ModeDir | 0o755, owner: "root", group: "root"})
	}
	w.points = append(w.points, waypoint{path: w.file, mode: 0o644, owner: "root", group: "root"})
	for _, p := range more {
		i := slices.IndexFunc(w.points, func(q waypoint) bool { return q.path == p.path })
		w.points[i] = p
	}
	return w
}

// What the address answered and what the way shows are told together, and the mend
// is the command.
func TestWhyIsTheWayAndTheAnswerTogether(t *testing.T) {
	closed := waypoint{path: "/srv", mode: fs.ModeDir | 0o750, owner: "root", group: "www-data"}
	secret := waypoint{path: "/srv/www/.well-known/mta-sts.txt", mode: 0o600, owner: "alice", group: "users"}
	homely := waypoint{path: "/srv/www/.well-known/mta-sts.txt", mode: 0o644, label: "unconfined_u:object_r:user_home_t:s0"}
	content := waypoint{path: "/srv/www/.well-known/mta-sts.txt", mode: 0o644, label: "system_u:object_r:httpd_sys_content_t:s0"}
	listedToo := closed
	listedToo.acl = true
	labelled, permissive := open(homely), open(homely)
	labelled.enforced, permissive.permissive = true, true
	page := "<html>Welcome to nginx!</html>"
	for _, row := range []struct {
		shows  string
		way    way
		status int
		body   string
		server string
		says   []string // in the title, the detail or the mend; none where nothing is said
	}{
		{"a directory that only a group passes", open(closed), 403, "", "nginx", []string{"answers 403 (nginx)", "/srv (drwxr-x--- root:www-data) lets only root and the group www-data pass", "chmod o+x /srv,"}},
		{"an access control list beside it", open(listedToo), 403, "", "", []string{"getfacl /srv"}},
		{"a file that its owner alone reads", open(secret), 403, "", "", []string{"lets only root and alice read", "chmod o+r /srv/www/.well-known/mta-sts.txt"}},
		{"a server that hides what it may not read", open(closed), 404, "", "Caddy", []string{"answers 404 (Caddy)", "chmod o+x /srv"}},
		{"a server that fails over it", open(closed), 500, "", "", []string{"answers 500", "chmod o+x /srv"}},
		{"a label of somebody's home", labelled, 403, "", "", []string{"SELinux type user_home_t", "semanage fcontext -a -t httpd_sys_content_t '/srv/www(/.*)?' && restorecon -Rv /srv/www"}},
		{"the label of web content", open(content), 403, "", "", []string{"though every user may read", "AppArmor"}},
		{"SELinux does not enforce", permissive, 403, "", "", []string{"though every user may read"}},
		{"a rule of the server", open(), 403, "", "Apache", []string{"answers 403 (Apache), though every user may read /srv/www/.well-known/mta-sts.txt", "error log"}},
		{"another directory is served", open(), 404, "", "nginx/1.22.1", []string{"is there and every user may read it", "serve /srv/www", "belay export corp.test", "nginx -T"}},
		{"another directory, by Apache", open(), 404, "", "Apache/2.4.62 (Debian)", []string{"apachectl -S"}},
		{"the default site", open(), 200, page, "nginx", []string{"serves something else (nginx)", "default one answers"}},
		{"the old policy", open(), 200, testing1, "", []string{"still serves the old policy", "Reload the server"}},
		{"the new policy", open(closed), 200, enforce1, "", nil},
		{"a redirect", open(closed), 301, "", "", nil},
	} {
		t.Run(row.shows, func(t *testing.T) {
			seen := rollout.Evidence{Policy: rollout.PolicySeen{Addresses: []rollout.PolicyAddress{
				{IP: netip.MustParseAddr("192.0.2.20"), Answered: true, Status: row.status, Body: row.body, Server: row.server},
				{IP: netip.MustParseAddr("2001:db8::20"), Answered: true, Status: row.status, Body: row.body, Server: row.server},
			}}}
			got := row.way.why(edit(rollout.Body(testing1), rollout.Body(enforce1)), rollout.Body(enforce1), seen)
			if want := min(len(row.says), 1); len(got) != want {
				t.Fatalf("%d findings of both addresses, want %d: %v", len(got), want, got)
			}
			for _, f := range got {
				text := f.Title + " | " + f.Detail + " | " + f.Fix
				for _, says := range row.says {
					if f.Severity != finding.Fail || f.Subject != "mta-sts.corp.test [192.0.2.20]" || !strings.Contains(text, says) {
						t.Errorf("want %q in %s %s: %s", says, f.Severity, f.Subject, text)
					}
				}
			}
		})
	}
}

// Where the file no longer holds what was written, or nothing answered, the way to
// it explains nothing.
func TestWhySaysNothingOfWhatIsNotThere(t *testing.T) {
	blind := open(waypoint{path: "/srv", mode: fs.ModeDir | 0o700})
	answered := rollout.Evidence{Policy: rollout.PolicySeen{Addresses: []rollout.PolicyAddress{{Answered: true, Status: 403}}}}
	silent := rollout.Evidence{Policy: rollout.PolicySeen{Addresses: []rollout.PolicyAddress{{Status: 0}}}}
	e := edit(rollout.Absent(), rollout.Body(enforce1))
	if got := blind.why(e, rollout.Body(enforce1), answered); len(got) != 1 {
		t.Fatalf("of a way that is closed: %v", got)
	}
	for shows, got := range map[string][]finding.Finding{
		"another body stands":  blind.why(e, rollout.Body(testing1), answered),
		"nothing answered":     blind.why(e, rollout.Body(enforce1), silent),
		"the policy is to go":  blind.why(edit(rollout.Body(enforce1), rollout.Absent()), rollout.Absent(), answered),
		"nobody looked at all": blind.why(e, rollout.Body(enforce1), rollout.Evidence{}),
	} {
		if len(got) > 0 {
			t.Errorf("%s: %v", shows, got)
		}
	}
}

// The way of a real file has every directory above it, those behind a link too, and
// SFTP shows the same modes as the file system.
func TestWayIsThatOfTheFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("who may read a file stands in no mode here")
	}
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := Webroot{Dir: filepath.Join(base, "www")}
	behind := filepath.Join(base, "behind", "well-known")
	for _, dir := range []string{w.Dir, behind} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for at, mode := range map[string]fs.FileMode{base: 0o755, filepath.Dir(behind): 0o710, w.Dir: 0o755} {
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(behind, filepath.Join(w.Dir, wellKnown)); err != nil {
		t.Fatal(err)
	}
	s := away(t, w)
	if _, err := s.Apply(t.Context(), edit(rollout.Absent(), rollout.Body(enforce1))); err != nil {
		t.Fatal(err)
	}
	var remote way
	if err := s.errand(t.Context(), func(_ context.Context, r remoteRoot) error { remote = r.way(); return nil }); err != nil {
		t.Fatal(err)
	}
	for where, got := range map[string]way{"here": w.way(), "there": remote} {
		var paths []string
		for _, p := range got.points {
			paths = append(paths, p.path)
			if p.owner == "" || p.group == "" {
				t.Errorf("%s: nobody owns %s", where, p.path)
			}
		}
		for _, want := range []string{"/", base, w.Dir, filepath.Dir(behind), behind, w.path()} {
			if !slices.Contains(paths, want) {
				t.Errorf("%s: the way leaves %s out: %q", where, want, paths)
			}
		}
		barred := slices.ContainsFunc(got.barred(), func(p waypoint) bool { return p.path == filepath.Dir(behind) })
		if !barred {
			t.Errorf("%s: behind the link nobody may pass %s, and that is not told: %+v", where, filepath.Dir(behind), got.points)
		}
	}
	seen := rollout.Evidence{Policy: rollout.PolicySeen{Addresses: []rollout.PolicyAddress{{Answered: true, Status: 403}}}}
	for where, got := range map[string][]finding.Finding{
		"here":  w.Explain(t.Context(), edit(rollout.Absent(), rollout.Body(enforce1)), seen),
		"there": s.Explain(t.Context(), edit(rollout.Absent(), rollout.Body(enforce1)), seen),
	} {
		if !slices.ContainsFunc(got, func(f finding.Finding) bool { return strings.Contains(f.Fix, "chmod o+x "+filepath.Dir(behind)) }) {
			t.Errorf("%s: %v", where, got)
		}
	}
	for _, try := range []func(context.Context, string) (rollout.Trial, error){w.Try, s.Try} {
		trial, err := try(t.Context(), "corp.test")
		if err != nil || !strings.Contains(strings.Join(trial.Lines, "\n"), "chmod o+x "+filepath.Dir(behind)) {
			t.Errorf("trying the place says nothing of it: %q, %v", trial.Lines, err)
		}
	}
}

func TestQuoteShell(t *testing.T) {
	for path, want := range map[string]string{
		"/srv/www": "/srv/www", "/srv/my site": "'/srv/my site'", "/srv/it's": `'/srv/it'\''s'`, "-rf": "'-rf'", "": "''",
	} {
		if got := quoteShell(path); got != want {
			t.Errorf("%q is quoted as %s, want %s", path, got, want)
		}
	}
}
