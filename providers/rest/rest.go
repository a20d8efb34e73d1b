// Package rest is the way to a vendor's JSON API over HTTPS that a provider takes which
// has no client of its own: most DNS hosts whose libdns module cannot be held, and the
// policy hosts. Who has one (Cloudflare's DNS, Gandi, DNScale) takes from here how a
// refusal is told and a secret hidden.
//
// A call carries a login, and what it asks for may change what the world sees. So each
// goes to one address alone and follows no redirect, along which the login would go;
// ends with its context, or after 20 s; reads an answer of at most 4 MiB; and is never
// repeated, for one that failed may have been carried out: only what the vendor turned
// away unread, with a short Retry-After, is sent again. A no becomes a *Refusal: what
// to do, and behind it the vendor's own words, stripped of control characters and of
// the login: there are vendors that repeat it.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"belay/rollout/finding"
)

const (
	// longestAnswer is the most that is read of one, in bytes.
	longestAnswer = 4 << 20
	// patience is the longest that one call takes.
	patience = 20 * time.Second
	// longestPause is the longest Retry-After that a call waits out by itself; a
	// longer one is the engine's, or the operator's, to wait for.
	longestPause = 5 * time.Second
	// mostTries is how often one call is sent at most, pauses between.
	mostTries = 4
)

// API is the way to one vendor's. Set its fields before the first call; then many
// goroutines may use it. A copy with other fields is another way to the same API.
type API struct {
	// Sign, where it is not nil, adds to a request what it needs beside the login; body
	// is what the request sends.
	Sign func(req *http.Request, body []byte) error
	// Denies, where it is not nil, reports whether JSON of a good status is a refusal
	// all the same.
	Denies func(body []byte) bool
	// Words are the vendor's own in the JSON of a refusal; "" where it has none.
	Words func(body []byte) string
	// Mend says what a refusal asks the operator to do; "" for the general word.
	Mend func(status int, method, path, words string) string
	// Secrets are what no error may show beside the token of Login: a login that
	// stands in the body, or that Sign signs with.
	Secrets []string

	label  string
	base   *url.URL
	login  string // the Authorization header
	secret string // what of it is never shown
	http   *http.Client
}

// New makes the way to the API at base, an http or https URL; label is the vendor's
// name in sentences. Nobody is asked anything. A nil transport is the default one,
// which takes the proxy that the environment names.
func New(label, base string, transport http.RoundTripper) (*API, error) {
	u, err := Address(base)
	if err != nil {
		return nil, err
	}
	return &API{label: label, base: u, http: &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Address reads the address of an API. Its final slash is dropped.
func Address(base string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the API address %s is no http or https URL", finding.Quote(base, 200))
	}
	return u, nil
}

// Login has every call log in by a token, under scheme in the Authorization header. It
// fails where the token cannot be one, in words without it.
func (a *API) Login(scheme, token string) error {
	if token == "" {
		return errors.New("there is no token; copy it in")
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the token holds a character that no token has; copy it again")
	}
	a.login, a.secret = scheme+" "+token, token
	return nil
}

// Request is one call. Path is escaped and may have a query; Type is the content type
// of Body, where there is one; Accept is the one that is asked for, empty for any.
type Request struct {
	Method, Path string
	Type, Accept string
	Body         []byte
}

// Answer is what a call brought.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON is the content type of it (RFC 8259 section 11).
const JSON = "application/json"

// Call sends in as JSON, unless it is nil, and reads the answer into out, unless that
// is nil.
func (a *API) Call(ctx context.Context, method, path string, in, out any) error {
	r := Request{Method: method, Path: path, Accept: JSON}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		r.Type, r.Body = JSON, body
	}
	answer, err := a.Do(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return a.Unread(answer, err)
	}
	return nil
}

// Do makes one call. What is not an answer of a good status is an error, a *Refusal
// where the vendor gave one.
func (a *API) Do(ctx context.Context, r Request) (Answer, error) {
	for try := 1; ; try++ {
		answer, err := a.once(ctx, r)
		no, ok := errors.AsType[*Refusal](err)
		if !ok || no.Status != http.StatusTooManyRequests || no.Pause < 0 || no.Pause > longestPause || try == mostTries {
			return answer, a.shown(err)
		}
		pause := time.NewTimer(no.Pause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return answer, a.shown(err)
		}
	}
}

// once sends it, and does not repeat it.
func (a *API) once(ctx context.Context, r Request) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, a.base.String()+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("make the request: %w", err)
	}
	if r.Accept != "" {
		req.Header.Set("Accept", r.Accept)
	}
	if r.Type != "" {
		req.Header.Set("Content-Type", r.Type)
	}
	if a.login != "" {
		req.Header.Set("Authorization", a.login)
	}
	if a.Sign != nil {
		if err := a.Sign(req, r.Body); err != nil {
			return Answer{}, fmt.Errorf("sign the request: %w", err)
		}
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("reach %s's API: %w", a.label, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("read the answer of %s's API (HTTP %d): %w", a.label, resp.StatusCode, err)
	case len(body) > longestAnswer:
		return Answer{}, fmt.Errorf("the answer of %s's API is longer than %d bytes", a.label, longestAnswer)
	case resp.StatusCode >= 300, a.Denies != nil && json.Valid(body) && a.Denies(body):
		return Answer{}, a.refused(resp, r, body)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// ErrNotJSON says that something else answered than the API.
var ErrNotJSON = errors.New("the answer is not the API's JSON")

// Unread is the error where an answer of a good status is not what the API answers;
// err says why it is not, where it is JSON.
func (a *API) Unread(answer Answer, err error) error {
	if json.Valid(answer.Body) {
		return a.shown(fmt.Errorf("the answer of %s's API is not understood (HTTP %d): %w", a.label, answer.Status, err))
	}
	return NotJSON(a.label, answer.Status, a.hide(answer.Header.Get("Content-Type")))
}

// NotJSON is ErrNotJSON in a sentence: contentType is what came in its place.
func NotJSON(label string, status int, contentType string) error {
	return fmt.Errorf("%w but %s (HTTP %d): something stands between this machine and %s, or it is out of order; try again later",
		ErrNotJSON, kind(contentType), status, label)
}

// kind is a content type, in words where there is none.
func kind(contentType string) string {
	if t := finding.Clean(contentType, 60); t != "" {
		return t
	}
	return "something else"
}
