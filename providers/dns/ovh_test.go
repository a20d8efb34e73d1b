package dns

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestOVHRulesCover(t *testing.T) {
	for _, tc := range []struct {
		shows, rule, path string
		covers            bool
	}{
		{"everything", "/*", "/domain/zone/corp.test/record/1", true},
		{"the path itself", "/domain/zone/corp.test/record", "/domain/zone/corp.test/record", true},
		{"a path below is another", "/domain/zone/corp.test/record", "/domain/zone/corp.test/record/1", false},
		{"what begins so", "/domain/zone/corp.test/record*", "/domain/zone/corp.test/record/1", true},
		{"another zone", "/domain/zone/other.test/*", "/domain/zone/corp.test/record", false},
		{"any zone's records", "/domain/zone/*/record/*", "/domain/zone/corp.test/record/1", true},
		{"any zone's records are not its refresh", "/domain/zone/*/record/*", "/domain/zone/corp.test/refresh", false},
		{"an end that is missing", "/domain/*/refresh", "/domain/zone/corp.test", false},
		{"no rule", "", "/domain", false},
	} {
		if got := ovhCovers(tc.rule, tc.path); got != tc.covers {
			t.Errorf("%s: %v", tc.shows, got)
		}
	}
}

// FuzzRefusals: whatever an API answers with, its words are found or not, and
// nothing breaks.
func FuzzRefusals(f *testing.F) {
	for _, seed := range []string{
		`{"message":"This call has not been granted","class":"Client::Forbidden"}`,
		`{"errorCode":"QUERY_TIME_OUT","httpCode":"400 Bad Request","message":"Query out of time"}`,
		`{"status":"ERROR","code":"INVALID_DOMAIN","message":"Invalid domain."}`,
		`{"errors":[{"field":"name","reason":"Record conflict"},{"reason":"Not found"}]}`,
		`{"id":106926659,"name":"_mta-sts.corp.test","type":"TXT","content":"x","ttl":"600"}`,
		`[]`, `null`, `"`,
	} {
		f.Add([]byte(seed), 403)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		for _, api := range []struct {
			words func([]byte) string
			mend  func(int, string, string, string) string
		}{{ovhWords, ovhMend}, {porkbunWords, porkbunMend}, {linodeWords, linodeMend}} {
			if mend := api.mend(status, "GET", "/domain/zone/corp.test?x=y", api.words(body)); strings.Contains(mend, "?x=y") {
				t.Errorf("%q", mend)
			}
		}
		if !porkbunDenies(body) && !json.Valid(body) {
			t.Errorf("%q is a success", body)
		}
		var r porkbunRecord
		if json.Unmarshal(body, &r) == nil {
			r.keep(nil, "_mta-sts.corp.test")
		}
	})
}
