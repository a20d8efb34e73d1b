package dns

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func openTestREST(t *testing.T, handler http.HandlerFunc) *rest {
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	a, err := openREST("Somebody", "https://api.example", "Bearer hunter2", Options{BaseURL: srv.URL + "/v1/"})
	if err != nil {
		t.Fatal(err)
	}
	a.words = func([]byte) string { return "" }
	a.mend = func(int, string, string, string) string { return "" }
	return a
}

func TestRESTReadsNoEndlessAnswer(t *testing.T) {
	a := openTestREST(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 3 * restAnswer / 1024 {
			if _, err := w.Write([]byte(strings.Repeat(" ", 1024))); err != nil {
				return
			}
		}
	})
	err := a.call(t.Context(), http.MethodGet, "/zones", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("%v", err)
	}
}

// TestRESTTakesTheCredentialNowhereElse: a redirect is a refusal, and nobody at its
// target hears of the token.
func TestRESTTakesTheCredentialNowhereElse(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was followed with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	a := openTestREST(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		if err := a.call(t.Context(), method, "/zones", nil, nil); !refusedWith(err, http.StatusFound) || !strings.Contains(err.Error(), "does not follow") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestRESTRepeatsNothing but what was turned away for a moment: a call that failed
// may have been carried out.
func TestRESTRepeatsNothing(t *testing.T) {
	for _, tc := range []struct {
		shows      string
		status     int
		retryAfter string
		calls      int
		says       string
	}{
		{"a gateway that is out of order", http.StatusBadGateway, "0", 1, "out of order"},
		{"a conflict", http.StatusConflict, "0", 1, "try again"},
		{"turned away for a moment", http.StatusTooManyRequests, "0", restTries, "try again in 0 s"},
		{"turned away for longer than anybody waits", http.StatusTooManyRequests, "3600", 1, "try again in 3600 s"},
		{"turned away until a date", http.StatusTooManyRequests, "Sun, 22 Nov 2026 06:00:00 GMT", 1, "try again after Sun, 22 Nov"},
		{"turned away without a word", http.StatusTooManyRequests, "", 1, "in some minutes"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			calls := 0
			a := openTestREST(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				if tc.retryAfter != "" {
					w.Header().Set("Retry-After", tc.retryAfter)
				}
				w.WriteHeader(tc.status)
			})
			err := a.call(t.Context(), http.MethodPost, "/records", map[string]string{"a": "b"}, nil)
			if !refusedWith(err, tc.status) || calls != tc.calls {
				t.Errorf("%d calls, want %d: %v", calls, tc.calls, err)
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%q does not say %q", err, tc.says)
			}
		})
	}
}

func TestRESTOpensOnlyWhatCanBe(t *testing.T) {
	for _, tc := range []struct{ shows, base, auth, says string }{
		{"an address that is no URL", "api.example", "Bearer hunter2", "no http or https URL"},
		{"another scheme", "ftp://api.example", "Bearer hunter2", "no http or https URL"},
		{"a token with a line end in it", "", "Bearer hunter2\nhunter3", "a character that no token has"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			_, err := openREST("Somebody", "https://api.example", tc.auth, Options{BaseURL: tc.base})
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
		})
	}
}
