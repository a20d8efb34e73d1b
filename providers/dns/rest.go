package dns

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

	"belay/rollout/finding"
)

const (
	// restAnswer is the longest answer that is read, in bytes.
	restAnswer = 4 << 20
	// restWait is the longest pause that a provider is given when it asks for
	// one; a longer one is the operator's to wait.
	restWait = 5 * time.Second
	// restTries is how often one call is sent at most, pauses between.
	restTries = 4
)

// rest is the way to one JSON API over HTTPS, for providers whose libdns module
// cannot be held: it speaks through the process's own HTTP client, whatever
// Options say, and waits or repeats as it likes. Here every call goes to one
// address, ends with its context, reads a bounded answer, follows no redirect
// (the credential would go along), and repeats nothing but what the provider
// turned away unread with a short Retry-After. A refusal becomes a sentence that
// says what to do.
type rest struct {
	label string
	base  *url.URL
	// auth is the Authorization header.
	auth string
	// sign, where it is not nil, puts the login on a request in place of auth;
	// body is what the request sends.
	sign   func(req *http.Request, body []byte) error
	client *http.Client
	// denies, where it is not nil, reports whether an answer of a good status is a
	// refusal all the same.
	denies func(body []byte) bool
	// heard, where it is not nil, is shown the header of every answer.
	heard func(http.Header)
	// words are the provider's own in the body of a refusal; "" where it has none.
	words func(body []byte) string
	// mend says what a refusal asks the operator to do; "" for the general word.
	mend func(status int, method, path, words string) string
}

// openREST makes the way to the API at home, or at o.BaseURL. Nobody is asked.
func openREST(label, home, auth string, o Options) (*rest, error) {
	base := o.BaseURL
	if base == "" {
		base = home
	}
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the API address %s is no http or https URL", finding.Quote(base, 200))
	}
	if strings.ContainsFunc(auth, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("the token holds a character that no token has; copy it again")
	}
	return &rest{label: label, base: u, auth: auth, client: &http.Client{
		Transport:     o.Transport,
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// refusal is a provider's no.
type refusal struct {
	status int
	// said are the provider's words, mend is what to do about it.
	said, mend string
	// pause is how long the provider asks to wait; negative where it does not say.
	pause time.Duration
}

func (e *refusal) Error() string {
	if e.said == "" {
		return fmt.Sprintf("%s (HTTP %d)", e.mend, e.status)
	}
	return fmt.Sprintf("%s; it said: %s, HTTP %d", e.mend, e.said, e.status)
}

// refusedWith reports whether err is a refusal with this status.
func refusedWith(err error, status int) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && r.status == status
}

// call sends one request. path is escaped and may have a query; in is sent as
// JSON unless it is nil, and the answer is read into out unless that is nil.
func (a *rest) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
	}
	for try := 1; ; try++ {
		err := a.once(ctx, method, path, body, out)
		r, ok := errors.AsType[*refusal](err)
		if !ok || r.status != http.StatusTooManyRequests || r.pause < 0 || r.pause > restWait || try == restTries {
			return err
		}
		pause := time.NewTimer(r.pause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// once sends it, and does not repeat it.
func (a *rest) once(ctx context.Context, method, path string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, a.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.sign == nil {
		req.Header.Set("Authorization", a.auth)
	} else if err := a.sign(req, body); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("reach the API: %w", err)
	}
	defer resp.Body.Close()
	if a.heard != nil {
		a.heard(resp.Header)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, restAnswer+1))
	if err != nil {
		return fmt.Errorf("read the API's answer (HTTP %d): %w", resp.StatusCode, err)
	}
	if len(answer) > restAnswer {
		return fmt.Errorf("the API's answer is longer than %d bytes", restAnswer)
	}
	if resp.StatusCode >= 300 || a.denies != nil && json.Valid(answer) && a.denies(answer) {
		return a.refused(resp, method, path, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return a.unread(resp, answer, err)
	}
	return nil
}

// unread is the error where an answer is not what the API answers.
func (a *rest) unread(resp *http.Response, answer []byte, err error) error {
	if json.Valid(answer) {
		return fmt.Errorf("the API's answer is not understood (HTTP %d): %w", resp.StatusCode, err)
	}
	return fmt.Errorf("%w but %s (HTTP %d): something stands between this machine and %s, or it is out of order", errNotJSON, contentType(resp), resp.StatusCode, a.label)
}

func contentType(resp *http.Response) string {
	if t := finding.Clean(resp.Header.Get("Content-Type"), 60); t != "" {
		return t
	}
	return "something else"
}

// refused reads an answer as a refusal.
func (a *rest) refused(resp *http.Response, method, path string, answer []byte) error {
	r := &refusal{status: resp.StatusCode, pause: -1}
	if json.Valid(answer) {
		r.said = finding.Clean(a.words(answer), 300)
	} else if len(answer) > 0 {
		r.said = "something that is not the API's JSON but " + contentType(resp)
	}
	after := resp.Header.Get("Retry-After")
	if n, err := strconv.ParseUint(after, 10, 31); err == nil {
		r.pause = time.Duration(n) * time.Second
	}
	if r.mend = a.mend(resp.StatusCode, method, path, r.said); r.mend == "" {
		r.mend = generally(a.label, resp.StatusCode, after)
	}
	return r
}

// generally is what a status asks for at any provider.
func generally(label string, status int, after string) string {
	switch {
	case status < 400:
		return label + " sends belay elsewhere, which it does not follow; check the API's address"
	case status == http.StatusUnauthorized:
		return "the token is wrong, expired or revoked; make a new one"
	case status == http.StatusForbidden:
		return "the token lacks a right that this needs"
	case status == http.StatusNotFound:
		return label + " does not find it; it was removed meanwhile, or the token does not see it"
	case status == http.StatusConflict, status == http.StatusLocked:
		return "it is being changed by somebody else at this moment; try again"
	case status == http.StatusTooManyRequests && after != "" && digits(after):
		return "too many requests; try again in " + finding.Clean(after, 40) + " s"
	case status == http.StatusTooManyRequests && after != "":
		return "too many requests; try again after " + finding.Clean(after, 40)
	case status == http.StatusTooManyRequests:
		return "too many requests; try again in some minutes"
	case status >= 500:
		return label + " is out of order; try again later"
	}
	return label + " refused"
}
