package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// diskSize is the size of the file systems that the tests of this file fill, in
// bytes.
const diskSize = 4 << 20

// disk is a small file system of its own.
func disk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskSize)); err != nil {
		t.Skipf("a file system that can be filled needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves so many bytes free on the disk, and returns what makes room again.
func fill(t *testing.T, dir string, free int64) (makeRoom func()) {
	t.Helper()
	var room syscall.Statfs_t
	if err := syscall.Statfs(dir, &room); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "filler")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(f, zeros{}, max(0, int64(room.Bavail)*room.Bsize-free))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBadInputFullDisk: whatever a full disk keeps belay from writing down, it says
// so in one sentence, and goes on when there is room: nothing is written twice.
func TestBadInputFullDisk(t *testing.T) {
	t.Run("under the store", func(t *testing.T) {
		dir := disk(t)
		// A little more room each time, so that it runs out later each time.
		for free := int64(0); !walksWith(t, dir, free); free += 16 << 10 {
			if free > diskSize/2 {
				t.Fatal("belay never had room enough")
			}
		}
	})
	t.Run("under the web root", func(t *testing.T) {
		b := newBox(t, lab.Options{})
		dir := disk(t)
		if err := errors.Join(os.Remove(b.WebRoot()), os.Symlink(dir, b.WebRoot())); err != nil {
			t.Fatal(err)
		}
		b.start("--host", "webroot:"+dir)
		b.to(rollout.HostPolicy)
		makeRoom := fill(t, dir, 0)
		b.refuses(exitCannot, []string{"next", b.Domain(), "--yes"}, "write policy", "the disk is full; nothing was changed")
		makeRoom()
		b.to(rollout.ReviewReports)
		if n := b.Writes()["_mta-sts.corp.test"]; n != 1 {
			t.Errorf("the id was announced %d times", n)
		}
	})
}

// walksWith walks phase 2 with a store on a disk that has so many bytes left, and
// reports whether that was enough.
func walksWith(t *testing.T, dir string, free int64) bool {
	t.Helper()
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.PublishDNS)
	state := filepath.Join(dir, "belay")
	copyTree(t, state, b.state)
	b.state = state
	makeRoom := fill(t, dir, free)
	r := b.belay("next", b.Domain(), "--yes")
	if r.status != exitGood {
		if r.status != exitCannot || !strings.Contains(r.err, "the disk is full") || strings.Count(r.err, "\n") != 1 {
			t.Errorf("with %d bytes free: exit %d, %q", free, r.status, r.err)
		}
		makeRoom()
		b.to(rollout.HostPolicy)
	}
	if got, want := b.Writes(), map[string]int{"_smtp._tls.corp.test": 1, "mta-sts.corp.test": 2}; !maps.Equal(got, want) {
		t.Errorf("with %d bytes free: written %v, want %v", free, got, want)
	}
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	if r.status == exitGood {
		makeRoom()
	}
	return r.status == exitGood
}
