//go:build google

package dns

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"

	"cloud.google.com/go/auth"
	"google.golang.org/api/googleapi"
)

// googleRefusal is an error of Google's told as what to do. What it wraps is the
// library's.
type googleRefusal struct {
	text string
	err  error
}

func (e *googleRefusal) Error() string { return e.text }
func (e *googleRefusal) Unwrap() error { return e.err }

// googleSaid translates an error of Google's libraries; nil stays nil.
func googleSaid(err error) error {
	if err == nil {
		return nil
	}
	if api, ok := errors.AsType[*googleapi.Error](err); ok {
		return &googleRefusal{text: googleAnswered(api), err: err}
	}
	if login, ok := errors.AsType[*auth.Error](err); ok {
		return &googleRefusal{text: googleLoginRefused(login), err: err}
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "could not find default credentials"):
		text = "no Google credentials were found: set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, or log in with gcloud auth application-default login"
	case strings.Contains(text, "invalid character"):
		text = "the answer is not the API's JSON: something stands between this machine and Google, or Google is out of order"
	case strings.Contains(text, "private key"), strings.Contains(text, "error parsing record"):
	default:
		text = "reach Google: " + text
	}
	return &googleRefusal{text: text, err: err}
}

// googleRefused tells a change that was refused because of what stands from one that
// was refused for any other reason: the first is drift.
func googleRefused(err error) error {
	said := googleSaid(err)
	api, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return said
	}
	compared := api.Code == http.StatusPreconditionFailed ||
		api.Code == http.StatusNotFound && strings.Contains(api.Message, "entity.change.deletions") ||
		api.Code == http.StatusConflict && strings.Contains(api.Message, "entity.change.additions")
	if !compared {
		return said
	}
	return fmt.Errorf("%w: %w", rollout.ErrStale, said)
}

// googleAnswered says what an answer of the API asks the operator to do.
func googleAnswered(e *googleapi.Error) string {
	said := finding.Clean(e.Message, 400)
	var reasons []string
	for _, item := range e.Errors {
		reasons = append(reasons, item.Reason)
	}
	reason := strings.Join(reasons, " ")
	if e.Code >= 300 && e.Code < 400 {
		return fmt.Sprintf("Google sends belay elsewhere, which it does not follow: something stands between this machine and Google (HTTP %d)", e.Code)
	}
	if said == "" {
		kind := finding.Clean(e.Header.Get("Content-Type"), 60)
		if e.Code >= 500 {
			return fmt.Sprintf("Google is out of order; try again later (HTTP %d, %s)", e.Code, kind)
		}
		return fmt.Sprintf("the answer is not the API's JSON but %s (HTTP %d): something stands between this machine and Google", kind, e.Code)
	}
	tail := fmt.Sprintf("; Google said: %s (HTTP %d)", said, e.Code)
	switch {
	case strings.Contains(reason, "accessNotConfigured"), strings.Contains(said, "has not been used in project"):
		return "the Cloud DNS API is not enabled in this project: enable dns.googleapis.com there" + tail
	case e.Code == http.StatusTooManyRequests, strings.Contains(reason, "ateLimitExceeded"), strings.Contains(reason, "quotaExceeded"):
		if after := e.Header.Get("Retry-After"); after != "" {
			return "too many requests; try again in " + finding.Clean(after, 40) + " s" + tail
		}
		return "too many requests; try again in a minute" + tail
	case e.Code == http.StatusUnauthorized:
		return "the credentials are not accepted: the key was deleted, or the session has expired" + tail
	case e.Code == http.StatusForbidden:
		return "the credentials lack the right " + deniedRight(said) + tail
	case e.Code == http.StatusNotFound:
		return "there is no such project or zone for these credentials" + tail
	case e.Code >= 500:
		return "Google is out of order; try again later" + tail
	}
	return "Google refused the change" + tail
}

// deniedRight is the right that a refusal names.
func deniedRight(said string) string {
	if r := regexp.MustCompile(`dns\.\w+\.\w+`).FindString(said); r != "" {
		return r
	}
	return "for this call; roles/dns.admin on the zone has it"
}

// googleLoginRefused says why no token was to be had for the key.
func googleLoginRefused(e *auth.Error) string {
	text := finding.Clean(e.Error(), 300)
	status := 0
	if e.Response != nil {
		status = e.Response.StatusCode
	}
	switch {
	case strings.Contains(text, "invalid_grant"):
		return "Google does not accept this key: it was deleted, its service account is gone, or this machine's clock is wrong; it said: " + text
	case status >= 500:
		return fmt.Sprintf("Google's login is out of order; try again later (HTTP %d)", status)
	}
	return "Google refused the login: " + text
}
