package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// Webroot serves the policy as a file below a directory that a web server
// serves: DIR/.well-known/mta-sts.txt. The directory .well-known may be a
// symbolic link, as it often is where certificates are renewed; the file itself
// may not, because belay would either cut the link, against whoever made it, or
// write where nobody has pointed it. Anything but a regular file is refused.
//
// Between the drift check and the write another program could still change the
// file: file systems offer no compare-and-swap. The window is that of a few
// system calls, and the engine's lock keeps other belays out.
type Webroot struct {
	// Dir is the web root, absolute; it must exist.
	Dir string
}

// Read says what the file holds; no file is Absent.
func (w Webroot) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	return stands(ctx, w, e)
}

// Apply writes, replaces or removes the file. See Host.
func (w Webroot) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	return put(ctx, w, e)
}

func (w Webroot) path() string { return filepath.Join(w.Dir, wellKnown, policyFile) }

// read returns the file's bytes. It opens nothing but a regular file.
func (w Webroot) read() (rollout.Value, error) {
	if err := w.exists(); err != nil {
		return rollout.Absent(), err
	}
	before, err := os.Lstat(w.path())
	if errors.Is(err, fs.ErrNotExist) {
		return rollout.Absent(), nil
	}
	if err != nil {
		return rollout.Absent(), fmt.Errorf("read policy: %w", err)
	}
	if err := regular(w.path(), before); err != nil {
		return rollout.Absent(), err
	}
	f, err := os.Open(w.path())
	if err != nil {
		return rollout.Absent(), fmt.Errorf("read policy: %w", err)
	}
	defer f.Close()
	if opened, err := f.Stat(); err != nil || !os.SameFile(before, opened) {
		return rollout.Absent(), fmt.Errorf("read policy: %s was replaced while it was opened; try again", w.path())
	}
	body, err := io.ReadAll(io.LimitReader(f, mtasts.MaxBody+1))
	if err != nil {
		return rollout.Absent(), fmt.Errorf("read policy: %w", err)
	}
	if len(body) > mtasts.MaxBody {
		return rollout.Absent(), fmt.Errorf("read policy: %s is larger than %d bytes, which is no policy; move it away first", w.path(), mtasts.MaxBody)
	}
	return rollout.Body(string(body)), nil
}

// exists fails unless the web root is a directory. It is never made: a mistyped
// root would be a policy that nobody serves.
func (w Webroot) exists() error {
	info, err := os.Stat(w.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("web root %s does not exist; name the directory that the web server serves", w.Dir)
	case err != nil:
		return fmt.Errorf("look at web root: %w", err)
	case !info.IsDir():
		return fmt.Errorf("web root %s is no directory", w.Dir)
	}
	return nil
}

func regular(path string, info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link, and belay neither cuts links nor writes through them: put a regular file there, or name the web root it leads to", path)
	case mode.IsDir():
		return fmt.Errorf("%s is a directory; move it away first", path)
	}
	return fmt.Errorf("%s is no regular file; move it away first", path)
}
