// Package remote is what policy hosts at a vendor have in common: one way to the
// vendor's API, on which every refusal becomes a sentence that says what to do, and
// one way to put a body in another's place without running over what nobody saw.
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

const (
	// longestAnswer is the most that is read of one, in bytes.
	longestAnswer = 4 << 20
	// patience is the longest that one call takes.
	patience = 20 * time.Second
	// longestPause is the longest Retry-After that a call waits out by itself; a
	// longer one is the engine's to wait for.
	longestPause = 5 * time.Second
	tries        = 4
)

// Client is the way to one vendor's API. Calls go to one address alone, end with
// their context, read a bounded answer and follow no redirect, along which the
// credential would go. Only what the vendor turned away unread, with a short
// Retry-After, is sent again. A Client may be used by many goroutines.
type Client struct {
	// Label is the vendor's name in sentences.
	Label string
	// Authorize puts the login on a request.
	Authorize func(*http.Request)
	// Words are the vendor's own in the body of a refusal; "" where it has none.
	Words func(body []byte) string
	// Mend says what a refusal asks the operator to do; "" for the general word.
	Mend func(status int, method, path, words string) string

	base *url.URL
	http *http.Client
}

// New makes the way to the API at base. Nobody is asked anything. A nil transport
// is the default one.
func New(label, base string, transport http.RoundTripper) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the address of %s's API, %s, is no http or https URL", label, finding.Quote(base, 200))
	}
	return &Client{Label: label, base: u, http: &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Request is one call. Path is escaped and may have a query; Type is the content
// type of Body, where there is one.
type Request struct {
	Method, Path string
	Type         string
	Body         []byte
}

// Answer is what a call brought.
type Answer struct {
	Header http.Header
	Body   []byte
}

// Refusal is a vendor's no.
type Refusal struct {
	Status int
	// Said are the vendor's words, clean; Mend is what to do about it.
	Said, Mend string
	// Pause is how long the vendor asks to wait; negative where it does not say.
	Pause time.Duration
}

func (e *Refusal) Error() string {
	if e.Said == "" {
		return fmt.Sprintf("%s (HTTP %d)", e.Mend, e.Status)
	}
	return fmt.Sprintf("%s; it said: %s, HTTP %d", e.Mend, e.Said, e.Status)
}

// Refused reports whether err is a refusal with this status.
func Refused(err error, status int) bool {
	r, ok := errors.AsType[*Refusal](err)
	return ok && r.Status == status
}

// Call sends in as JSON, unless it is nil, and reads the answer into out, unless
// that is nil.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	r := Request{Method: method, Path: path}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		r.Type, r.Body = "application/json", body
	}
	answer, err := c.Do(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return c.Unread(answer, err)
	}
	return nil
}

// Do makes one call. What is not an answer of a good status is an error, a *Refusal
// where the vendor gave one.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	for try := 1; ; try++ {
		answer, err := c.once(ctx, r)
		no, ok := errors.AsType[*Refusal](err)
		if !ok || no.Status != http.StatusTooManyRequests || no.Pause < 0 || no.Pause > longestPause || try == tries {
			return answer, err
		}
		pause := time.NewTimer(no.Pause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return answer, err
		}
	}
}

func (c *Client) once(ctx context.Context, r Request) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, c.base.String()+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("make the request: %w", err)
	}
	if r.Type != "" {
		req.Header.Set("Content-Type", r.Type)
	}
	if c.Authorize != nil {
		c.Authorize(req)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("reach %s's API: %w", c.Label, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("read the answer of %s's API (HTTP %d): %w", c.Label, resp.StatusCode, err)
	case len(body) > longestAnswer:
		return Answer{}, fmt.Errorf("the answer of %s's API is longer than %d bytes", c.Label, longestAnswer)
	case resp.StatusCode >= 300:
		return Answer{}, c.refused(resp, r, body)
	}
	return Answer{Header: resp.Header, Body: body}, nil
}

// Unread is the error where an answer of a good status is not what the API answers.
func (c *Client) Unread(answer Answer, err error) error {
	if json.Valid(answer.Body) {
		return fmt.Errorf("the answer of %s's API is not understood: %w", c.Label, err)
	}
	return fmt.Errorf("the answer is not JSON but %s: something stands between this machine and %s, or it is out of order; try again later", contentType(answer.Header), c.Label)
}

func contentType(h http.Header) string {
	if t := finding.Clean(h.Get("Content-Type"), 60); t != "" {
		return t
	}
	return "something else"
}

// refused reads an answer as a refusal.
func (c *Client) refused(resp *http.Response, r Request, body []byte) error {
	no := &Refusal{Status: resp.StatusCode, Pause: -1}
	switch {
	case json.Valid(body) && c.Words != nil:
		no.Said = finding.Clean(c.Words(body), 300)
	case len(body) > 0 && !json.Valid(body):
		no.Said = "something that is not JSON but " + contentType(resp.Header)
	}
	after := resp.Header.Get("Retry-After")
	if n, err := strconv.ParseUint(after, 10, 31); err == nil {
		no.Pause = time.Duration(n) * time.Second
	}
	path, _, _ := strings.Cut(r.Path, "?")
	if c.Mend != nil {
		no.Mend = c.Mend(resp.StatusCode, r.Method, path, no.Said)
	}
	if no.Mend == "" {
		no.Mend = c.generally(resp.StatusCode, no.Pause)
	}
	return no
}

// generally is what a status asks for at any vendor.
func (c *Client) generally(status int, pause time.Duration) string {
	switch {
	case status < 400:
		return c.Label + " sends belay elsewhere, which it does not follow; check the API's address"
	case status == http.StatusUnauthorized:
		return "the login at " + c.Label + " is wrong, expired or revoked; make a new one"
	case status == http.StatusForbidden:
		return "the login at " + c.Label + " lacks a right that this needs"
	case status == http.StatusNotFound:
		return c.Label + " does not find it; it was removed meanwhile, or the login does not see it"
	case status == http.StatusConflict:
		return "it is being changed by somebody else at this moment, or exists already; look again"
	case status == http.StatusTooManyRequests && pause >= 0:
		return fmt.Sprintf("too many requests; try again in %s", pause)
	case status == http.StatusTooManyRequests:
		return "too many requests; try again in some minutes"
	case status >= 500:
		return c.Label + " is out of order; try again later"
	}
	return c.Label + " refused"
}

// someMinutes is the pause where a vendor that has too many requests names none.
const someMinutes = 5 * time.Minute

// Later is err, or where the vendor only asked to be asked later, the
// *rollout.LaterError that lets the engine wait.
func Later(err error) error {
	no, ok := errors.AsType[*Refusal](err)
	if !ok || no.Status != http.StatusTooManyRequests {
		return err
	}
	wait := no.Pause
	if wait < 0 {
		wait = someMinutes
	}
	return &rollout.LaterError{After: wait, Text: finding.Clean(err.Error(), 400)}
}
