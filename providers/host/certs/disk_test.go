package certs_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/host/certs"

	"github.com/caddyserver/certmagic"
)

// fillable is a storage whose disk fills up.
type fillable struct {
	certmagic.Storage
	mu   sync.Mutex
	full func(key string) bool
}

var errFull = errors.New("write: no space left on device")

func (f *fillable) Store(ctx context.Context, key string, value []byte) error {
	f.mu.Lock()
	full := f.full != nil && f.full(key)
	f.mu.Unlock()
	if full {
		return errFull
	}
	return f.Storage.Store(ctx, key, value)
}

func (f *fillable) fill(full func(key string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

func TestAFullDiskDuringARenewalLosesNothing(t *testing.T) {
	for name, full := range map[string]func(key string) bool{
		"full all along":                       func(string) bool { return true },
		"full when the certificate has come":   func(key string) bool { return strings.HasPrefix(key, "certificates/") },
		"full for what is known of it as well": func(key string) bool { return !strings.HasPrefix(key, "rw_test") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, labOptions{})
			disk := &fillable{Storage: certs.Folder(t.TempDir())}
			s, j := l.settings(disk)
			i := l.open(s, j)
			i.manage(t, host)
			j.await(t, "certificate obtained")
			first := l.mustShow(host)
			disk.fill(full)
			l.clock.wind(70 * 24 * time.Hour)
			i.manage(t, host)
			j.await(t, "no certificate")
			if trouble := i.state(t, host).Trouble; !strings.Contains(trouble.Said, "no space left") || !strings.Contains(trouble.Mend, "Make room") {
				t.Errorf("told %+v", trouble)
			}
			if serialOf(l.mustShow(host)) != serialOf(first) {
				t.Error("the certificate in use is no longer served")
			}
			i.Close()

			// What is on the disk serves after a restart, and is renewed once there is room.
			s, j = l.settings(disk)
			i = l.open(s, j)
			disk.fill(nil)
			l.clock.wind(2 * time.Minute) // the pause after the attempt that failed
			i.manage(t, host)
			if leaf := l.mustShow(host); leaf == nil {
				t.Fatal("nothing is served after a restart")
			}
			j.await(t, "certificate obtained")
			if serialOf(l.mustShow(host)) == serialOf(first) {
				t.Error("it is not renewed though there is room")
			}
		})
	}
}
