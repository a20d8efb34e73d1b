package host

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"

	"belay/rollout/finding"
)

// A Target is a directory on a machine that is reached by SSH.
type Target struct {
	User string // empty for the operator's own name
	// Address is host:port.
	Address string
	// Dir is the web root: absolute, or below the user's home directory.
	Dir string
}

// String is the URL: sftp://USER@HOST/DIR, with /~/ before a directory below home.
func (t Target) String() string {
	u := url.URL{Scheme: KindSFTP, Host: strings.TrimSuffix(t.Address, ":22"), Path: t.Dir}
	if t.User != "" {
		u.User = url.User(t.User)
	}
	if !path.IsAbs(t.Dir) {
		u.Path = "/~/" + t.Dir
	}
	return u.String()
}

// ParseTarget reads sftp://[USER@]HOST[:PORT]/DIR; DIR begins with ~/ where it lies
// below the home directory.
func ParseTarget(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, fmt.Errorf("policy host: %w", errors.Unwrap(err)) // what is around it holds the whole text, and maybe a password
	}
	_, password := u.User.Password()
	switch {
	case u.Scheme != KindSFTP || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return Target{}, fmt.Errorf("policy host %s is not of the form sftp://USER@HOST/DIRECTORY", finding.Quote(u.Redacted(), 200))
	case password:
		return Target{}, errors.New("policy host sftp: takes no password; log in by the SSH agent or a key")
	case strings.Trim(u.Path, "/") == "" || strings.Trim(u.Path, "/") == "~":
		return Target{}, errors.New("policy host sftp: say which directory the web server serves, as in sftp://deploy@web.example/srv/www, or sftp://deploy@web.example/~/www below the home directory")
	case strings.ContainsFunc(u.Path+u.User.Username(), func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Target{}, fmt.Errorf("policy host %s: there are control characters in it", finding.Quote(u.Redacted(), 200))
	}
	port := u.Port()
	if port == "" {
		port = "22"
	}
	t := Target{User: u.User.Username(), Address: net.JoinHostPort(strings.ToLower(u.Hostname()), port), Dir: path.Clean(u.Path)}
	if below, home := strings.CutPrefix(t.Dir, "/~/"); home {
		t.Dir = below
	}
	return t, nil
}
