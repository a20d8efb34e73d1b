package gandi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a refusal by the API, or an answer that is not the API's.
type Error struct {
	// Method and Path are what was called.
	Method, Path string
	// Status is the HTTP status. Below 300 the answer could not be read.
	Status int
	// Message is what Gandi said, in one line of at most 500 bytes without
	// control characters; empty where the answer was not the API's JSON.
	Message string
	// ContentType is the answer's, where it was not the API's JSON.
	ContentType string
	// RetryAfter is how long Gandi asks to wait; zero where it does not say.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	said := e.Message
	if said == "" {
		said = fmt.Sprintf("an answer that is not the API's JSON (content type %q)", e.ContentType)
	}
	text := fmt.Sprintf("%s %s: HTTP %d: %s", e.Method, e.Path, e.Status, said)
	if e.RetryAfter > 0 {
		text += fmt.Sprintf("; try again in %s", e.RetryAfter)
	}
	return text
}

// isStatus reports whether err is a refusal in the API's own words with this
// status. A gateway's page says nothing of records.
func isStatus(err error, status int) bool {
	refused, ok := errors.AsType[*Error](err)
	return ok && refused.Status == status && refused.Message != ""
}

// refusal reads an answer that is no success. Gandi has two forms: a message, or a
// list of what is wrong with a value.
func refusal(req *http.Request, resp *http.Response, body []byte) error {
	e := failure(req, resp)
	var said struct {
		Message string `json:"message"`
		Cause   string `json:"cause"`
		Errors  []struct {
			Name        string `json:"name"`
			Description string `json:"description"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &said) == nil {
		var all []string
		for _, wrong := range said.Errors {
			all = append(all, wrong.Name+": "+wrong.Description)
		}
		if said.Message != "" || len(all) == 0 && said.Cause != "" {
			all = append([]string{firstOf(said.Message, said.Cause)}, all...)
		}
		e.Message = plain(hidden(req, strings.Join(all, "; ")))
	}
	if e.Message == "" {
		e.ContentType = plain(hidden(req, resp.Header.Get("Content-Type")))
	}
	return e
}

// unreadable is the error for a success whose body is not what it should be.
func unreadable(req *http.Request, resp *http.Response) error {
	e := failure(req, resp)
	e.ContentType = plain(hidden(req, resp.Header.Get("Content-Type")))
	return e
}

func failure(req *http.Request, resp *http.Response) *Error {
	return &Error{Method: req.Method, Path: req.URL.EscapedPath(), Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
}

// retryAfter reads the header of that name: seconds, or a moment (RFC 9110 section
// 10.2.3), which is compared with the answer's own date, for clocks differ.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 24); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	sent, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil {
		return 0
	}
	return max(until.Sub(sent), 0)
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// hidden is s, which an answer to req says, without the login.
func hidden(req *http.Request, s string) string {
	_, login, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if login == "" {
		return s
	}
	return strings.ReplaceAll(s, login, "(secret)")
}

// plain is s in one line without control characters, at most 500 bytes of it.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "..."
	}
	return strings.TrimSpace(s)
}
