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

// answers are what the CA is told when it asks a policy host for proof. They stand
// in memory and in the storage: the CA may well meet another instance than the one
// that ordered.
type answers struct {
	storage certmagic.Storage
	log     *slog.Logger

	mu   sync.Mutex
	live map[string]answer // by key
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
func alpnKey(host string) string {
	return "challenges/" + certmagic.StorageKeys.Safe(host) + "/tls-alpn"
}

func httpKey(host, token string) string {
	return "challenges/" + certmagic.StorageKeys.Safe(host) + "/http-" + token
}

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
	a.mu.Lock()
	a.live[keyOf(c)] = one
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
	a.mu.Lock()
	delete(a.live, keyOf(c))
	a.mu.Unlock()
	ctx, cancel := cleaning(ctx)
	defer cancel()
	return a.storage.Delete(ctx, keyOf(c))
}

// find is the answer at key, by whichever instance it was put there.
func (a *answers) find(ctx context.Context, key string) (answer, error) {
	a.mu.Lock()
	one, ok := a.live[key]
	a.mu.Unlock()
	if ok {
		return one, nil
	}
	text, err := a.storage.Load(ctx, key)
	if err != nil {
		return answer{}, errNoChallenge
	}
	if err := json.Unmarshal(text, &one.challenge); err != nil {
		return answer{}, fmt.Errorf("read the challenge another instance put there: %w", err)
	}
	return one, nil
}

// handshake answers TLS-ALPN-01.
func (a *answers) handshake(ctx context.Context, host string) (*tls.Certificate, error) {
	one, err := a.find(ctx, alpnKey(host))
	switch {
	case err != nil:
		return nil, err
	case one.cert != nil:
		return one.cert, nil
	}
	return acmez.TLSALPN01ChallengeCert(one.challenge)
}

// request answers HTTP-01, and reports whether it did.
func (a *answers) request(ctx context.Context, w http.ResponseWriter, host, token string) bool {
	if !tokenOK(token) {
		return false
	}
	one, err := a.find(ctx, httpKey(host, token))
	if err != nil || one.challenge.Token != token {
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
