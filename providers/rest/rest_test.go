package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/rest"
)

// login is what no error may show.
const login = "hunter2-hunter2"

// answering is the way to an API that a handler serves.
func answering(t *testing.T, handler http.HandlerFunc) *rest.API {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	api, err := rest.New("Somebody", srv.URL+"/v1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Login("Bearer", login); err != nil {
		t.Fatal(err)
	}
	return api
}

func TestNoEndlessAnswerIsRead(t *testing.T) {
	api := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 12 << 10 {
			if _, err := w.Write([]byte(strings.Repeat(" ", 1024))); err != nil {
				return
			}
		}
	})
	err := api.Call(t.Context(), http.MethodGet, "/zones", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("%v", err)
	}
}

// TestTheLoginGoesNowhereElse: a redirect is a refusal, and nobody at its target hears
// of the token.
func TestTheLoginGoesNowhereElse(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was followed with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	api := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+login {
			t.Errorf("the API itself was shown %q", got)
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	})
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		if err := api.Call(t.Context(), method, "/zones", nil, nil); !rest.Refused(err, http.StatusFound) || !strings.Contains(err.Error(), "does not follow") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestNothingIsRepeated but what was turned away for a moment: a call that failed may
// have been carried out.
func TestNothingIsRepeated(t *testing.T) {
	for _, tc := range []struct {
		shows      string
		status     int
		retryAfter string
		calls      int
		says       string
	}{
		{"a gateway that is out of order", http.StatusBadGateway, "0", 1, "out of order"},
		{"a conflict", http.StatusConflict, "0", 1, "try again"},
		{"turned away for a moment", http.StatusTooManyRequests, "0", 4, "try again in 0 s"},
		{"turned away for longer than anybody waits", http.StatusTooManyRequests, "3600", 1, "try again in 3600 s"},
		{"turned away until a date", http.StatusTooManyRequests, "Sun, 22 Nov 2026 06:00:00 GMT", 1, "try again after Sun, 22 Nov"},
		{"turned away without a word", http.StatusTooManyRequests, "", 1, "in some minutes"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			calls := 0
			api := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				if tc.retryAfter != "" {
					w.Header().Set("Retry-After", tc.retryAfter)
				}
				w.WriteHeader(tc.status)
			})
			err := api.Call(t.Context(), http.MethodPost, "/records", map[string]string{"a": "b"}, nil)
			if !rest.Refused(err, tc.status) || calls != tc.calls {
				t.Errorf("%d calls, want %d: %v", calls, tc.calls, err)
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%q does not say %q", err, tc.says)
			}
		})
	}
}

// TestWhatAVendorSays is told in its own words, behind what to do, and without what it
// must not hold.
func TestWhatAVendorSays(t *testing.T) {
	for _, tc := range []struct {
		shows  string
		answer http.HandlerFunc
		says   string
		isnt   error
	}{
		{"the words of a refusal", says(403, "application/json", `{"message":"zone is locked"}`), "the login at Somebody lacks a right that this needs; it said: zone is locked, HTTP 403", nil},
		{"one that repeats the login", says(401, "application/json", `{"message":"no such key `+login+`"}`), "it said: no such key (secret), HTTP 401", nil},
		{"control characters", says(422, "application/json", `{"message":"a\u001b[31mb"}`), "Somebody refused; it said: a", nil},
		{"a refusal without words", says(404, "application/json", ``), "Somebody does not find it; it was removed meanwhile, or the login does not see it (HTTP 404)", nil},
		{"a page in place of a refusal", says(503, "text/html", `<html>`), "out of order; try again later; it said: something that is not the API's JSON but text/html, HTTP 503", nil},
		{"a login in a content type", says(503, login, `<html>`), "the API's JSON but (secret), HTTP 503", nil},
		{"a page in place of an answer", says(200, "text/html", `<html>`), "not the API's JSON but text/html (HTTP 200)", rest.ErrNotJSON},
		{"JSON of another shape", says(200, "application/json", `[]`), "the answer of Somebody's API is not understood (HTTP 200)", nil},
		{"a refusal in a good answer", says(200, "application/json", `{"message":"denied"}`), "Somebody refused; it said: denied, HTTP 200", nil},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			api := answering(t, tc.answer)
			api.Words = func(body []byte) string {
				_, text, _ := strings.Cut(string(body), `"message":"`)
				return strings.ReplaceAll(strings.TrimSuffix(text, `"}`), `\u001b`, "\x1b")
			}
			api.Denies = func(body []byte) bool { return strings.Contains(string(body), "denied") }
			var out struct{ A string }
			err := api.Call(t.Context(), http.MethodGet, "/zones?x=y", nil, &out)
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), login) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%v\nwant %s", err, tc.says)
			}
			if tc.isnt != nil && !errors.Is(err, tc.isnt) {
				t.Errorf("%v is no %v", err, tc.isnt)
			}
		})
	}
}

// TestMendHearsOfThePath without its query, and decides before the general word.
func TestMendHearsOfThePath(t *testing.T) {
	api := answering(t, says(403, "application/json", `{}`))
	api.Mend = func(status int, method, path, _ string) string { return fmt.Sprint(status, " ", method, " ", path) }
	if err := api.Call(t.Context(), http.MethodPut, "/zones?x=y", nil, nil); err == nil || err.Error() != "403 PUT /zones (HTTP 403)" {
		t.Errorf("%v", err)
	}
}

func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestOnlyWhatCanBeIsOpened(t *testing.T) {
	for _, tc := range []struct{ shows, base, token, says string }{
		{"an address that is no URL", "api.example", login, "no http or https URL"},
		{"another scheme", "ftp://api.example", login, "no http or https URL"},
		{"no token", "https://api.example", "", "there is no token"},
		{"a token with a line end in it", "https://api.example", login + "\nhunter3", "a character that no token has"},
		{"a token of two words", "https://api.example", login + " hunter3", "a character that no token has"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			api, err := rest.New("Somebody", tc.base, nil)
			if err == nil {
				err = api.Login("Bearer", tc.token)
			}
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hunter") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestNoVendorRepeatsASecret, wherever in its answer, however the vendor was logged in
// to, and where its words are cut short.
func TestNoVendorRepeatsASecret(t *testing.T) {
	secrets := []string{"client-7", "client-7-and-app-9"}
	echo := strings.Join(append(secrets, login), " ")
	words := func(body []byte) string {
		var said struct{ Message string }
		_ = json.Unmarshal(body, &said)
		return said.Message
	}
	for _, tc := range []struct {
		shows  string
		answer http.HandlerFunc
	}{
		{"in the words", says(403, "application/json", `{"message":"`+echo+`"}`)},
		{"where the words are cut", says(403, "application/json", `{"message":"`+strings.Repeat("x", 290)+` client-7-and-app-9"}`)},
		{"as the content type of a refusal", says(503, echo, `<html>`)},
		{"as the content type of a good answer", says(200, echo, `<html>`)},
		{"in JSON of another shape", says(200, "application/json", `{"At":"`+echo+`"}`)},
		{"in what is no HTTP", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = fmt.Fprintf(conn, "%s\r\n\r\n", echo)
			_ = conn.Close()
		}},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			api := answering(t, tc.answer)
			api.Words, api.Secrets = words, secrets
			var out struct{ At time.Time }
			err := api.Call(t.Context(), http.MethodGet, "/zones", nil, &out)
			if err == nil || strings.Contains(err.Error(), "client-") || strings.Contains(err.Error(), "and-app") || strings.Contains(err.Error(), login) {
				t.Errorf("%v", err)
			}
		})
	}
	for shows, err := range map[string]error{
		"words of a client of its own":      rest.Refuse("Somebody", login, 403, "bad token "+login, "", 0, ""),
		"its words, cut":                    rest.Refuse("Somebody", login, 403, strings.Repeat("x", 290)+login, "", 0, ""),
		"its content type":                  rest.Refuse("Somebody", login, 503, "", login, 0, ""),
		"its content type of a good answer": rest.Refuse("Somebody", login, 200, "", login, 0, ""),
	} {
		if strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "(secret)") {
			t.Errorf("%s: %v", shows, err)
		}
	}
}

// TestOnlyACallAsksForJSON: what is no JSON, such as a script, is asked for as it is.
func TestOnlyACallAsksForJSON(t *testing.T) {
	var accept []string
	api := answering(t, func(_ http.ResponseWriter, r *http.Request) { accept = r.Header["Accept"] })
	if err := api.Call(t.Context(), http.MethodGet, "/zones", nil, nil); err != nil || !slices.Equal(accept, []string{rest.JSON}) {
		t.Errorf("a call asks for %q, %v", accept, err)
	}
	if _, err := api.Do(t.Context(), rest.Request{Method: http.MethodGet, Path: "/script"}); err != nil || len(accept) != 0 {
		t.Errorf("a request that names no type asks for %q, %v", accept, err)
	}
}
