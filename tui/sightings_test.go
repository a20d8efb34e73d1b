package tui

import (
	"testing"

	"belay/rollout"
)

// What one server has is told in its own words: what a wildcard answers is not said
// to stand at the name.
func TestSaidByAServer(t *testing.T) {
	for _, tc := range []struct {
		shows string
		g     rollout.Sighting
		want  string
	}{
		{"a record", rollout.Sighting{Answered: true, Value: rollout.Records("192.0.2.20"), TTL: 300, Serial: 7}, "192.0.2.20, TTL 300, serial 7"},
		{"nothing", rollout.Sighting{Answered: true, TTL: 300, Serial: 7}, "nothing, serial 7"},
		{"only a wildcard", rollout.Sighting{Answered: true, Wildcard: rollout.Records("mx1.corp.test\x1b[2J"), TTL: 300, Serial: 7}, "nothing of its own; a wildcard answers mx1.corp.test, serial 7"},
		{"no answer", rollout.Sighting{Err: "timed out"}, "timed out"},
	} {
		if got := saidBy(tc.g); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.shows, got, tc.want)
		}
	}
}
