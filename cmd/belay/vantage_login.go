package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// vantageLogin is how belay logs in to a vantage and knows it again: by the key file
// that was named, else by the agent's keys and those of the operator that need no
// passphrase; and by known_hosts alone. done gives up what the login needed.
func (p *program) vantageLogin(f vantageFlags, user, host string) (config *ssh.ClientConfig, done func(), err error) {
	known, err := p.knownHosts(f.knownHosts)
	if err != nil {
		return nil, nil, err
	}
	signers, done, err := p.vantageSigners(f.key)
	if err != nil {
		return nil, nil, err
	}
	return &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeysCallback(signers)},
		HostKeyCallback:   inWords(known),
		HostKeyAlgorithms: algorithmsOf(known, host),
		Timeout:           vantageTime,
	}, done, nil
}

// knownHosts reads the files that were named, or those of the operator and the
// machine that are there.
func (p *program) knownHosts(named []string) (ssh.HostKeyCallback, error) {
	files := named
	if len(files) == 0 {
		for _, file := range []string{p.inHome(".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"} {
			if _, err := os.Stat(file); err == nil {
				files = append(files, file)
			}
		}
	}
	if len(files) == 0 {
		return nil, errors.New("there is no known_hosts file; connect once with ssh, or name one by --vantage-known-hosts")
	}
	known, err := knownhosts.New(files...)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	return known, nil
}

func (p *program) inHome(elements ...string) string {
	home, _ := p.env("HOME")
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

// vantageSigners are the keys to log in with.
func (p *program) vantageSigners(file string) (signers func() ([]ssh.Signer, error), done func(), err error) {
	if file != "" {
		signer, err := signerIn(file)
		if err != nil {
			return nil, nil, err
		}
		return func() ([]ssh.Signer, error) { return []ssh.Signer{signer}, nil }, func() {}, nil
	}
	var own []ssh.Signer
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		signer, err := signerIn(p.inHome(".ssh", name))
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
	if socket, ok := p.env("SSH_AUTH_SOCK"); ok && socket != "" {
		conn, err := net.Dial("unix", socket)
		if err != nil && len(own) == 0 {
			return nil, nil, fmt.Errorf("ask the SSH agent: %w", err)
		}
		if err == nil {
			held := agent.NewClient(conn)
			signers = func() ([]ssh.Signer, error) {
				theirs, err := held.Signers()
				return append(theirs, own...), err
			}
			return signers, func() { conn.Close() }, nil
		}
	}
	if len(own) == 0 {
		return nil, nil, errors.New("there is no agent (SSH_AUTH_SOCK) and no key without a passphrase in ~/.ssh; load a key into the agent, or name one by --vantage-key")
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
