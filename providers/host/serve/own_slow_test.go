//go:build unix

package serve

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"belay/rollout/world"
)

// A file that takes long to read holds up the one handshake that reads it: all
// others meanwhile are shown what was read before, and look at no file.
func TestOneHandshakeReadsAndTheOthersGoOn(t *testing.T) {
	ca := newAuthority(t)
	issue := func() *tls.Certificate {
		cert, err := ca.issue(policyHost)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	dir := t.TempDir()
	files := Pair{filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key")}
	old, renewed := issue(), issue()
	write(t, files, old)
	log := &heard{}
	own, err := OwnCertificates([]Pair{files}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	shown := func() *tls.Certificate {
		cert, err := own.Certificate(&tls.ClientHelloInfo{ServerName: policyHost})
		if err != nil {
			t.Error(err)
		}
		return cert
	}

	write(t, files, renewed)
	chain, err := os.ReadFile(files.Cert)
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe") // is read only when somebody writes
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no named pipes here: ", err)
	}
	if err := os.Rename(pipe, files.Cert); err != nil {
		t.Fatal(err)
	}
	own.looked = world.Stopwatch{} // long ago
	first := make(chan *tls.Certificate, 1)
	go func() { first <- shown() }()
	disk, err := os.OpenFile(files.Cert, os.O_WRONLY, 0) // returns when the handshake is reading
	if err != nil {
		t.Fatal(err)
	}

	var others sync.WaitGroup
	got := make([]*tls.Certificate, 50)
	for i := range got {
		others.Go(func() { got[i] = shown() })
	}
	gone := make(chan struct{})
	go func() { others.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the other handshakes wait for the disk")
	}
	if _, err := disk.Write(chain); err != nil {
		t.Fatal(err)
	}
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
	<-gone
	for _, cert := range got {
		if cert == nil || !bytes.Equal(cert.Certificate[0], old.Certificate[0]) {
			t.Fatal("another handshake is not shown what was read before")
		}
	}
	if cert := <-first; cert == nil || !bytes.Equal(cert.Certificate[0], renewed.Certificate[0]) {
		t.Error("the handshake that read is not shown what it read")
	}
	if n := strings.Count(log.String(), "read anew"); n != 1 {
		t.Errorf("it was read %d times:\n%s", n, log)
	}
}

// A handshake that saw that it is time to look, and came to it after another had
// looked, does not look again.
func TestFilesAreLookedAtOnceForAll(t *testing.T) {
	ca := newAuthority(t)
	cert, err := ca.issue(policyHost)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := Pair{filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key")}
	write(t, files, cert)
	log := &heard{}
	own, err := OwnCertificates([]Pair{files}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	own.looked = world.Stopwatch{}
	own.refresh()
	write(t, files, cert) // other files, which a second look would see
	own.lookIfDue()
	if strings.Contains(log.String(), "read anew") {
		t.Error("the files were looked at again")
	}
	own.looked = world.Stopwatch{}
	own.lookIfDue()
	if !strings.Contains(log.String(), "read anew") {
		t.Error("when it was time again, the files were not looked at")
	}
}
