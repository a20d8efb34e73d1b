package dnscale_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"belay/providers/dns/dnscale"
	"belay/providers/lab/vendor"
)

// TestOneRecordByItsID: whatever stands beside the record, and whatever has become of
// it, no other is changed.
func TestOneRecordByItsID(t *testing.T) {
	rewrite := func(p *dnscale.Provider, id string) error {
		return p.RewriteRecord(t.Context(), "Corp.test.", id, txt("new")[0])
	}
	remove := func(p *dnscale.Provider, id string) error { return p.RemoveRecord(t.Context(), "corp.test", id) }
	for _, tc := range []struct {
		shows    string
		change   func(*dnscale.Provider, string) error
		disabled bool
		gone     bool // between the reading and the change
		want     string
		status   int
	}{
		{"rewritten", rewrite, false, false, "other, new", 0},
		{"rewritten and enabled", rewrite, true, false, "other, new", 0},
		{"rewritten too late", rewrite, false, true, "other", http.StatusNotFound},
		{"deleted", remove, false, false, "other", 0},
		{"deleted too late", remove, false, true, "other", 0},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			p, srv := start(t)
			srv.Put(vendor.DNScaleRecord{Name: "a.corp.test", Type: "TXT", Content: "old", TTL: 600, Disabled: tc.disabled})
			stands, err := p.StandingAt(t.Context(), "corp.test", "a")
			if err != nil || len(stands) != 1 || stands[0].Disabled != tc.disabled || stands[0].Record.RR().Data != "old" {
				t.Fatalf("read %v, %v", stands, err)
			}
			if tc.gone {
				srv.Drop("a.corp.test", "TXT")
			}
			srv.Put(vendor.DNScaleRecord{Name: "a.corp.test", Type: "TXT", Content: "other", TTL: 600})
			calls := srv.Calls()
			err = tc.change(p, stands[0].ID)
			status := 0
			if e, ok := errors.AsType[*dnscale.Error](err); ok {
				status = e.Status
			}
			if status != tc.status || (err == nil) != (tc.status == 0) || srv.Calls() != calls+1 {
				t.Errorf("%v after %d calls", err, srv.Calls()-calls)
			}
			var now []string
			for _, r := range srv.Records("a.corp.test") {
				now = append(now, r.Content)
				if r.Disabled || r.TTL != 600 {
					t.Errorf("stands %+v", r)
				}
			}
			if got := strings.Join(now, ", "); got != tc.want {
				t.Errorf("the server holds %s, want %s", got, tc.want)
			}
		})
	}
}

// TestNoID: a change of no record is not sent, for its path would be that of all.
func TestNoID(t *testing.T) {
	p, srv := start(t)
	for i, err := range []error{p.RewriteRecord(t.Context(), "corp.test", "", txt("x")[0]), p.RemoveRecord(t.Context(), "corp.test", "")} {
		if err == nil || !strings.Contains(fmt.Sprint(err), "id is missing") || srv.Calls() != 0 {
			t.Errorf("%d: %v after %d calls", i, err, srv.Calls())
		}
	}
}
