package dns_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// replacesWhole are the providers that are given a whole set by a call that compares
// nothing, because their APIs have no other.
var replacesWhole = []string{"desec", "gandi", "hetzner"}

// TestValueInBetween: whatever moment of a change somebody else puts a value beside
// ours at, it stays, and is seen.
func TestValueInBetween(t *testing.T) {
	onWeb(t, func(t *testing.T, entered entrant) {
		if slices.Contains(replacesWhole, entered.start(t).provider) {
			return // the table says why
		}
		for _, tc := range []struct {
			shows         string
			before, after []string
		}{
			{"while one is created", nil, list(sts2)},
			{"while one is changed", list(sts1), list(sts2)},
			{"while one comes beside", list(sts1), list(sts1, sts2)},
			{"while one of two goes", list(sts1, sts2), list(sts2)},
			{"while one is deleted", list(sts1), nil},
		} {
			t.Run(tc.shows, func(t *testing.T) {
				row(t)
				e := edit("_mta-sts", "TXT", tc.before, tc.after)
				request := 1
				for comesBefore(t, entered.start(t), request, e) {
					request++
				}
				if request < 4 {
					t.Errorf("a change took %d requests", request-1)
				}
			})
		}
	})
}

// comesBefore makes the edit, and right before the request of this number puts a
// value beside those that stand. It returns false where there are not so many.
func comesBefore(t *testing.T, b bench, request int, e rollout.Edit) bool {
	t.Helper()
	b.put(t, e.Name, e.Type, e.Before.Records...)
	var mu sync.Mutex
	var calls []string
	wrote := 0 // the last request that changed something
	b.interfere(func(r *http.Request) *vendor.Fault {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, r.Method)
		if b.changes(r) {
			wrote = len(calls)
		}
		if len(calls) == request {
			b.put(t, e.Name, e.Type, append(slices.Clone(b.holds(e.Name, e.Type)), "other")...)
		}
		return nil
	})
	r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
	mu.Lock()
	defer mu.Unlock()
	if len(calls) < request {
		return false
	}
	if got := b.holds(e.Name, e.Type); !slices.Contains(got, "other") {
		t.Errorf("before request %d of %s: the server holds %q", request, strings.Join(calls, " "), got)
	}
	// What comes after the last write may come after the last reading, too.
	if r.Outcome == rollout.Applied && request <= wrote {
		t.Errorf("before request %d of %s: outcome %s, %v", request, strings.Join(calls, " "), r.Outcome, err)
	}
	return true
}
