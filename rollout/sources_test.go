package rollout_test

import (
	"testing"

	"belay/rollout"
)

// TestTrustInOneOfItsSourcesCountsAReport that was found in several.
func TestTrustInOneOfItsSourcesCountsAReport(t *testing.T) {
	for sources, want := range map[string]bool{
		"/trusted":             true,
		"/trusted/new":         true,
		"https\n/trusted":      true,
		"/trusted\nhttps":      true,
		"/a\n/trusted/cur\n/b": true,
		"https":                false,
		"https\n/trustedly":    false,
		"/not/trusted\n/a":     false,
		"\n":                   false,
		"":                     false,
	} {
		r := rollout.Rollout{Trusts: []rollout.Trust{{Source: "/trusted/"}, {Source: ""}}}
		r.Reports = []rollout.ReportDay{{Standing: rollout.Unsigned, Submitter: "sender.test", Source: sources}}
		for line := range r.Lines() {
			if line.Counted != want {
				t.Errorf("found in %q: counted %t", sources, line.Counted)
			}
		}
	}
}
