//go:build unix

package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"belay/rollout/world"
)

// TestASilentAgentIsLeft: an agent that waits for its owner's word does not hold
// belay longer than it was given.
func TestASilentAgentIsLeft(t *testing.T) {
	o := newOutpost(t, world.Network{})
	home, err := os.MkdirTemp("", "belay-agent-") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	silent, err := net.Listen("unix", filepath.Join(home, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	env := map[string]string{"HOME": home, "SSH_AUTH_SOCK": filepath.Join(home, "agent")}
	l := sshLogin{env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, knownHosts: []string{o.knownHosts}}
	client, err := l.dial(ctx, "probe", o.listener.Addr().String())
	if err == nil {
		client.Close()
		t.Fatal("it logged in without a key")
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not say that time was up", err)
	}
}
