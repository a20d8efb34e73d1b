package dns_test

import (
	"bytes"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// TestProvidersLeaveTheProcessAlone: reading, writing and being refused, none of them
// prints to the terminal's output, says anything by the process's loggers, or replaces
// what the whole process shares. The libraries below some do, where they are let.
func TestProvidersLeaveTheProcessAlone(t *testing.T) {
	for name, e := range entrants() {
		t.Run(name, func(t *testing.T) {
			b := e.start(t)
			logged := heard(t)
			type shared struct {
				transport http.RoundTripper
				client    http.RoundTripper
				logger    *slog.Logger
				log       io.Writer
			}
			now := func() shared {
				return shared{http.DefaultTransport, http.DefaultClient.Transport, slog.Default(), log.Writer()}
			}
			before := now()
			said := printed(t, func() {
				a := b.open(t, dns.Options{})
				if _, err := a.Try(ctx(t), domain); err != nil {
					t.Errorf("try: %v", err)
				}
				for _, e := range []rollout.Edit{
					edit("_mta-sts", "TXT", nil, list(sts1)), edit("_mta-sts", "TXT", list(sts1), list(sts2)), edit("_mta-sts", "TXT", list(sts2), nil),
				} {
					if r, err := a.Apply(ctx(t), e); r.Outcome != rollout.Applied {
						t.Errorf("%s: %s, %v", e, r.Outcome, err)
					}
				}
				if len(e.refusals) > 0 {
					fault := e.refusal(t, "403").with(b)
					b.interfere(func(*http.Request) *vendor.Fault { return &fault })
					if _, err := b.open(t, dns.Options{}).Try(ctx(t), domain); err == nil {
						t.Error("a refused trial says nothing")
					}
				}
			})
			if said != "" {
				t.Errorf("printed %q", said)
			}
			if after := now(); after != before {
				t.Errorf("what the process shares was %+v, and is %+v", before, after)
			}
			if said := logged(); said != "" {
				t.Errorf("logged %q", said)
			}
		})
	}
}

// TestHeardHearsBothLoggers: what a library says by log or slog would be seen.
func TestHeardHearsBothLoggers(t *testing.T) {
	logged := heard(t)
	log.Print("by log")
	slog.Warn("by slog")
	if said := logged(); !strings.Contains(said, "by log") || !strings.Contains(said, "by slog") {
		t.Errorf("heard %q", said)
	}
}

// heard has the process's loggers write into what the returned function ends and gives.
// The standard one keeps the standard error that it began with, whatever os.Stderr is;
// slog's writes through it.
func heard(t *testing.T) func() string {
	t.Helper()
	var said bytes.Buffer
	before := log.Writer()
	log.SetOutput(&said)
	t.Cleanup(func() { log.SetOutput(before) })
	return func() string {
		log.SetOutput(before)
		return said.String()
	}
}

// printed runs f and returns what it wrote to standard output and standard error.
func printed(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	defer func() { os.Stdout, os.Stderr = out, errs }()
	said := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(r)
		said <- string(b)
	}()
	f()
	_ = w.Close()
	defer r.Close()
	return <-said
}
