package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"belay/providers/rest"
)

// TestOnlyARefusalIsCertain: whether a call changed something is settled where the
// vendor said no or was never reached, and else open.
func TestOnlyARefusalIsCertain(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, row := range []struct {
		shows   string
		handler http.HandlerFunc
		certain bool
	}{
		{"a refusal", status(403, `{}`), true},
		{"a refusal by what stands before the vendor", status(403, `<html>`), true},
		{"too many requests", status(429, `{}`), true},
		{"a request that waited too long", status(408, `{}`), false},
		{"a vendor out of order", status(500, `{}`), false},
		{"a gateway that waited in vain", status(504, `<html>`), false},
		{"a redirect", status(303, ``), false},
		{"an answer of another shape", status(200, `[]`), false},
		{"a page with a good status", status(200, `<html>`), false},
		{"a connection that was cut", cut, false},
	} {
		t.Run(row.shows, func(t *testing.T) {
			var out struct{}
			err := answering(t, row.handler).Call(t.Context(), http.MethodPost, "/zones", struct{}{}, &out)
			if err == nil || rest.TurnedAway(fmt.Errorf("write: %w", err)) != row.certain {
				t.Errorf("certain %t: %v", rest.TurnedAway(err), err)
			}
		})
	}
	t.Run("a deadline", func(t *testing.T) {
		ended, cancel := context.WithDeadline(t.Context(), time.Time{})
		defer cancel()
		if err := answering(t, status(200, `{}`)).Call(ended, http.MethodPost, "/zones", nil, nil); err == nil || rest.TurnedAway(err) {
			t.Errorf("it is certain: %v", err)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		api, err := rest.New("Somebody", "http://"+l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err = api.Call(t.Context(), http.MethodPost, "/zones", nil, nil); err == nil || !rest.TurnedAway(err) {
			t.Errorf("it is not certain: %v", err)
		}
	})
	if err := rest.Unsent(context.DeadlineExceeded); !rest.TurnedAway(err) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("what was never sent: %v", err)
	}
}
