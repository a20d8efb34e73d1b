package rollout

import (
	"slices"
	"strings"
	"time"

	"belay/rollout/mtasts"
)

// versions answers questions about the policy texts in reports. Each text is
// parsed once.
type versions struct {
	ledger  Ledger
	live    mtasts.Policy
	is      bool // whether any policy is live
	present int  // index of the live entry in the ledger
	texts   map[string]version
	covered map[string]bool // by the live policy
}

// version is one policy text and the ledger's entries that it equals, newest first.
type version struct {
	policy  mtasts.Policy
	usable  bool
	entries []int
}

func (r Rollout) newVersions() *versions {
	v := &versions{ledger: r.Ledger, present: -1, texts: map[string]version{}, covered: map[string]bool{}}
	for i, e := range slices.Backward(r.Ledger) {
		if len(e.IDs) > 0 && !e.Live.IsZero() {
			v.live, v.is, v.present = e.Policy(), true, i
			break
		}
	}
	return v
}

// of finds the version that a text is: as a policy, or where it is none, line by
// line.
func (v *versions) of(text string) version {
	if known, ok := v.texts[text]; ok {
		return known
	}
	p, fs := mtasts.ParsePolicy([]byte(strings.TrimRight(text, "\r\n") + "\r\n"))
	found := version{policy: p, usable: mtasts.Usable(fs)}
	for i, e := range slices.Backward(v.ledger) {
		if e.Assumed {
			continue
		}
		own, ownFs := mtasts.ParsePolicy([]byte(e.Body))
		same := found.usable && mtasts.Usable(ownFs) && own.Equal(p)
		if same || strings.TrimSpace(text) != "" && slices.Equal(lines(text), lines(e.Body)) {
			found.entries = append(found.entries, i)
		}
	}
	v.texts[text] = found
	return found
}

// at is the index in the ledger of the entry that a text means in a report about a
// period that ends at ends, or -1: the newest one that equals it and was served by
// then, for nobody can tell of a later one. What belay found there may have been
// served long before.
func (v *versions) at(text string, ends time.Time) int {
	entries := v.of(text).entries
	for _, i := range entries {
		if v.ledger[i].From.Before(ends) {
			return i
		}
	}
	for _, i := range slices.Backward(entries) {
		if v.ledger[i].Foreign {
			return i
		}
	}
	return -1
}

// began is when the ledger begins to know what was served; zero where it is empty.
func (v *versions) began() time.Time {
	for _, e := range v.ledger {
		if !e.Assumed {
			return e.From
		}
	}
	return time.Time{}
}

// idAt is the newest id that announced e by ends, as far as ids tell when they were
// made: belay's do. Empty where none did.
func (e LedgerEntry) idAt(ends time.Time) string {
	for _, id := range slices.Backward(e.IDs) {
		if made, ok := mtasts.MadeAt(id); !ok || made.Before(ends) {
			return id
		}
	}
	return ""
}

// lines are the non-empty lines of a text without white space around them: what
// senders quote of a policy they could not parse.
func lines(text string) []string {
	var out []string
	for line := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == '\r' || c == '\n' }) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// uncovered reports whether the live policy covers no such MX host.
func (v *versions) uncovered(mx string) bool {
	if mx == "" || !v.is || v.live.Mode == mtasts.None {
		return false
	}
	covered, ok := v.covered[mx]
	if !ok {
		_, covered = v.live.Matches(mx)
		v.covered[mx] = covered
	}
	return !covered
}

// removedCause reports whether a failure of d was met under an earlier version of
// ours and the live one took its cause away: that version failed our lint, or it
// did not cover the MX host. It is asked only about hosts that the live one
// covers, and about failures that name none.
func (v *versions) removedCause(d *ReportDay, mx string) bool {
	if !v.is || strings.TrimSpace(d.PolicyText) == "" {
		return false
	}
	if entry := v.at(d.PolicyText, d.Ends); entry < 0 || entry >= v.present {
		return false
	}
	then := v.of(d.PolicyText)
	if !then.usable {
		return true
	}
	if mx == "" {
		return false
	}
	_, covered := then.policy.Matches(mx)
	return !covered
}
