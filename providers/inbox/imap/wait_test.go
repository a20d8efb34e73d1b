package imap

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"belay/rollout/world"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// telling tells who idles what came before it too, as servers do: go-imap's own may
// miss what comes while it begins to.
type telling struct {
	imapserver.Session
	added <-chan struct{}
}

func (s telling) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	select {
	case <-s.added:
		if err := s.Poll(w, true); err != nil {
			return err
		}
		<-stop
	case <-stop:
	}
	return nil
}

func TestWaitEndsWithNews(t *testing.T) {
	added := make(chan struct{})
	d := start(t, odd{
		caps:    imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}},
		session: func(s imapserver.Session) imapserver.Session { return telling{s, added} },
	})
	b := d.box(&memory{}, nil)
	defer b.Close()
	if _, err := read(t, b); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- b.Wait(t.Context(), time.Hour) }()
	for !strings.Contains(d.talk(), "+ idling") { // until the server was told
		select {
		case err := <-waited:
			t.Fatalf("it did not wait: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	d.add(t, "INBOX", mails(1, 1)...)
	close(added)
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if got, err := read(t, b); err != nil || len(got) != 1 {
		t.Errorf("%q, error %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { waited <- b.Wait(ctx, time.Hour) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
}

// A connection that is lost before or while it idles is not left alone for every.
func TestWaitEndsWithTheConnection(t *testing.T) {
	d := start(t, odd{caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}}})
	b := d.box(&memory{}, nil)
	defer b.Close()
	for _, lost := range []string{"before", "while it idles"} {
		if _, err := read(t, b); err != nil {
			t.Fatal(err)
		}
		closed := b.session.client.Closed()
		waited := make(chan error, 1)
		if lost == "before" {
			d.cut()
			<-closed
		}
		go func() { waited <- b.Wait(t.Context(), time.Hour) }()
		if lost != "before" {
			for !strings.Contains(d.talk(), "+ idling") {
				select {
				case err := <-waited:
					t.Fatalf("it did not wait: %v", err)
				case <-time.After(time.Millisecond):
				}
			}
			d.cut()
		}
		select {
		case err := <-waited:
			if err != nil {
				t.Errorf("lost %s: %v", lost, err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("lost %s: it waits still", lost)
		}
	}
}

// A server may say that there is news whenever it is asked.
func TestWaitTakesAWhile(t *testing.T) {
	d := start(t, odd{caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}}})
	b := d.box(&memory{}, nil)
	defer b.Close()
	if _, err := read(t, b); err != nil {
		t.Fatal(err)
	}
	b.session.news <- struct{}{}
	begun := world.Start()
	if err := b.Wait(t.Context(), time.Hour); err != nil || begun.Elapsed() < shortestWait {
		t.Errorf("it waited %s, error %v", begun.Elapsed(), err)
	}
}
