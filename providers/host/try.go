package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// Try looks whether a policy for domain can be written, and writes nothing: the
// root exists, belay may write there, and what stands in the file's place is a
// file or nothing.
func (w Webroot) Try(ctx context.Context, domain string) (rollout.Trial, error) {
	if err := ctx.Err(); err != nil {
		return rollout.Trial{}, err
	}
	seen, err := w.read()
	if err != nil {
		return rollout.Trial{}, fmt.Errorf("try web root: %w", err)
	}
	dir := filepath.Join(w.Dir, wellKnown)
	target, line := dir, fmt.Sprintf("%s is there and can be written", dir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		target, line = w.Dir, fmt.Sprintf("%s can be written; %s will be made in it", w.Dir, wellKnown)
	}
	if err := mayWrite(target); err != nil {
		return rollout.Trial{}, fmt.Errorf("try web root: no permission to write in %s; run belay as a user who may: %w", target, err)
	}
	lines := []string{line}
	if seen.Exists {
		lines = append(lines, fmt.Sprintf("%s holds %d bytes", w.path(), len(seen.Body)))
	} else {
		lines = append(lines, fmt.Sprintf("%s does not exist yet", w.path()))
	}
	lines = append(lines, w.way().warnings()...)
	lines = append(lines, fmt.Sprintf("the web server must serve it at %s", mtasts.PolicyURL(domain)))
	return rollout.Trial{Lines: lines}, nil
}
