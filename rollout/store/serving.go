package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"belay/rollout/finding"
)

// servingDir holds a lock file for each server that runs on the store. The lock
// ends with its holder, so that a server which was killed is not said to run.
const servingDir = "serving"

// Announce says, to whoever asks Servers, that this process serves the store's
// policies; description is one line for people. release takes it back; so does the
// end of the process.
func (s *Store) Announce(ctx context.Context, description string) (release func() error, err error) {
	dir := filepath.Join(s.dir, servingDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("announce this server: %w", err)
	}
	// Nobody tries the lock between the making of the file and its locking.
	done, err := s.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	f, err := os.CreateTemp(dir, "*.lock")
	if err != nil {
		return nil, fmt.Errorf("announce this server: %w", err)
	}
	path := f.Name()
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("announce this server: %w", err)
	}
	drop, err := lockFile(path, finding.Clean(description, 200))
	if err != nil {
		return nil, fmt.Errorf("announce this server: %w", err)
	}
	return func() error { return errors.Join(drop(), os.Remove(path)) }, nil
}

// Servers are the servers that run on this store on this machine, as each described
// itself, sorted. What a server left behind that was killed is swept away.
func (s *Store) Servers(ctx context.Context) ([]string, error) {
	dir := filepath.Join(s.dir, servingDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a running belay serve: %w", err)
	}
	done, err := s.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var running []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !strings.HasSuffix(e.Name(), ".lock") {
			continue
		}
		told := holderOf(path)
		drop, err := lockFile(path, "")
		switch {
		case errors.Is(err, errHeld):
			running = append(running, told)
		case err == nil:
			_ = errors.Join(drop(), os.Remove(path)) // nobody's any more
		}
	}
	slices.Sort(running)
	return running, nil
}
