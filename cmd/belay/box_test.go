package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/store"
)

// box is a lab and the belay that works in it: its world, an environment with the
// lab's credentials, a store of its own.
type box struct {
	t *testing.T
	*lab.Lab
	state string
	env   map[string]string
	// set up, when not nil, changes every run before it starts.
	setup func(*program)
}

func newBox(t *testing.T, o lab.Options) *box {
	t.Helper()
	o.Dir, o.Still = t.TempDir(), true
	l, err := lab.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	key, algorithm, secret := l.TSIG()
	return &box{t: t, Lab: l, state: t.TempDir(), env: map[string]string{
		"RFC2136_NAMESERVER": l.NameServer(0), "RFC2136_TSIG_KEY": key,
		"RFC2136_TSIG_ALGORITHM": algorithm, "RFC2136_TSIG_SECRET": secret,
	}}
}

// ran is what one run of belay left behind.
type ran struct {
	status   int
	out, err string
}

// belay runs one command line in the lab, with an empty standard input.
func (b *box) belay(args ...string) ran {
	b.t.Helper()
	var out, errs bytes.Buffer
	p := newProgram(b.World(), strings.NewReader(""), &out, &errs, func(name string) (string, bool) {
		v, ok := b.env[name]
		return v, ok
	})
	p.keyring = func(context.Context, string) (string, error) { return "", nil }
	if b.setup != nil {
		b.setup(p)
	}
	status := p.run(append([]string{"--state", b.state}, args...))
	return ran{status, out.String(), errs.String()}
}

// must is belay with an exit status that is wanted.
func (b *box) must(status int, args ...string) ran {
	b.t.Helper()
	r := b.belay(args...)
	if r.status != status {
		b.t.Fatalf("belay %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.status, status, r.out, r.err)
	}
	return r
}

// start begins a rollout whose clean times are all zero.
func (b *box) start(more ...string) {
	b.t.Helper()
	args := []string{
		"new", b.Domain(), "--dns", "rfc2136", "--host", "webroot:" + b.WebRoot(),
		"--rua", "mailto:tlsrpt@" + b.Domain(), "--inbox", b.Inbox(),
		"--soak", "testing=0", "--soak", "silent=0", "--soak", "enforce=0", "--soak", "max-age=0",
	}
	for _, a := range b.PolicyAddresses() {
		args = append(args, "--host-address", a.String())
	}
	b.must(exitGood, append(args, more...)...)
}

// next carries out one step and reads what it did.
func (b *box) next(status int) rollout.Progress {
	b.t.Helper()
	r := b.must(status, "next", b.Domain(), "--yes", "--json")
	var p rollout.Progress
	if err := json.Unmarshal([]byte(r.out), &p); err != nil {
		b.t.Fatalf("next printed %q: %v", r.out, err)
	}
	return p
}

// lock holds a domain's lock as another belay would.
func (b *box) lock(domain, holder string) (release func()) {
	b.t.Helper()
	s, err := store.Open(b.t.Context(), b.state)
	if err != nil {
		b.t.Fatal(err)
	}
	drop, err := s.Lock(domain, holder)
	if err != nil {
		b.t.Fatal(err)
	}
	return func() {
		if err := errors.Join(drop(), s.Close()); err != nil {
			b.t.Fatal(err)
		}
	}
}
