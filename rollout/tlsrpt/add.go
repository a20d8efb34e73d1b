package tlsrpt

import (
	"fmt"
	"slices"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// AddRUA returns the text of a TLS-RPT record that asks for reports at uris as well
// as wherever the record raw does. Of raw every byte stays; the missing URIs are
// appended to its rua list, and if none is missing the result is raw. An empty raw
// gives a new record. It is an error if a URI is not valid, or if raw is a record that
// senders do not use: adding to that would not make it work.
func AddRUA(raw string, uris ...string) (string, error) {
	for _, uri := range uris {
		if err := ValidURI(uri); err != nil {
			return "", fmt.Errorf("add to the TLS-RPT record: %w", err)
		}
	}
	if strings.TrimSpace(raw) == "" {
		return newRecord(uris)
	}
	rec, fs := ParseRecord(raw)
	for _, f := range fs {
		if f.Severity == finding.Fail {
			return "", fmt.Errorf("add to the TLS-RPT record: senders do not use the record that is there: %s", f.Title)
		}
	}
	var missing []string
	for _, uri := range uris {
		same := func(have string) bool { return sameURI(have, uri) }
		if !slices.ContainsFunc(rec.RUA, same) && !slices.ContainsFunc(missing, same) {
			missing = append(missing, uri)
		}
	}
	if len(missing) == 0 {
		return raw, nil
	}
	end := ruaEnd(raw)
	return raw[:end] + "," + strings.Join(missing, ",") + raw[end:], nil
}

func newRecord(uris []string) (string, error) {
	var rec Record
	for _, uri := range uris {
		if !slices.ContainsFunc(rec.RUA, func(have string) bool { return sameURI(have, uri) }) {
			rec.RUA = append(rec.RUA, uri)
		}
	}
	if len(rec.RUA) == 0 {
		return "", fmt.Errorf("make a TLS-RPT record: no report address was given")
	}
	return rec.String(), nil
}

// ruaEnd returns the byte behind the last URI of the first rua field of a valid
// record.
func ruaEnd(raw string) int {
	for _, f := range mtasts.Fields(raw, func(int, string) {}) {
		if f.Name == "rua" {
			return f.ValueAt + len(f.Value)
		}
	}
	return len(raw)
}

// sameURI reports whether two URIs lead to the same place: the scheme and what is
// behind the last "@", or the host, compare without case.
func sameURI(a, b string) bool {
	if scheme(a) != scheme(b) || len(a) != len(b) {
		return false
	}
	fold := func(s string) string {
		_, rest, _ := strings.Cut(s, ":")
		if local, domain, ok := cutLast(rest, "@"); ok && scheme(s) == "mailto" {
			return local + "@" + strings.ToLower(domain)
		}
		if scheme(s) == "https" {
			end := authorityEnd(s) - len(scheme(s)) - 1
			return strings.ToLower(rest[:end]) + rest[end:]
		}
		return rest
	}
	return fold(a) == fold(b)
}
