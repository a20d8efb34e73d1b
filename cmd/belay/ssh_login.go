package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// sshLogin is how belay logs in to other machines and knows them again: by the key
// file that was named, else by the agent's keys and those of the operator that need
// no passphrase; and by known_hosts alone.
type sshLogin struct {
	env func(string) (string, bool)
	// key and knownHosts are files that the operator named; empty where none were.
	key        string
	knownHosts []string
	// keyBy and knownBy are how they are named, for sentences.
	keyBy, knownBy string
}

// sshTime bounds how long it takes to log in, in real time.
const sshTime = 30 * time.Second

// dial logs in to the SSH server at host, which is host:port.
func (l sshLogin) dial(ctx context.Context, user, host string) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, sshTime)
	defer cancel()
	config, done, err := l.config(ctx, user, host)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, host, config)
	if err != nil {
		conn.Close()
		return nil, errors.Join(err, ctx.Err())
	}
	return ssh.NewClient(c, channels, requests), nil
}

// config is what the login needs; done gives it up, and so does the end of ctx.
func (l sshLogin) config(ctx context.Context, user, host string) (config *ssh.ClientConfig, done func(), err error) {
	known, err := l.known()
	if err != nil {
		return nil, nil, err
	}
	signers, done, err := l.signers(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeysCallback(signers)},
		HostKeyCallback:   inWords(known),
		HostKeyAlgorithms: algorithmsOf(known, host),
		Timeout:           sshTime,
	}, done, nil
}

// known reads the files that were named, or those of the operator and the machine
// that are there.
func (l sshLogin) known() (ssh.HostKeyCallback, error) {
	files := l.knownHosts
	if len(files) == 0 {
		for _, file := range []string{l.inHome(".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"} {
			if _, err := os.Stat(file); err == nil {
				files = append(files, file)
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no known_hosts file; connect once with ssh, or name one by %s", l.knownBy)
	}
	known, err := knownhosts.New(files...)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	return known, nil
}

func (l sshLogin) inHome(elements ...string) string {
	home, _ := l.env("HOME")
	return filepath.Join(append([]string{home}, elements...)...)
}

// inWords is known, saying what an operator is to do about a refusal.
func inWords(known ssh.HostKeyCallback) ssh.HostKeyCallback {
	return func(host string, remote net.Addr, key ssh.PublicKey) error {
		err := known(host, remote, key)
		var mismatch *knownhosts.KeyError
		switch {
		case !errors.As(err, &mismatch):
			return err
		case len(mismatch.Want) == 0:
			return fmt.Errorf("the key of %s (%s) does not stand in known_hosts; connect once with ssh and compare it", host, ssh.FingerprintSHA256(key))
		}
		return fmt.Errorf("the key of %s (%s) is another than known_hosts has: the server was changed, or somebody stands between", host, ssh.FingerprintSHA256(key))
	}
}

// algorithmsOf are the algorithms of the keys that known_hosts has of host, so that
// the server shows one that can be compared; nil, which is any, for an unknown host.
func algorithmsOf(known ssh.HostKeyCallback, host string) []string {
	var want *knownhosts.KeyError
	if !errors.As(known(host, &net.TCPAddr{}, noKey{}), &want) {
		return nil
	}
	var out []string
	for _, k := range want.Want {
		algorithms := []string{k.Key.Type()}
		if k.Key.Type() == ssh.KeyAlgoRSA { // a key of that type signs with these today
			algorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, a := range algorithms {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// noKey is nobody's key: known_hosts answers it with those it has.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("nobody's key signs nothing") }

// signers are the keys to log in with. An agent may wait for its owner's word for
// each; it is left when ctx ends.
func (l sshLogin) signers(ctx context.Context) (signers func() ([]ssh.Signer, error), done func(), err error) {
	if l.key != "" {
		signer, err := signerIn(l.key)
		if err != nil {
			return nil, nil, err
		}
		return func() ([]ssh.Signer, error) { return []ssh.Signer{signer}, nil }, func() {}, nil
	}
	var own []ssh.Signer
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		signer, err := signerIn(l.inHome(".ssh", name))
		var locked *ssh.PassphraseMissingError
		switch {
		case err == nil:
			own = append(own, signer)
		case !errors.As(err, &locked) && !errors.Is(err, fs.ErrNotExist):
			return nil, nil, err
		}
	}
	done = func() {}
	signers = func() ([]ssh.Signer, error) { return own, nil }
	if socket, ok := l.env("SSH_AUTH_SOCK"); ok && socket != "" {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", socket)
		if err != nil && len(own) == 0 {
			return nil, nil, fmt.Errorf("ask the SSH agent: %w", err)
		}
		if err == nil {
			held := agent.NewClient(conn)
			signers = func() ([]ssh.Signer, error) {
				theirs, err := held.Signers()
				if err != nil && len(own) > 0 {
					return own, nil // an agent that fails must not stand in their way
				}
				return append(theirs, own...), err
			}
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			return signers, func() { stop(); conn.Close() }, nil
		}
	}
	if len(own) == 0 {
		return nil, nil, fmt.Errorf("there is no agent (SSH_AUTH_SOCK) and no key without a passphrase in ~/.ssh; load a key into the agent, or name one by %s", l.keyBy)
	}
	return signers, done, nil
}

func signerIn(file string) (ssh.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return nil, fmt.Errorf("read the key %s: it has a passphrase; load it into the agent: %w", file, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key %s: %w", file, err)
	}
	return signer, nil
}
