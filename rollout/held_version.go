package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// HeldVersion is the policy that a reporter's newest report says it held.
type HeldVersion struct {
	Reporter string `json:"reporter"`
	// PolicyID is the newest id under which the ledger announced it; empty for a
	// policy that was never announced or is not ours.
	PolicyID string      `json:"policy_id,omitempty"`
	Mode     mtasts.Mode `json:"mode,omitempty"`
	MaxAge   uint32      `json:"max_age,omitempty"`
	// Seen is the end of the period that the report is about.
	Seen time.Time `json:"seen"`
	// Present is true for the policy that is live now.
	Present bool `json:"present"`
	// Until is the latest moment at which the reporter may still hold an earlier
	// version: its close and its max_age. Zero for the present one and for one
	// that is not ours.
	Until time.Time `json:"until,omitzero"`
	// Strange marks a policy that the ledger never served: another server
	// answered, or somebody in between.
	Strange bool `json:"strange,omitempty"`
}

// Words say which policy the reporter holds, after its name: "still holds id
// 20261101T101500Z until 8 Dec at the latest". Days are UTC days.
func (h HeldVersion) Words(now time.Time) string {
	name := "a policy without an id, with mode " + finding.Clean(string(h.Mode), 20)
	if h.PolicyID != "" {
		name = "id " + finding.Clean(h.PolicyID, 40)
	}
	switch {
	case h.Strange:
		return "held a policy that was never yours"
	case h.Present:
		return "holds " + name + ", the present policy"
	case h.Until.IsZero():
		return "still holds " + name + ", which is served still"
	}
	return "still holds " + name + " until " + onDay(h.Until, now) + " at the latest"
}

// Finding is what an operator must know of a policy that is not the present one: V08
// of an earlier version, V19 of one that the ledger never served. ok is false for the
// present one.
func (h HeldVersion) Finding(now time.Time) (f finding.Finding, ok bool) {
	switch {
	case h.Strange:
		return finding.New("V19", h.Reporter, fmt.Sprintf("%s went by a policy that was never yours, mode %s and max_age %d, in the period to %s",
			h.Reporter, finding.Clean(string(h.Mode), 20), h.MaxAge, onDay(h.Seen.Add(-time.Second), now))), true
	case h.Present:
		return finding.Finding{}, false
	}
	return finding.New("V08", h.Reporter, h.Reporter+" "+h.Words(now)), true
}

// Versions are the policies that reporters still hold at now, by the policy text
// in the newest counted sts report of each; a reporter whose newest period shows
// several has one line for each. A version that nobody can hold any longer is left
// out: the reporter has fetched another since.
func (r Rollout) Versions(now time.Time) []HeldVersion { return r.held(r.newBeliever(), now) }

func (r Rollout) held(believer believer, now time.Time) []HeldVersion {
	newest := map[string]time.Time{}
	texts := map[string][]string{}
	for i := range slices.Backward(r.Reports) { // the newest are the last
		d := &r.Reports[i]
		b := believer.of(i)
		if !b.counted || d.Ends.Before(newest[b.reporter]) || !d.sts() || strings.TrimSpace(d.PolicyText) == "" {
			continue
		}
		if d.Ends.After(newest[b.reporter]) {
			newest[b.reporter], texts[b.reporter] = d.Ends, nil
		}
		if !slices.Contains(texts[b.reporter], d.PolicyText) {
			texts[b.reporter] = append(texts[b.reporter], d.PolicyText)
		}
	}
	versions := r.newVersions()
	out := []HeldVersion{}
	for reporter, held := range texts {
		for _, text := range held {
			h := versions.held(text, now)
			h.Reporter, h.Seen = reporter, newest[reporter]
			if gone := !h.Until.IsZero() && !h.Until.After(now); !gone && !slices.Contains(out, h) {
				out = append(out, h)
			}
		}
	}
	slices.SortFunc(out, func(a, b HeldVersion) int {
		return cmp.Or(cmp.Compare(a.Reporter, b.Reporter), cmp.Compare(a.PolicyID, b.PolicyID), cmp.Compare(a.Mode, b.Mode), cmp.Compare(a.MaxAge, b.MaxAge))
	})
	return out
}

// held says which version a text is.
func (v *versions) held(text string, now time.Time) HeldVersion {
	then := v.of(text)
	if then.entry < 0 {
		return HeldVersion{Mode: then.policy.Mode, MaxAge: then.policy.MaxAge, Strange: true}
	}
	e := v.ledger[then.entry]
	h := HeldVersion{Mode: e.Mode, MaxAge: e.MaxAge, Present: then.entry == v.present}
	if len(e.IDs) > 0 {
		h.PolicyID = e.IDs[len(e.IDs)-1]
	}
	if until, open := e.HeldUntil(now); !open && !h.Present {
		h.Until = until
	}
	return h
}
