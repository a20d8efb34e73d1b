package main

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A message bus that takes calls and answers none is what hangs on a server whose
// session is half there.
func TestABusThatNeverAnswersHoldsNothingUp(t *testing.T) {
	bus := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", bus)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+bus)
	d := newKeyringDoor(func(string) (string, bool) { return bus, true })
	_, err = d.within(t.Context(), 20*time.Millisecond, reading("cloudflare/api_token"))
	if err == nil || !strings.Contains(err.Error(), "did not answer within 20ms") {
		t.Fatalf("it says %v", err)
	}
	left := d.left
	l.Close()
	<-ended // hangs up, and so ends the call
	<-left
}
