package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"belay/rollout/world"
)

// answerLimit is the most of one answer of a CA that is read, in bytes: a chain is a
// few thousand.
const answerLimit = 1 << 20

// listening is the way to the CA: with deadlines, with answers of limited length, and
// with an ear for how long the CA asks to be left alone, which acmez does not pass on.
type listening struct {
	base  http.RoundTripper
	clock world.Clock
}

func newTransport(s Settings) *http.Client {
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: listening{clock: s.Clock, base: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: 15 * time.Second,
			IdleConnTimeout:     90 * time.Second,
			ForceAttemptHTTP2:   true,
			TLSClientConfig:     &tls.Config{RootCAs: s.Roots, Time: s.Clock.Now, MinVersion: tls.VersionTLS12},
		}},
	}
}

// wish is a CA's wish to be asked no more before a moment.
type wish struct{ until time.Time }

type wishKey struct{}

// withWish is a context in which the CA's wish is written down.
func withWish(ctx context.Context) (context.Context, *wish) {
	w := &wish{}
	return context.WithValue(ctx, wishKey{}, w), w
}

// RoundTrip implements http.RoundTripper.
func (l listening) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if w, ok := r.Context().Value(wishKey{}).(*wish); ok && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		if until, ok := retryAfter(resp.Header.Get("Retry-After"), l.clock.Now()); ok {
			w.until = until
		}
	}
	resp.Body = &limited{ReadCloser: resp.Body, left: answerLimit}
	return resp, nil
}

// longestWish is the longest that a CA is taken at its word.
const longestWish = 14 * 24 * time.Hour

// retryAfter reads a Retry-After field, in seconds or as a date (RFC 9110 section
// 10.2.3).
func retryAfter(field string, now time.Time) (time.Time, bool) {
	until, err := http.ParseTime(field)
	if err != nil {
		n, err := strconv.ParseUint(field, 10, 31)
		if err != nil {
			return time.Time{}, false
		}
		until = now.Add(time.Duration(n) * time.Second)
	}
	if limit := now.Add(longestWish); until.After(limit) {
		until = limit
	}
	return until, until.After(now)
}

// limited is an answer that ends in an error where it is too long.
type limited struct {
	io.ReadCloser
	left int64
}

var errTooLong = errors.New("the CA's answer is too long")

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", errTooLong, answerLimit)
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.ReadCloser.Read(p)
	l.left -= int64(n)
	return n, err
}
