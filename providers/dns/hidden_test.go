package dns_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
)

// TestNoSecretIsHalfShown: a vendor that repeats any part of the login, where its words
// are cut short and elsewhere, leaves neither the secret nor its beginning in an error.
func TestNoSecretIsHalfShown(t *testing.T) {
	for _, name := range []string{"cloudflare", "gandi", "dnscale", "porkbun", "ovh", "desec", "hetzner", "digitalocean", "linode"} {
		t.Run(name, func(t *testing.T) {
			b := entrants()[name].start(t)
			// Long as those of the vendors, and begun as no word of theirs is.
			for key := range b.creds {
				if key != "endpoint" && key != "organization" {
					b.creds[key] = "qZ7" + strings.Repeat("k4", 12) + fmt.Sprint(len(key))
				}
			}
			var echo vendor.Fault
			b.interfere(func(*http.Request) *vendor.Fault { return &echo })
			a := b.open(t, dns.Options{})
			for key, secret := range b.creds {
				if !strings.HasPrefix(secret, "qZ7") {
					continue
				}
				for _, before := range []int{0, 40, 180, 190, 280, 290, 380, 480, 490} {
					words := strings.Repeat("x", before) + secret
					for kind, fault := range map[string]vendor.Fault{
						"words":            {Status: 403, Type: "application/json", Body: repeats(name, words)},
						"words many times": {Status: 403, Type: "application/json", Body: repeats(name, strings.Repeat(secret, 1+before/10))},
						"page":             {Status: 403, Type: words, Body: "<html>"},
					} {
						echo = fault
						_, err := a.Read(ctx(t), edit("_mta-sts", "TXT", nil, nil))
						if err == nil || strings.Contains(err.Error(), "qZ7") {
							t.Errorf("%s in %s behind %d bytes: %v", key, kind, before, err)
						}
					}
				}
			}
		})
	}
}

// repeats is a refusal with these words, in the shape that the vendor has.
func repeats(provider, words string) string {
	switch provider {
	case "cloudflare":
		return fmt.Sprintf(`{"success":false,"errors":[{"code":1,"message":%q,"error_chain":[{"code":2,"message":%[1]q}]}]}`, words)
	case "hetzner", "dnscale":
		return fmt.Sprintf(`{"error":{"code":"forbidden","message":%q}}`, words)
	case "linode":
		return fmt.Sprintf(`{"errors":[{"reason":%q}]}`, words)
	case "porkbun":
		return fmt.Sprintf(`{"status":"ERROR","message":%q}`, words)
	}
	return fmt.Sprintf(`{"message":%q,"detail":%[1]q}`, words)
}
