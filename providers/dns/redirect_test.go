package dns_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
)

// TestNoRedirectIsFollowed: a login goes to the address it is for, and to no other
// that an answer names, be it the same host at another port.
func TestNoRedirectIsFollowed(t *testing.T) {
	onWeb(t, func(t *testing.T, entered entrant) {
		row(t)
		other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			t.Errorf("%s %s came to the other server, with %v", r.Method, r.URL, r.Header)
		}))
		t.Cleanup(other.Close)
		b := entered.start(t)
		b.interfere(func(r *http.Request) *vendor.Fault {
			if r.URL.Path == "/token" {
				return nil // Google's library logs in by a client of its own, with what is good at that address alone
			}
			return &vendor.Fault{Status: http.StatusTemporaryRedirect, Location: other.URL + r.URL.Path}
		})
		if _, err := b.open(t, dns.Options{}).Try(ctx(t), domain); err == nil || !strings.Contains(err.Error(), "elsewhere") {
			t.Errorf("%v", err)
		}
	})
}
