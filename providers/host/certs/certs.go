// Package certs keeps the certificates of the policy hosts that belay itself
// serves: obtained up front by ACME (RFC 8555), renewed while there is time, and
// never lost.
//
// A sender that meets an expired certificate at mta-sts.DOMAIN acts as if the
// domain had no policy (RFC 8461 section 3.3), and nobody notices until somebody
// looks. So a certificate is here before it is needed, is renewed when a third of
// its life is left, or when the CA asks for it (RFC 9773), which may be earlier and, until
// a sixth is left, later; and what stood
// in the way of the last attempt is kept in the CA's own words beside what to do
// about it, for every other belay that looks at the same storage.
//
// certmagic makes keys and requests, locks a host between instances, and decides
// nothing else: its listeners, its cache and its retries are the whole process's,
// and belay serves on sockets of its own. What talks to the CA is an Issuer of this
// package over acmez; challenges are answered in the server's own handshakes and
// requests, by whichever instance the CA happens to meet, for they stand in the
// storage that the instances share; strangers who ask in the CA's place have it read
// four times a second and host at most. A certificate, its key and what belongs to them
// are one file there, written beside the old one and renamed over it: a disk that is
// full leaves the old one whole.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout/world"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
)

// ALPN is the protocol by which a CA asks for the answer to TLS-ALPN-01 (RFC 8737).
// It must stand last in the NextProtos of the server's tls.Config, or the CA's
// handshakes are refused before Certificate is asked.
const ALPN = acmez.ACMETLS1Protocol

// The ways to prove to the CA that a name is ours.
const (
	TLSALPN = "tls-alpn" // in a handshake on port 443 (RFC 8737)
	HTTP    = "http"     // by a file on port 80 (RFC 8555 section 8.3)
	DNS     = "dns"      // by a TXT record (RFC 8555 section 8.4)
)

// LetsEncrypt is the ACME directory where the operator names none.
const LetsEncrypt = certmagic.LetsEncryptProductionCA

// Settings are what certificates are obtained with.
type Settings struct {
	// CA is the URL of the CA's ACME directory; empty is LetsEncrypt.
	CA string
	// Email is where the CA may write to; empty is nobody.
	Email string
	// Binding ties the ACME account to one that the operator has with the CA
	// otherwise (RFC 8555 section 7.3.4).
	Binding Binding
	// Ways are those that may be used, of TLSALPN, HTTP and DNS; none means TLSALPN
	// and HTTP. For a host whose proof ByDNS gives, DNS alone is used.
	Ways []string
	// ByDNS gives the records through which host is proved by DNS-01; left are values
	// that were put there before and not taken away. It returns nil where host is
	// proved in another way, and an error, in words for the operator, where DNS-01 is
	// wanted and cannot be had. A nil ByDNS never can.
	ByDNS func(ctx context.Context, host string, left []string) (Records, error)
	// CAA asks what the CAA records say about a host; nil asks nobody.
	CAA CAALookup
	// Outside says what a host shows to the world: the fingerprint of the leaf, as
	// rollout.Certificate has it, by address. nil looks at nothing.
	Outside func(ctx context.Context, host string) ([]Shown, error)
	// Roots are trusted when speaking with the CA; nil means the system's.
	Roots *x509.CertPool
	Clock world.Clock
	// Storage is where certificates, the account and what is known of each host are
	// kept. Instances that share it share everything.
	Storage certmagic.Storage
	// Log takes what happens; nil takes nothing.
	Log *slog.Logger
	// Pace is what is ordered at once; zero is four hosts.
	Pace int
}

// Binding is an external account: both are empty, or neither is.
type Binding struct {
	KeyID string
	// HMAC is the key in base64url, as CAs show it.
	HMAC string
}

// Shown is what one address of a policy host shows.
type Shown struct {
	Address     string
	Fingerprint string
	Err         string
}

// Folder is the storage below a directory of this machine, made where there is
// none. The directory may lie on a file system that several machines share.
func Folder(dir string) certmagic.Storage { return &certmagic.FileStorage{Path: filepath.Clean(dir)} }

// Certificates are those of the policy hosts it was told to manage. All methods may
// be called by many goroutines at once.
type Certificates struct {
	s      Settings
	log    *slog.Logger
	whole  *whole
	issuer *issuer
	config *certmagic.Config
	cache  *certmagic.Cache

	managing sync.Mutex // one Manage at a time

	mu    sync.RWMutex
	hosts map[string]*host
	// limited is how many hosts in a row the CA turned away by its rate limits, and
	// rest until when no first order is made because of that.
	limited int
	rest    time.Time

	wake   chan struct{}
	stop   context.CancelFunc
	done   chan struct{}
	closed sync.Once
}

// Open checks the settings and starts what renews; nothing is asked or written
// before Manage names a host. Close ends it.
func Open(s Settings) (*Certificates, error) {
	c, err := open(s)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop, c.done = stop, make(chan struct{})
	go func() {
		defer close(c.done)
		c.keep(ctx)
	}()
	return c, nil
}

// open is Open without the goroutine that renews.
func open(s Settings) (*Certificates, error) {
	if s.CA == "" {
		s.CA = LetsEncrypt
	}
	if err := checkCA(s.CA); err != nil {
		return nil, err
	}
	if (s.Binding.KeyID == "") != (s.Binding.HMAC == "") {
		return nil, errors.New("an external account needs both its key id and its HMAC key, and one of them is missing")
	}
	if len(s.Ways) == 0 {
		s.Ways = []string{TLSALPN, HTTP}
	}
	for _, way := range s.Ways {
		if !slices.Contains([]string{TLSALPN, HTTP, DNS}, way) {
			return nil, fmt.Errorf("there is no challenge %q: it is %s, %s or %s", way, TLSALPN, HTTP, DNS)
		}
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Pace <= 0 {
		s.Pace = 4
	}
	c := &Certificates{s: s, log: s.Log, whole: newWhole(s.Storage), hosts: map[string]*host{}, wake: make(chan struct{}, 1)}
	quiet := quietly(s.Log)
	c.cache = certmagic.NewCache(certmagic.CacheOptions{
		// Nothing is ever put into it: it is certmagic's way to be given a Config.
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return c.config, nil },
		RenewCheckInterval: 24 * time.Hour, OCSPCheckInterval: 24 * time.Hour,
		Logger: quiet,
	})
	c.issuer = newIssuer(s)
	c.config = certmagic.New(c.cache, certmagic.Config{
		Issuers: []certmagic.Issuer{c.issuer}, Storage: c.whole, OnEvent: c.still, Logger: quiet,
		KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.P256},
		OCSP:      certmagic.OCSPConfig{DisableStapling: true}, DisableARI: true,
	})
	return c, nil
}

// checkCA refuses what can be no ACME directory. Everything that is said there is
// signed but not secret; who answers is known by TLS alone.
func checkCA(ca string) error {
	u, err := url.Parse(ca)
	if err != nil || u.Host == "" || u.Scheme != "https" {
		return fmt.Errorf("the CA's directory %q is no https URL", ca)
	}
	return nil
}

// Close ends renewing. An order under way is given up; the CA forgets it.
func (c *Certificates) Close() error {
	c.closed.Do(func() {
		if c.stop != nil {
			c.stop()
			<-c.done
		}
		c.cache.Stop()
	})
	return nil
}

// Certificate is what the server shows in a handshake. A name that is not managed,
// or has no certificate yet, is an error, which ends the handshake.
func (c *Certificates) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	c.mu.RLock()
	h := c.hosts[name]
	c.mu.RUnlock()
	if h == nil {
		return nil, errNotServed
	}
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == ALPN {
		return c.issuer.answers.handshake(hello.Context(), h)
	}
	cert := h.serving.Load()
	if cert == nil {
		return nil, errNoCertificate
	}
	return cert, nil
}

var (
	errNotServed     = errors.New("no policy host of this name is served here")
	errNoCertificate = errors.New("this policy host has no certificate yet")
)

// HTTPChallenge answers the CA's requests on port 80 and hands all others to next.
func (c *Certificates) HTTPChallenge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := strings.CutPrefix(r.URL.Path, challengePath); ok && r.Method == http.MethodGet {
			name := hostOf(r.Host)
			c.mu.RLock()
			h := c.hosts[name]
			c.mu.RUnlock()
			if h != nil && c.issuer.answers.request(r.Context(), w, h, token) {
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
