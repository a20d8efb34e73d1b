package mtasts

import (
	"slices"
	"strconv"
	"strings"
)

// Mode says what a sender does when it cannot reach an MX host of the policy over
// verified TLS (RFC 8461 5).
type Mode string

// The modes. Enforce forbids delivery, Testing delivers and reports, None is as
// if there were no policy.
const (
	Enforce Mode = "enforce"
	Testing Mode = "testing"
	None    Mode = "none"
)

// Policy is one MTA-STS policy (RFC 8461 3.2). The zero value is no valid
// policy; String prints one all the same.
type Policy struct {
	// Version is "STSv1".
	Version string `json:"version"`
	Mode    Mode   `json:"mode"`
	// MaxAge is how long a sender may keep the policy, in seconds, at most
	// MaxAgeLimit.
	MaxAge uint32 `json:"max_age"`
	// MX are the patterns that the domain's MX hosts match, in the order of
	// the text: host names in A-label form, the left-most label of which may be
	// "*".
	MX []string `json:"mx"`
	// Extensions are the fields that senders ignore.
	Extensions []Pair `json:"extensions"`
}

// String returns the policy in belay's canonical form: version, mode, one mx a
// line, max_age, extensions, each line ended by CRLF. Patterns are lower-cased
// and written once. The same policy always gives the same bytes, so that "no
// change" needs no new id.
func (p Policy) String() string {
	var b strings.Builder
	line := func(name, value string) {
		b.WriteString(name)
		b.WriteString(": ")
		b.WriteString(value)
		b.WriteString("\r\n")
	}
	version := p.Version
	if version == "" {
		version = Version
	}
	line("version", version)
	line("mode", string(p.Mode))
	for i, mx := range p.MX {
		mx = strings.ToLower(mx)
		if !slices.ContainsFunc(p.MX[:i], func(earlier string) bool { return strings.EqualFold(earlier, mx) }) {
			line("mx", mx)
		}
	}
	line("max_age", strconv.FormatUint(uint64(p.MaxAge), 10))
	for _, x := range p.Extensions {
		line(x.Name, x.Value)
	}
	return b.String()
}

// Equal reports whether senders would take p and q for the same policy: mode,
// max_age and the set of MX patterns, whatever their order and case. Extensions,
// which senders ignore, do not count.
func (p Policy) Equal(q Policy) bool {
	return p.Mode == q.Mode && p.MaxAge == q.MaxAge && slices.Equal(p.patterns(), q.patterns())
}

// patterns returns the MX patterns as a sorted, case-folded set.
func (p Policy) patterns() []string {
	set := make([]string, len(p.MX))
	for i, mx := range p.MX {
		set[i] = strings.ToLower(mx)
	}
	slices.Sort(set)
	return slices.Compact(set)
}
