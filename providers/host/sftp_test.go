package host

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"belay/rollout"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

func noLogIn(context.Context, string, string) (*ssh.Client, error) {
	return nil, errors.New("nobody is there")
}

// sshServer is an SSH server on loopback that offers SFTP and nothing else, on this
// machine's files.
func sshServer(t *testing.T) LogIn {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(key)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { ln.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serveSFTP(conn, config) })
		}
	})
	return func(ctx context.Context, user, _ string) (*ssh.Client, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return nil, err
		}
		c, channels, requests, err := ssh.NewClientConn(conn, "web.example", &ssh.ClientConfig{User: user, HostKeyCallback: ssh.FixedHostKey(key.PublicKey())})
		if err != nil {
			return nil, err
		}
		return ssh.NewClient(c, channels, requests), nil
	}
}

func serveSFTP(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	serving.Go(func() { ssh.DiscardRequests(requests) })
	for asked := range channels {
		channel, requests, err := asked.Accept()
		if err != nil {
			return
		}
		serving.Go(func() {
			for r := range requests {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		})
		server, err := sftp.NewServer(channel)
		if err != nil {
			return
		}
		serving.Go(func() {
			if err := server.Serve(); err == nil || errors.Is(err, io.EOF) {
				server.Close()
			}
			channel.Close()
		})
	}
}

func away(t *testing.T, w Webroot) SFTP {
	t.Helper()
	return SFTP{Target: Target{User: "deploy", Address: "web.example:22", Dir: filepath.ToSlash(w.Dir)}, LogIn: sshServer(t)}
}

// TestSFTPApply: what holds for a file here holds for one on another machine.
func TestSFTPApply(t *testing.T) {
	for _, row := range applyRows() {
		t.Run(row.name, func(t *testing.T) {
			w := root(t, row.holds)
			s := away(t, w)
			if row.holds != "" { // what a killed belay left
				if err := os.WriteFile(filepath.Join(w.Dir, wellKnown, scratch+"0"), []byte("half"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.Apply(t.Context(), edit(row.before, row.after))
			if got.Outcome != row.want || got.EditID != "e1" {
				t.Fatalf("receipt %+v, error %v; want %s", got, err, row.want)
			}
			if refused := row.want == rollout.Refused; errors.Is(err, rollout.ErrStale) != refused || (got.Detail != "") != refused {
				t.Errorf("error %v, detail %q", err, got.Detail)
			}
			held, err := s.Read(t.Context(), edit(row.before, row.after))
			if err != nil || held.Value.Body != row.left || held.Value.Exists != (row.left != "") || !held.Value.Equal(got.Saw) {
				t.Errorf("holds %+v, error %v; receipt saw %v", held, err, got.Saw)
			}
			if row.want != rollout.Applied || !row.after.Exists {
				return
			}
			info, err := os.Stat(w.path())
			if err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("the web server could not read it: %v, %v", info, err)
			}
			names, err := os.ReadDir(filepath.Dir(w.path()))
			if err != nil || len(names) != 1 {
				t.Errorf("beside the policy there is more: %v, %v", names, err)
			}
		})
	}
}

// TestSFTPRefuses: what is no place for a policy is told, and nothing is written.
func TestSFTPRefuses(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, w Webroot, s *SFTP)
		says    string
	}{
		{"no such root", func(_ *testing.T, _ Webroot, s *SFTP) { s.Target.Dir += "/nowhere" }, "does not exist"},
		{"nobody answers", func(_ *testing.T, _ Webroot, s *SFTP) { s.LogIn = noLogIn }, "log in to web.example:22: nobody is there"},
		{"a link in the file's place", func(t *testing.T, w Webroot, _ *SFTP) {
			if err := os.Mkdir(filepath.Join(w.Dir, wellKnown), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("elsewhere", w.path()); err != nil {
				t.Skip("no symbolic links here: ", err)
			}
		}, "symbolic link"},
		{"a file in the directory's place", func(t *testing.T, w Webroot, _ *SFTP) {
			if err := os.WriteFile(filepath.Join(w.Dir, wellKnown), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "policy"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := root(t, "")
			s := away(t, w)
			row.prepare(t, w, &s)
			got, err := s.Apply(t.Context(), edit(rollout.Absent(), rollout.Body(testing1)))
			if got.Outcome != rollout.Failed || err == nil || !strings.Contains(got.Detail, row.says) {
				t.Errorf("receipt %+v, error %v; want %q", got, err, row.says)
			}
			if _, err := s.Try(t.Context(), "corp.test"); row.name != "a file in the directory's place" && (err == nil || !strings.Contains(err.Error(), row.says)) {
				t.Errorf("try: %v; want %q", err, row.says)
			}
		})
	}
}

func TestSFTPTry(t *testing.T) {
	w := root(t, testing1)
	trial, err := away(t, w).Try(t.Context(), "corp.test")
	if err != nil || !strings.Contains(strings.Join(trial.Lines, "\n"), "https://mta-sts.corp.test/.well-known/mta-sts.txt") {
		t.Errorf("%q, %v", trial.Lines, err)
	}
}
