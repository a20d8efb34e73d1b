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
	// PolicyID is the newest id under which the ledger had announced it by then; empty
	// for a policy that was not announced or is not ours.
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
	// Before marks the policy of a period that was over when the ledger began: nobody
	// can say here whose it was. Until is the end of that period and its max_age.
	Before bool `json:"before,omitempty"`
	// Strange marks a policy that the ledger had not served by then: another server
	// answered, or somebody in between. Later says that it served it afterwards.
	Strange bool `json:"strange,omitempty"`
	Later   bool `json:"later,omitempty"`
}

// Words say which policy the reporter holds, after its name: "still holds id
// 20261101T101500Z until 8 Dec at the latest". Days are UTC days.
func (h HeldVersion) Words(now time.Time) string {
	name := "a policy without an id, with mode " + finding.Clean(string(h.Mode), 20)
	if h.PolicyID != "" {
		name = "id " + finding.Clean(h.PolicyID, 40)
	}
	switch {
	case h.Strange && h.Later:
		return "held a policy that you served only later"
	case h.Strange:
		return "held a policy that was never yours"
	case h.Before:
		return fmt.Sprintf("still holds a policy from before this rollout, mode %s, until %s at the latest", finding.Clean(string(h.Mode), 20), onDay(h.Until, now))
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
		return finding.New("V19", h.Reporter, fmt.Sprintf("%s %s, mode %s and max_age %d, in the period to %s",
			h.Reporter, h.Words(now), finding.Clean(string(h.Mode), 20), h.MaxAge, onDay(h.Seen.Add(-time.Second), now))), true
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
	if versions.began().IsZero() {
		return out // nothing to hold them against
	}
	for reporter, held := range texts {
		for _, text := range held {
			h := versions.held(text, newest[reporter], now)
			h.Reporter = reporter
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

// held says which version a text is in a report about a period that ends at seen.
func (v *versions) held(text string, seen, now time.Time) HeldVersion {
	entry := v.at(text, seen)
	if entry < 0 {
		then := v.of(text)
		h := HeldVersion{Mode: then.policy.Mode, MaxAge: then.policy.MaxAge, Seen: seen}
		if !seen.After(v.began()) {
			h.Before, h.Until = true, seen.Add(time.Duration(h.MaxAge)*time.Second)
			return h
		}
		h.Strange, h.Later = true, len(then.entries) > 0
		return h
	}
	e := v.ledger[entry]
	h := HeldVersion{PolicyID: e.idAt(seen), Mode: e.Mode, MaxAge: e.MaxAge, Seen: seen, Present: entry == v.present}
	if until, open := e.HeldUntil(now); !open && !h.Present {
		h.Until = until
	}
	return h
}
