package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"belay/rollout/finding"
)

// Refusal is a vendor's no.
type Refusal struct {
	Status int
	// Said are the vendor's words, clean; Mend is what to do about it.
	Said, Mend string
	// Pause is how long the vendor asks to wait; negative where it does not say, or
	// names a date.
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

// Refuse is the refusal of a vendor that was asked in another way than through an API:
// said are its words, empty where its answer was not JSON but of type contentType;
// wait is how long it asks to wait, zero where it does not say; mend says what to do,
// or is empty for the general word. secret is the login, which is shown nowhere. A
// status below 300 without words is an ErrNotJSON.
func Refuse(label, secret string, status int, said, contentType string, wait time.Duration, mend string) error {
	said, contentType = Hide(said, secret), Hide(contentType, secret)
	if said == "" && status < 300 {
		return NotJSON(label, status, contentType)
	}
	no := &Refusal{Status: status, Said: finding.Clean(said, 300), Mend: mend, Pause: -1}
	if said == "" {
		no.Said = notJSON(contentType)
	}
	if wait > 0 {
		no.Pause = wait
	}
	no.settle(label, "")
	return no
}

// refused reads an answer as a refusal.
func (a *API) refused(resp *http.Response, r Request, body []byte) error {
	no := &Refusal{Status: resp.StatusCode, Pause: -1}
	switch {
	case json.Valid(body) && a.Words != nil:
		no.Said = finding.Clean(a.hide(a.Words(body)), 300)
	case len(body) > 0 && !json.Valid(body):
		no.Said = notJSON(a.hide(resp.Header.Get("Content-Type")))
	}
	if a.Mend != nil {
		path, _, _ := strings.Cut(r.Path, "?")
		no.Mend = a.Mend(resp.StatusCode, r.Method, path, no.Said)
	}
	no.settle(a.label, a.hide(resp.Header.Get("Retry-After")))
	return no
}

func notJSON(contentType string) string {
	return "something that is not the API's JSON but " + kind(contentType)
}

// settle reads how long the vendor asks to wait, and where nothing better is known
// what to do, says what the status asks for at any vendor.
func (e *Refusal) settle(label, retryAfter string) {
	if n, err := strconv.ParseUint(retryAfter, 10, 31); err == nil {
		e.Pause = time.Duration(n) * time.Second
	}
	if e.Mend != "" {
		return
	}
	switch {
	case e.Status < 300 || e.Status == http.StatusBadRequest:
		e.Mend = label + " refused"
	case e.Status < 400:
		e.Mend = label + " sends belay elsewhere, which it does not follow; check the API's address"
	case e.Status == http.StatusUnauthorized:
		e.Mend = "the login at " + label + " is wrong, expired or revoked; make a new one"
	case e.Status == http.StatusForbidden:
		e.Mend = "the login at " + label + " lacks a right that this needs"
	case e.Status == http.StatusNotFound:
		e.Mend = label + " does not find it; it was removed meanwhile, or the login does not see it"
	case e.Status == http.StatusConflict, e.Status == http.StatusLocked:
		e.Mend = "it is being changed by somebody else at this moment, or exists already; look, and try again"
	case e.Status == http.StatusTooManyRequests && e.Pause >= 0:
		e.Mend = fmt.Sprintf("too many requests; try again in %d s", int(e.Pause/time.Second))
	case e.Status == http.StatusTooManyRequests && retryAfter != "":
		e.Mend = "too many requests; try again after " + finding.Clean(retryAfter, 40)
	case e.Status == http.StatusTooManyRequests:
		e.Mend = "too many requests; try again in some minutes"
	case e.Status >= 500:
		e.Mend = label + " is out of order; try again later"
	default:
		e.Mend = label + " refused"
	}
}
