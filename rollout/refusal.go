package rollout

import (
	"fmt"

	"belay/rollout/finding"
)

// refused reports whether the edit's writer said, when it was asked last, that the
// world is no longer what the plan saw. That need not show at the edit's own place: a
// CNAME may have come to stand beside a TXT record that reads as it did. To ask again
// would be refused again, so the plan is made anew.
func (s EditState) refused() bool { return !s.Settled() && s.Receipt.Outcome == Refused }

// unwritten reports whether the edit was begun and its writer knows that it changed
// nothing.
func (s EditState) unwritten() bool {
	return s.Receipt.Outcome == Failed || s.Receipt.Outcome == Refused
}

// inDoubt reports whether the edit was begun, is not settled, and nobody knows whether
// its write was carried out.
func (s EditState) inDoubt() bool {
	return !s.Settled() && !s.Intended.IsZero() && (s.Receipt.Outcome == "" || s.Receipt.Outcome == Unknown)
}

// after is r, the receipt of an attempt at e, as that of the whole edit: that this
// attempt wrote nothing says nothing of the ones before it, which may have been carried
// out or may be yet. It does where it read first what the plan saw.
func (r Receipt) after(s EditState, e Edit) Receipt {
	read := e.Before.Exists && r.Saw.Equal(e.Before) // what was not read is absent too
	if r.Outcome == Failed && !read && (s.inDoubt() || s.Receipt.took()) {
		r.Outcome = Unknown
	}
	return r
}

// refusal is why a writer refused e: in its own words, or by what it saw.
func (r Receipt) refusal(e Edit) string {
	if why := finding.Clean(r.Detail, 600); why != "" {
		return why
	}
	if r.Saw.Equal(e.Before) {
		return "it holds " + shown(r.Saw) + ", as the plan saw, and its provider does not take the change"
	}
	return fmt.Sprintf("it should hold %s and holds %s", shown(e.Before), shown(r.Saw))
}
