package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// A server is started while its store cannot be used, serves what was served last, and
// goes on with the store when that can be used again.
func TestServeIsRestartedWithoutItsStore(t *testing.T) {
	b := newBox(t, lab.Options{})
	host := mtasts.PolicyHost(b.Domain())
	cert, key := b.certificateFiles(host)
	elsewhere := t.TempDir()
	flags := []string{"--tls-cert", cert, "--tls-key", key, "--certificates", elsewhere}
	first := b.serveWith(flags...)
	b.published(first)
	first.stop()

	file := filepath.Join(b.state, "belay.db")
	aside := file + ".aside"
	for _, row := range []struct {
		name, why string
		make      func() error
	}{
		{"damaged", "damaged", func() error { return os.WriteFile(file, bytes.Repeat([]byte("not a database. "), 1000), 0o600) }},
		{"not there, as where its disk is not mounted", "gone", func() error { return nil }},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := errors.Join(os.Rename(file, aside), row.make()); err != nil {
				t.Fatal(err)
			}
			s := b.serveWith(flags...)
			if body, err := s.fetch(host, b.World().Network.Roots); err != nil || !strings.Contains(body, "mode: testing") {
				t.Errorf("%q, %v", body, err)
			}
			if code, text := s.told("/healthz"); code != 200 || !strings.Contains(text, row.why) {
				t.Errorf("/healthz: %d %s", code, text)
			}
			if _, err := os.Stat(file); row.why == "gone" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a store was made: %v", err)
			}
			if err := os.Rename(aside, file); err != nil {
				t.Fatal(err)
			}
			s.said.until(t, "the store can be read again")
			s.stop()
		})
	}
	last := b.serveWith(flags...)
	b.leadTo(last)
	b.to(rollout.Enforce)
	b.settled()
	b.next(exitGood)
	last.becomes(host, "mode: enforce")
}

// Where there is no store, one is made, which is said and not called ready.
func TestServeSaysThatItMadeAStore(t *testing.T) {
	b := newBox(t, lab.Options{})
	s := b.serve(mtasts.PolicyHost(b.Domain()))
	if !strings.Contains(s.said.String(), "there was no store, and an empty one was made") {
		t.Errorf("it said\n%s", s.said)
	}
	if code, text := s.told("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "no policy is served") {
		t.Errorf("/readyz: %d %s", code, text)
	}
	b.start("--host", "serve")
	s.said.until(t, "policy host known")
	if code, text := s.told("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz: %d %s", code, text)
	}
}

func TestWhatWasServedLastIsReadAgain(t *testing.T) {
	body := "version: STSv1\r\nmode: testing\r\nmx: mx.corp.test\r\nmax_age: 86400\r\n"
	l := lastServed{filepath.Join(t.TempDir(), "certificates", "served.json")}
	if hosts, err := l.Hosts(); len(hosts) > 0 || err != nil {
		t.Errorf("before anything was: %v, %v", hosts, err)
	}
	want := []rollout.ServedHost{{Domain: "corp.test", Wanted: true, Body: rollout.Body(body)}, {Domain: "new.test", Wanted: true, Body: rollout.Absent()}}
	if err := l.Keep(want); err != nil {
		t.Fatal(err)
	}
	got, err := l.Hosts()
	if err != nil || len(got) != 2 || got[0].Body.Body != body || !got[0].Body.Exists || got[1].Body.Exists || !got[1].Wanted {
		t.Errorf("%+v, %v", got, err)
	}
	for name, text := range map[string]string{
		"half a file":   `[{"domain":"corp.test"`,
		"no domain":     `[{"domain":"../../etc"}]`,
		"another thing": `{"version":1}`,
	} {
		if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if hosts, err := l.Hosts(); err == nil {
			t.Errorf("%s is taken for %v", name, hosts)
		}
	}
}
