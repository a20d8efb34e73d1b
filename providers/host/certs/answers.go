package certs

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// challengePath is where a CA asks for the answer to HTTP-01 (RFC 8555 section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// answers are what the CA is told when it asks a policy host for proof. Those of this
// instance's own orders, a few at a time, stand in memory, and in the storage for the
// other instances.
type answers struct {
	storage certmagic.Storage
	log     *slog.Logger
	turns   chan struct{} // one for each reading of the storage that may run

	mu   sync.Mutex
	live map[string]map[string]answer // by folder and key
}

func newAnswers(storage certmagic.Storage, log *slog.Logger) *answers {
	return &answers{storage: storage, log: log, turns: make(chan struct{}, readingsAtOnce), live: map[string]map[string]answer{}}
}

// answer is one challenge and, for TLS-ALPN-01, the certificate that answers it.
type answer struct {
	challenge acme.Challenge
	cert      *tls.Certificate
}

var errNoChallenge = errors.New("no proof is due for this host now")

// alpnKey and httpKey are where the answer to a challenge stands. An HTTP request
// names the token, so that orders of several CAs may run at once; a handshake does
// not.
func alpnKey(host string) string { return folderOf(host) + "/" + alpnName }

func httpKey(host, token string) string { return folderOf(host) + "/" + httpName + token }

const alpnName, httpName = "tls-alpn", "http-"

func keyOf(c acme.Challenge) string {
	if c.Type == acme.ChallengeTypeTLSALPN01 {
		return alpnKey(c.Identifier.Value)
	}
	return httpKey(c.Identifier.Value, c.Token)
}

// Present implements acmez.Solver for TLS-ALPN-01 and HTTP-01. Nothing is opened for
// it: the server's own listeners answer.
func (a *answers) Present(ctx context.Context, c acme.Challenge) error {
	if !tokenOK(c.Token) {
		return errors.New("the CA gave a token that is none (RFC 8555 section 8.1)")
	}
	one := answer{challenge: c}
	if c.Type == acme.ChallengeTypeTLSALPN01 {
		cert, err := acmez.TLSALPN01ChallengeCert(c)
		if err != nil {
			return fmt.Errorf("make the certificate that answers TLS-ALPN-01: %w", err)
		}
		one.cert = cert
	}
	folder := folderOf(c.Identifier.Value)
	a.mu.Lock()
	if a.live[folder] == nil {
		a.live[folder] = map[string]answer{}
	}
	a.live[folder][keyOf(c)] = one
	a.mu.Unlock()
	text, err := json.Marshal(c)
	if err == nil {
		err = a.storage.Store(ctx, keyOf(c), text)
	}
	if err != nil { // this instance can answer all the same
		a.log.Warn("other instances cannot answer the challenge", "host", c.Identifier.Value, "error", err.Error())
	}
	return nil
}

// CleanUp implements acmez.Solver.
func (a *answers) CleanUp(ctx context.Context, c acme.Challenge) error {
	folder := folderOf(c.Identifier.Value)
	a.mu.Lock()
	delete(a.live[folder], keyOf(c))
	if len(a.live[folder]) == 0 {
		delete(a.live, folder)
	}
	a.mu.Unlock()
	ctx, cancel := cleaning(ctx)
	defer cancel()
	return a.storage.Delete(ctx, keyOf(c))
}

// find is the answer at key for h, by whichever instance it was put there. An order
// holds the host's lock: where this instance has one under way, no other has.
func (a *answers) find(ctx context.Context, h *host, key string) (answer, bool) {
	a.mu.Lock()
	ours, orders := a.live[folderOf(h.name)]
	one, ok := ours[key]
	a.mu.Unlock()
	if orders {
		return one, ok
	}
	return h.elsewhere.find(ctx, a, h.name, key)
}

// handshake answers TLS-ALPN-01.
func (a *answers) handshake(ctx context.Context, h *host) (*tls.Certificate, error) {
	one, ok := a.find(ctx, h, alpnKey(h.name))
	if !ok || one.cert == nil {
		return nil, errNoChallenge
	}
	return one.cert, nil
}

// request answers HTTP-01, and reports whether it did.
func (a *answers) request(ctx context.Context, w http.ResponseWriter, h *host, token string) bool {
	if !tokenOK(token) {
		return false
	}
	one, ok := a.find(ctx, h, httpKey(h.name, token))
	if !ok || one.challenge.Token != token {
		return false
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, one.challenge.KeyAuthorization)
	return true
}

// tokenOK reports whether token is one: base64url, and short enough to be part of a
// file's name.
func tokenOK(token string) bool {
	return token != "" && len(token) <= 150 && strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// hostOf is the host name of a request's Host field, in lower case.
func hostOf(field string) string {
	if host, _, err := net.SplitHostPort(field); err == nil {
		field = host
	}
	return strings.ToLower(strings.TrimSuffix(field, "."))
}
