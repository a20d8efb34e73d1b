package host

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/pkg/sftp"
)

// way looks at every directory above the policy file and at the file. Where the path
// is a link the server passes both: the directories above the link, and those above
// what it leads to. What belay itself cannot look at is left out.
func (w Webroot) way() way {
	out := way{file: w.path(), root: w.Dir}
	out.enforced, out.permissive = confinement()
	well := filepath.Join(w.Dir, wellKnown)
	real, err := canonical(well)
	if err != nil {
		real = well
	}
	for _, at := range append(above(well, filepath.Dir), above(real, filepath.Dir)...) {
		out.add(at)
	}
	out.add(w.path())
	return out
}

// add looks at one local path, unless it was looked at.
func (w *way) add(at string) {
	if slices.ContainsFunc(w.points, func(p waypoint) bool { return p.path == at }) {
		return
	}
	info, err := os.Stat(at)
	if err != nil {
		return
	}
	p := waypoint{path: at, mode: info.Mode()}
	p.owner, p.group = ownersOf(info)
	p.acl, p.label = attributes(at)
	w.points = append(w.points, p)
}

// way is that of Webroot, as far as SFTP tells: no access control lists, no labels,
// and numbers in place of names. Of links, that of .well-known and what the server
// itself resolves of the web root are followed.
func (r remoteRoot) way() way {
	out := way{file: r.path(), root: r.dir}
	well := path.Join(r.dir, wellKnown)
	places := above(well, path.Dir)
	if to, err := r.client.ReadLink(well); err == nil {
		if !path.IsAbs(to) {
			to = path.Join(r.dir, to)
		}
		places = append(places, above(path.Clean(to), path.Dir)...)
	}
	if real, err := r.client.RealPath(r.dir); err == nil {
		places = append(places, above(real, path.Dir)...)
	}
	for _, at := range append(places, r.path()) {
		if slices.ContainsFunc(out.points, func(p waypoint) bool { return p.path == at }) {
			continue
		}
		info, err := r.client.Stat(at)
		if err != nil {
			continue
		}
		p := waypoint{path: at, mode: info.Mode()}
		if stat, ok := info.Sys().(*sftp.FileStat); ok {
			p.owner, p.group = strconv.FormatUint(uint64(stat.UID), 10), strconv.FormatUint(uint64(stat.GID), 10)
		}
		out.points = append(out.points, p)
	}
	return out
}

// above are a directory and all above it, from the top down.
func above(dir string, parent func(string) string) []string {
	var out []string
	for at := dir; ; at = parent(at) {
		out = append(out, at)
		if parent(at) == at {
			break
		}
	}
	slices.Reverse(out)
	return out
}
