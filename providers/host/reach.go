package host

import (
	"fmt"
	"io/fs"
	"strings"
)

// A file that was written is not yet one that the web server can read: each
// directory above it must let the server's user pass, the file must let it read, and
// on systems with SELinux both must bear a label that web servers are let near.
// Which user that is belay does not know, so it says whom the way is open to.

// A waypoint is a directory on the way to the policy, or the policy file at its end.
type waypoint struct {
	path string
	mode fs.FileMode
	// owner and group are names, or numbers where no name is known; empty where the
	// system tells neither.
	owner, group string
	// acl is true where an access control list stands beside the mode.
	acl bool
	// label is the SELinux context; empty where there is none.
	label string
}

// bars reports whether somebody who is neither owner nor in the group cannot pass
// the directory or read the file.
func (p waypoint) bars() bool {
	if p.mode.IsDir() {
		return p.mode&0o001 == 0
	}
	return p.mode&0o004 == 0
}

// said says whom p is open to.
func (p waypoint) said() string {
	own, group, act := fs.FileMode(0o400), fs.FileMode(0o040), "read"
	if p.mode.IsDir() {
		own, group, act = 0o100, 0o010, "pass"
	}
	who := []string{"root"}
	if p.mode&own != 0 && p.owner != "" && p.owner != "root" && p.owner != "0" {
		who = append(who, p.owner)
	}
	if p.mode&group != 0 && p.group != "" {
		who = append(who, "the group "+p.group)
	}
	text := fmt.Sprintf("%s (%s%s) lets only %s %s", p.path, p.mode, p.owned(), listed(who), act)
	if p.acl {
		text += ", unless its access control list says more (getfacl " + quoteShell(p.path) + ")"
	}
	return text
}

func (p waypoint) owned() string {
	if p.owner == "" && p.group == "" {
		return ""
	}
	return " " + p.owner + ":" + p.group
}

// opened is the command that opens p.
func (p waypoint) opened() string {
	what := "r"
	if p.mode.IsDir() {
		what = "x"
	}
	return fmt.Sprintf("chmod o+%s %s", what, quoteShell(p.path))
}

// way is the way to a policy file, from the top down; the file is last where it
// stands.
type way struct {
	// file is the policy's path, root the web root's.
	file, root string
	points     []waypoint
	// enforced is true where SELinux is known to be enforced, permissive where it is
	// known not to be.
	enforced, permissive bool
}

// barred are the points that others than their owners cannot pass or read.
func (w way) barred() []waypoint {
	var out []waypoint
	for _, p := range w.points {
		if p.bars() {
			out = append(out, p)
		}
	}
	return out
}

// mislabelled is the first point, from the web root on, whose SELinux type web
// servers are not let near by the usual policies.
func (w way) mislabelled() (p waypoint, typ string, ok bool) {
	if w.permissive {
		return p, "", false
	}
	for _, p := range w.points {
		below := p.path == w.root || p.path == w.file || strings.HasPrefix(p.path, strings.TrimSuffix(w.root, "/")+"/")
		if typ := labelType(p.label); typ != "" && below && !servable(typ) {
			return p, typ, true
		}
	}
	return p, "", false
}

// relabel are the commands that give everything below the web root the type that web
// servers read.
func (w way) relabel() string {
	pattern := strings.NewReplacer(".", `\.`, "+", `\+`).Replace(strings.TrimSuffix(w.root, "/"))
	return fmt.Sprintf("semanage fcontext -a -t httpd_sys_content_t %s && restorecon -Rv %s",
		quoteShell(pattern+"(/.*)?"), quoteShell(w.root))
}

// labelType is the type in a SELinux context user:role:type:level.
func labelType(label string) string {
	parts := strings.Split(label, ":")
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
}

// servable reports whether the usual SELinux policies let web servers read files of
// a type.
func servable(typ string) bool {
	if strings.HasPrefix(typ, "httpd_") && strings.Contains(typ, "content") {
		return true
	}
	return typ == "public_content_t" || typ == "public_content_rw_t"
}

// warnings say, before anything was seen from outside, what may keep a web server
// from the policy.
func (w way) warnings() []string {
	var out []string
	for _, p := range w.barred() {
		out = append(out, fmt.Sprintf("%s; if the web server is none of these: %s", p.said(), p.opened()))
	}
	if p, typ, ok := w.mislabelled(); ok {
		when := "if SELinux is enforced, the web server may not read it"
		if w.enforced {
			when = "SELinux is enforced, and web servers may not read that"
		}
		out = append(out, fmt.Sprintf("%s has the SELinux type %s; %s: %s", p.path, typ, when, w.relabel()))
	}
	return out
}

// listed joins names as a sentence does.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// quoteShell writes a path as a shell reads it.
func quoteShell(path string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+~@:,", r)
	}
	if path != "" && strings.TrimFunc(path, plain) == "" && !strings.HasPrefix(path, "-") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
