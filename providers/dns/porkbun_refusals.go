package dns

import (
	"errors"
	"net/http"
	"strings"

	"belay/providers/rest"
)

// porkbunLacks reports whether err says that the account has no such domain.
func porkbunLacks(err error) bool {
	r, ok := errors.AsType[*rest.Refusal](err)
	return ok && anyOf(r.Said, "INVALID_DOMAIN", "DOMAIN_NOT_FOUND", "Invalid domain")
}

// porkbunMend says what a refusal asks for. Porkbun answers nearly everything
// with HTTP 400, so that the words decide.
func porkbunMend(status int, _, _, words string) string {
	switch {
	case anyOf(words, "INVALID_API_KEYS", "Invalid API key", "API_KEY_REQUIRED"):
		return "the API key or the secret API key is wrong or deleted; make a pair at porkbun.com/account/api"
	case anyOf(words, "not opted in", "API_ACCESS_DISABLED", "DOMAIN_NOT_ALLOWED"):
		return "the domain is closed to the API: switch on API ACCESS in its details at porkbun.com"
	case anyOf(words, "IP_NOT_ALLOWED"):
		return "the key is limited to other addresses than this machine's; add it at porkbun.com/account/api"
	case anyOf(words, "RATE_LIMIT") && status != http.StatusTooManyRequests:
		return "too many requests; try again in some minutes"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return "the keys are not accepted: check both, and that two-factor login is confirmed for the API"
	case status < 300:
		return "Porkbun refused"
	}
	return ""
}

func anyOf(text string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
