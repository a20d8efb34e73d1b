package imap

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"belay/rollout/finding"
)

// The schemes of an account's URL. There is none without TLS.
const (
	schemeTLS      = "imaps"
	schemeStartTLS = "imap+starttls"
)

// An Account is one folder of one login at one server.
type Account struct {
	// StartTLS says that TLS begins after the greeting (RFC 3501 section 6.2.1),
	// not with the connection.
	StartTLS bool
	User     string
	Host     string // a name in A-labels or an IP address
	Port     string
	Folder   string
}

// IsURL reports whether text is meant as the URL of a mailbox, right or wrong.
func IsURL(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	return ok && (scheme == schemeTLS || scheme == schemeStartTLS || scheme == "imap")
}

// Parse reads imaps://USER@HOST[:PORT]/FOLDER, or imap+starttls:// in place of
// imaps://. Without a folder it is INBOX. What is no letter, digit or "@" in the user
// or the folder is escaped as in any URL. There is no place for a password in it.
func Parse(text string) (Account, error) {
	a, err := parse(text)
	if err != nil && holdsPassword(text) {
		return Account{}, errPassword
	}
	return a, err
}

var errPassword = errors.New("mailbox: the URL must not hold a password, since others on this machine can see it; belay reads it from the environment or the keyring, or asks for it")

func parse(text string) (Account, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Account{}, fmt.Errorf("mailbox: %w", errors.Unwrap(err)) // what is around it is the whole text
	}
	_, password := u.User.Password()
	shown := finding.Quote(text, 200)
	a := Account{
		StartTLS: u.Scheme == schemeStartTLS, User: u.User.Username(),
		Host: strings.ToLower(u.Hostname()), Port: u.Port(), Folder: strings.Trim(u.Path, "/"),
	}
	switch {
	case password:
		return Account{}, errPassword
	case u.Scheme == "imap":
		return Account{}, fmt.Errorf("mailbox %s: belay reads no mail without TLS; write imaps:// or imap+starttls://", shown)
	case u.Scheme != schemeTLS && u.Scheme != schemeStartTLS || a.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return Account{}, fmt.Errorf("mailbox %s is not of the form imaps://USER@HOST/FOLDER", shown)
	case a.User == "":
		return Account{}, fmt.Errorf("mailbox %s: say who logs in, as in imaps://tlsrpt@%s/INBOX", shown, a.Host)
	case strings.ContainsFunc(a.User+a.Folder, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Account{}, fmt.Errorf("mailbox %s: there are control characters in it", shown)
	}
	if a.Port == "" {
		a.Port = a.usualPort()
	}
	if a.Folder == "" || strings.EqualFold(a.Folder, "INBOX") {
		a.Folder = "INBOX"
	}
	return a, nil
}

// holdsPassword reports whether a ":" stands before an "@" in a URL. What looks like a
// port or a path may then be a password with a "/", "#" or "?" in it, so of a URL that
// is wrong nothing is fit to be shown.
func holdsPassword(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	colon := strings.Index(rest, ":")
	return colon >= 0 && colon < strings.LastIndex(rest, "@")
}

func (a Account) usualPort() string {
	if a.StartTLS {
		return "143"
	}
	return "993"
}

// String is the account's URL in its one form: what Parse reads as the same account.
// Two logins, servers or folders never have the same one, and it holds no secret.
func (a Account) String() string {
	u := url.URL{Scheme: schemeTLS, Host: a.Host, Path: "/" + a.Folder}
	if a.StartTLS {
		u.Scheme = schemeStartTLS
	}
	if strings.Contains(a.Host, ":") {
		u.Host = "[" + a.Host + "]"
	}
	if a.Port != a.usualPort() {
		u.Host = net.JoinHostPort(a.Host, a.Port)
	}
	user := strings.ReplaceAll(url.User(a.User).String(), "%40", "@")
	return u.Scheme + "://" + user + "@" + u.Host + u.EscapedPath()
}

// Login is USER@HOST, under which a keyring keeps the password.
func (a Account) Login() string { return a.User + "@" + a.Host }
