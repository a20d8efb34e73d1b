package dns_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"belay/providers/dns"
)

// TestNoRedirectIsFollowed: a login goes to the address it is for, and to no
// other that an answer names.
func TestNoRedirectIsFollowed(t *testing.T) {
	for _, provider := range []string{"desec", "hetzner", "digitalocean", "ovh", "porkbun", "linode"} {
		t.Run(provider, func(t *testing.T) {
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				t.Errorf("%s %s came to the other server, with %v", r.Method, r.URL, r.Header)
			}))
			t.Cleanup(other.Close)
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
			}))
			t.Cleanup(api.Close)
			b := entrants()[provider].start(t)
			b.baseURL = api.URL
			if _, err := b.open(t, dns.Options{}).Try(ctx(t), domain); err == nil || !strings.Contains(err.Error(), "elsewhere") {
				t.Errorf("%v", err)
			}
		})
	}
}
