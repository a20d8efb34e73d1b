//go:build unix

package inbox

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAPipeInTheFilesPlaceHoldsNothingUp: between being listed and being opened, a
// file was replaced by a pipe that nobody writes to, and by one that is only held open.
func TestAPipeInTheFilesPlaceHoldsNothingUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.eml")
	if err := os.WriteFile(path, []byte("a mail"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := readItem(item{path: path, info: info}); !errors.Is(err, errNotRegular) {
		t.Errorf("a pipe without a writer: %v", err)
	}
	held, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := readItem(item{path: path, info: info}); !errors.Is(err, errNotRegular) {
		t.Errorf("a pipe with a silent writer: %v", err)
	}
}
