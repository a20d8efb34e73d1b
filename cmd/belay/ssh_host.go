package main

import (
	"context"
	"os/user"

	"golang.org/x/crypto/ssh"
)

// The variables that name, for policy hosts reached by SSH, the key file to log in
// with and the known_hosts file to know them by.
const (
	sshKeyName   = "BELAY_SSH_KEY"
	sshKnownName = "BELAY_SSH_KNOWN_HOSTS"
)

// logIn logs in to the machine that serves a policy.
func (a *accounts) logIn(ctx context.Context, name, address string) (*ssh.Client, error) {
	l := sshLogin{env: a.secrets.env, keyBy: sshKeyName, knownBy: sshKnownName}
	l.key, _ = l.env(sshKeyName)
	if known, ok := l.env(sshKnownName); ok && known != "" {
		l.knownHosts = []string{known}
	}
	if name == "" {
		if me, err := user.Current(); err == nil {
			name = me.Username
		}
	}
	return l.dial(ctx, name, address)
}
