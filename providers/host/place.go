package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"belay/rollout"
)

// Place names where h writes, so that two accounts write to one place exactly
// when their Places are equal: the policy file's absolute path with every
// symbolic link on the way resolved. Two spellings of one directory, and two web
// roots that share one .well-known, are one place. It is empty where belay writes
// nothing itself (manual). What does not exist yet is taken as it is spelled.
func Place(h rollout.HostAccount) (string, error) {
	switch h.Kind {
	case KindWebroot, KindStatic:
	case KindSFTP:
		target, err := ParseTarget(h.String())
		if err != nil {
			return "", err
		}
		if path.IsAbs(target.Dir) {
			target.User = "" // whoever logs in, it is the same directory
		}
		target.Dir = path.Join(target.Dir, wellKnown, policyFile)
		return target.String(), nil
	default:
		return "", nil
	}
	dir, err := canonical(filepath.Join(h.Place, wellKnown))
	if err != nil {
		return "", fmt.Errorf("find the place of %s: %w", h, err)
	}
	return filepath.Join(dir, policyFile), nil
}

// canonical is the absolute path of dir with every link resolved.
func canonical(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return resolve(abs)
}

// resolve follows the links of the longest part of path that exists.
func resolve(at string) (string, error) {
	real, err := filepath.EvalSymlinks(at)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	parent := filepath.Dir(at)
	if parent == at {
		return at, nil
	}
	real, err = resolve(parent)
	if err != nil {
		return "", err
	}
	return filepath.Join(real, filepath.Base(at)), nil
}
