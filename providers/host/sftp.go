package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// SFTP serves the policy as a file on another machine, below a directory that a
// web server there serves. The file is sent under another name, read by nobody, and
// renamed into place, as Webroot does: servers that cannot rename onto a file that
// stands (OpenSSH can) are refused, since for a moment no policy would be served.
//
// What Webroot says of links and of the moment between reading and writing holds
// here too.
type SFTP struct {
	Target Target
	// LogIn makes a connection to the SSH server that Target names.
	LogIn LogIn
}

// LogIn logs in to the SSH server at host:port. The server's key is known, and
// neither a password nor a passphrase is asked for.
type LogIn func(ctx context.Context, user, address string) (*ssh.Client, error)

// sftpTime bounds one errand on the other machine, login included, in real time.
const sftpTime = 45 * time.Second

// Read says what the file holds; no file is Absent.
func (s SFTP) Read(ctx context.Context, e rollout.Edit) (held rollout.Held, err error) {
	away := s.errand(ctx, func(ctx context.Context, r remoteRoot) error {
		held, err = stands(ctx, r, e)
		return err
	})
	if away != nil && err == nil {
		return holding(e, rollout.Absent(), away)
	}
	return held, err
}

// Apply writes, replaces or removes the file. See Host.
func (s SFTP) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	receipt := rollout.Receipt{EditID: e.ID, Outcome: rollout.Failed}
	err := s.errand(ctx, func(ctx context.Context, r remoteRoot) (err error) {
		receipt, err = put(ctx, r, e)
		return err
	})
	if err != nil && receipt.Detail == "" {
		receipt.Detail = finding.Clean(err.Error(), 400)
	}
	return receipt, err
}

// Try logs in and looks whether a policy for domain can be written, without
// writing: whether the user may is only proved by the first write.
func (s SFTP) Try(ctx context.Context, domain string) (t rollout.Trial, err error) {
	err = s.errand(ctx, func(_ context.Context, r remoteRoot) error {
		seen, err := r.read()
		if err != nil {
			return err
		}
		t.Lines = append(t.Lines, fmt.Sprintf("%s is there; that you may write in it is only proved by the first write", r.dir))
		if _, atomic := r.client.HasExtension("posix-rename@openssh.com"); !atomic {
			return errors.New("this SFTP server cannot rename a file onto another (posix-rename@openssh.com), so a new policy could not take the old one's place at once")
		}
		if seen.Exists {
			t.Lines = append(t.Lines, fmt.Sprintf("%s holds %d bytes", r.path(), len(seen.Body)))
		} else {
			t.Lines = append(t.Lines, fmt.Sprintf("%s does not exist yet", r.path()))
		}
		t.Lines = append(t.Lines, r.way().warnings()...)
		t.Lines = append(t.Lines, fmt.Sprintf("the web server there must serve it at %s", mtasts.PolicyURL(domain)))
		return nil
	})
	if err != nil {
		return rollout.Trial{}, fmt.Errorf("try %s: %w", s.Target, err)
	}
	return t, nil
}

// errand logs in, does f and logs out. When time is up, or ctx ends, the
// connection is cut, which ends whatever f waits for.
func (s SFTP) errand(ctx context.Context, f func(context.Context, remoteRoot) error) error {
	ctx, cancel := context.WithTimeout(ctx, sftpTime)
	defer cancel()
	conn, err := s.LogIn(ctx, s.Target.User, s.Target.Address)
	if err != nil {
		return fmt.Errorf("log in to %s: %w", s.Target.Address, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() { stop(); conn.Close() }()
	client, err := sftp.NewClient(conn)
	if err != nil {
		return errors.Join(fmt.Errorf("begin SFTP at %s: %w", s.Target.Address, err), ctx.Err())
	}
	defer client.Close()
	root := remoteRoot{client: client, dir: s.Target.Dir}
	if !path.IsAbs(root.dir) {
		home, err := client.Getwd()
		if err != nil {
			return fmt.Errorf("find the home directory at %s: %w", s.Target.Address, err)
		}
		root.dir = path.Join(home, root.dir)
	}
	if err := f(ctx, root); err != nil {
		return errors.Join(err, ctx.Err())
	}
	return nil
}

// remoteRoot is a web root on another machine, as one login sees it.
type remoteRoot struct {
	client *sftp.Client
	dir    string // absolute
}

func (r remoteRoot) path() string { return path.Join(r.dir, wellKnown, policyFile) }

// read returns the file's bytes. It opens nothing but a regular file.
func (r remoteRoot) read() (rollout.Value, error) {
	info, err := r.client.Stat(r.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return rollout.Absent(), fmt.Errorf("web root %s does not exist there; name the directory that the web server serves", r.dir)
	case err != nil:
		return rollout.Absent(), fmt.Errorf("look at web root %s: %w", r.dir, err)
	case !info.IsDir():
		return rollout.Absent(), fmt.Errorf("web root %s is no directory", r.dir)
	}
	info, err = r.client.Lstat(r.path())
	if errors.Is(err, fs.ErrNotExist) {
		return rollout.Absent(), nil
	}
	if err != nil {
		return rollout.Absent(), fmt.Errorf("read policy: %w", err)
	}
	if err := regular(r.path(), info); err != nil {
		return rollout.Absent(), err
	}
	f, err := r.client.Open(r.path())
	if err != nil {
		return rollout.Absent(), fmt.Errorf("read policy %s: %w", r.path(), err)
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, mtasts.MaxBody+1))
	if err != nil {
		return rollout.Absent(), fmt.Errorf("read policy %s: %w", r.path(), err)
	}
	if len(body) > mtasts.MaxBody {
		return rollout.Absent(), fmt.Errorf("read policy: %s is larger than %d bytes, which is no policy; move it away first", r.path(), mtasts.MaxBody)
	}
	return rollout.Body(string(body)), nil
}

func (r remoteRoot) write(v rollout.Value) error {
	if !v.Exists {
		if err := r.client.Remove(r.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("remove policy", err)
		}
		return nil
	}
	dir := path.Join(r.dir, wellKnown)
	made := false
	if _, err := r.client.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := r.client.Mkdir(dir); err != nil {
			return explain("make "+dir, err)
		}
		made = true
		if err := r.client.Chmod(dir, 0o755); err != nil {
			return explain("make "+dir+" readable for the web server", err)
		}
	}
	if err := r.replace(dir, v.Body); err != nil {
		if made {
			_ = r.client.RemoveDirectory(dir) // only empty it goes
		}
		return explain("write policy", err)
	}
	return nil
}

func (r remoteRoot) replace(dir, body string) (err error) {
	if err := r.sweep(dir); err != nil {
		return err
	}
	unique := make([]byte, 8)
	rand.Read(unique)
	scratchFile := path.Join(dir, scratch+hex.EncodeToString(unique))
	f, err := r.client.OpenFile(scratchFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = r.client.Remove(scratchFile)
		}
	}()
	if _, err := io.WriteString(f, body); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil { // whatever the umask: a web server must read it
		return err
	}
	if _, able := r.client.HasExtension("fsync@openssh.com"); able {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return r.client.PosixRename(scratchFile, r.path())
}

// sweep removes what a killed belay left behind.
func (r remoteRoot) sweep(dir string) error {
	entries, err := r.client.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), scratch) && entry.Mode().IsRegular() {
			_ = r.client.Remove(path.Join(dir, entry.Name()))
		}
	}
	return nil
}
