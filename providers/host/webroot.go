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
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// Where the body stands below a web root (RFC 8461 section 3.3).
const (
	wellKnown  = ".well-known"
	policyFile = "mta-sts.txt"
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
	if err := errors.Join(ctx.Err(), checkPolicy(e)); err != nil {
		return holding(e, rollout.Absent(), err)
	}
	v, err := w.read()
	return holding(e, v, err)
}

// Apply writes, replaces or removes the file. See Host.
func (w Webroot) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	watch := world.Start()
	r := rollout.Receipt{EditID: e.ID, Outcome: rollout.Failed}
	err := errors.Join(ctx.Err(), checkPolicy(e))
	if err == nil {
		r.Outcome, r.Saw, err = w.apply(e)
	}
	if err != nil {
		r.Detail = finding.Clean(err.Error(), 400)
	}
	r.Took = watch.Elapsed()
	return r, err
}

func (w Webroot) apply(e rollout.Edit) (rollout.Outcome, rollout.Value, error) {
	seen, err := w.read()
	if err != nil {
		return rollout.Failed, rollout.Absent(), err
	}
	switch {
	case seen.Equal(e.After):
		return rollout.Found, seen, nil
	case seen.Equal(e.Before):
	case seen.SamePolicy(e.After):
		return rollout.Found, seen, nil // the same policy in other bytes
	default:
		return rollout.Refused, seen, fmt.Errorf("%s holds neither what the plan saw nor what it wants, but %s: %w",
			w.path(), finding.Quote(seen.String(), 200), rollout.ErrStale)
	}
	if err := w.write(e.After); err != nil {
		return rollout.Failed, seen, err
	}
	seen, err = w.read()
	if err != nil {
		return rollout.Unknown, rollout.Absent(), fmt.Errorf("read back what was written: %w", err)
	}
	if !seen.Equal(e.After) {
		return rollout.Unknown, seen, fmt.Errorf("read back %s: it holds %s, not what was written",
			w.path(), finding.Quote(seen.String(), 200))
	}
	return rollout.Applied, seen, nil
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
