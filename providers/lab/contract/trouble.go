package contract

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"belay/providers/lab/vendor"
)

func cancelled(t *testing.T, bench func(*testing.T) Bench) {
	b := bench(t)
	ctx, cancel := context.WithCancel(within(t))
	release := make(chan struct{})
	defer close(release)
	watch(b, vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
		cancel()
		return &vendor.Fault{Hang: release}
	}})
	in := typed(t, list("a 600 TXT x"))
	for shows, call := range map[string]func() error{
		"get":    func() error { _, err := b.Provider.GetRecords(ctx, Zone); return err },
		"name":   func() error { _, err := b.Provider.RecordsAt(ctx, Zone, "a"); return err },
		"set":    func() error { _, err := b.Provider.SetRecords(ctx, Zone, in); return err },
		"append": func() error { _, err := b.Provider.AppendRecords(ctx, Zone, in); return err },
		"delete": func() error { _, err := b.Provider.DeleteRecords(ctx, Zone, in); return err },
		"list":   func() error { _, err := b.Provider.ListZones(ctx); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", shows, err)
		}
	}
}

// trouble is what an API does on a bad day.
func trouble(t *testing.T, bench func(*testing.T) Bench) {
	const htmlPage = "<html>502</html>"
	busy := func(after string) *vendor.Fault {
		return &vendor.Fault{Status: 429, Type: "application/json", RetryAfter: after, Body: `{"message":"slow down","error":{"code":"RATE_LIMITED","message":"slow down"}}`}
	}
	type day struct {
		shows   string
		fault   *vendor.Fault
		onWrite bool // else on what reads
		times   int  // how often; negative: always
		// status of the refusal; 0: there is none, and the change was made.
		status int
		wait   time.Duration
		tries  int // how often the troubled call came in all
	}
	for _, tc := range []day{
		{"a write that came too soon is made again", busy("1"), true, 1, 0, 0, 2},
		{"a write that comes too soon for long is given up at once", busy("120"), true, -1, 429, 2 * time.Minute, 1},
		{"a write that always comes too soon is given up", busy(""), true, -1, 429, 0, 3},
		{"a reading that came too soon is made again", busy("0"), false, 1, 0, 0, 2},
		{"a reading through a bad gateway is made again", &vendor.Fault{Status: 502, Type: "text/html", Body: htmlPage}, false, 2, 0, 0, 3},
		{"a gateway that stays bad is given up", &vendor.Fault{Status: 503, Type: "text/html", Body: htmlPage}, false, -1, 503, 0, 3},
		{"a write through a bad gateway is not repeated", &vendor.Fault{Status: 502, Type: "text/html", Body: htmlPage}, true, -1, 502, 0, 1},
		{"a reading whose connection broke is made again", &vendor.Fault{Cut: true}, false, 1, 0, 0, 2},
		{"a write whose connection broke is not repeated", &vendor.Fault{Cut: true}, true, -1, -1, 0, 1},
		{"a page in place of an answer", &vendor.Fault{Status: 200, Type: "text/html", Body: htmlPage}, false, -1, 200, 0, 1},
		{"an answer without end", &vendor.Fault{Status: 200, Type: "application/json", Body: `["` + strings.Repeat("x", 17<<20)}, false, -1, -1, 0, 1},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			b := bench(t)
			if _, err := b.Provider.ListZones(within(t)); err != nil { // what is looked up once
				t.Fatal(err)
			}
			var tries atomic.Int64
			h := watch(b, vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
				if (r.Method != http.MethodGet) != tc.onWrite {
					return nil
				}
				if n := tries.Add(1); tc.times >= 0 && n > int64(tc.times) {
					return nil
				}
				return tc.fault
			}})
			call := func() error {
				_, err := b.Provider.SetRecords(within(t), Zone, typed(t, list("a 600 TXT x")))
				return err
			}
			if !tc.onWrite {
				call = func() error { _, err := b.Provider.RecordsAt(within(t), Zone, "a"); return err }
			}
			err := call()
			if n := int(tries.Load()); n != tc.tries {
				t.Errorf("the call came %d times, want %d", n, tc.tries)
			}
			if tc.status == 0 {
				if err != nil || tc.onWrite && !slices.Equal(h.lines(), list("a 600 TXT x")) {
					t.Errorf("%v, and the server holds %q", err, h.lines())
				}
				return
			}
			status, wait, refused := b.Refusal(err)
			if err == nil || refused != (tc.status > 0) || refused && (status != tc.status || wait != tc.wait) {
				t.Errorf("%v: status %d, to wait %s", err, status, wait)
			}
		})
	}
	t.Run("a wait is not longer than the context", func(t *testing.T) {
		b := bench(t)
		ctx, cancel := context.WithCancel(within(t))
		watch(b, vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
			time.AfterFunc(20*time.Millisecond, cancel)
			return busy("2")
		}})
		_, err := b.Provider.ListZones(ctx)
		if status, _, _ := b.Refusal(err); status != 429 || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("the credential does not follow a redirect", func(t *testing.T) {
		var followed atomic.Int64
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
		defer elsewhere.Close()
		b := bench(t)
		watch(b, vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
			return &vendor.Fault{Status: 307, Type: "text/html", Location: elsewhere.URL}
		}})
		_, err := b.Provider.ListZones(within(t))
		if status, _, ok := b.Refusal(err); !ok || status != 307 || followed.Load() != 0 {
			t.Errorf("%v, and %d calls elsewhere", err, followed.Load())
		}
	})
}
