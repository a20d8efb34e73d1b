package mtasts

import (
	"strings"

	"belay/rollout/finding"
)

// Matches reports whether host, the name of an MX host, is covered by the policy,
// and by which of its patterns (RFC 8461 4.1).
func (p Policy) Matches(host string) (pattern string, ok bool) {
	for _, mx := range p.MX {
		if Match(host, mx) {
			return mx, true
		}
	}
	return "", false
}

// Match reports whether the MX host name matches one pattern (RFC 8461 4.1, RFC
// 6125 6.4): equal but for case, or, where the pattern begins with "*.", equal
// after the host's left-most label. The wildcard stands for exactly one label,
// never for none and never for two. A root dot at the end of host is ignored and
// a U-label in it compared as its A-label; a pattern that ValidPattern refuses
// matches nothing.
func Match(host, pattern string) bool {
	if ValidPattern(pattern) != nil {
		return false
	}
	host = foldHost(host)
	suffix, wild := strings.CutPrefix(pattern, "*.")
	if !wild {
		return host != "" && strings.EqualFold(host, pattern)
	}
	label, rest, ok := strings.Cut(host, ".")
	return ok && label != "" && strings.EqualFold(rest, suffix)
}

// foldHost brings a host name, as DNS or an operator gives it, to the form that
// policies hold: A-labels, without the root dot.
func foldHost(host string) string {
	host = strings.TrimSuffix(host, ".")
	if ascii(host) {
		return host
	}
	converted, err := hostProfile().ToASCII(host)
	if err != nil {
		return host
	}
	return converted
}

// Matched is what LintMX parsed.
type Matched struct {
	// Matched is the first pattern that covers the host, empty if none does.
	Matched string `json:"matched"`
}

// LintMatch matches host against patterns as a policy would. A host that no
// pattern covers is C07, a pattern that can match nothing C09 or C11, and a match
// by a pattern that covers other people's hosts too C10.
func LintMatch(host string, patterns []string) (matched string, fs []finding.Finding) {
	for _, p := range patterns {
		if f, bad := lintPattern(p); bad {
			fs = append(fs, f.As(finding.Warn))
		}
	}
	matched, ok := Policy{MX: patterns}.Matches(host)
	if !ok {
		f := finding.New("C07", host, "no pattern of "+quoteAll(patterns)+" matches the MX host "+finding.Quote(host, 255))
		return "", append(fs, f)
	}
	if f, wide := lintWide(matched); wide {
		fs = append(fs, f)
	}
	return matched, fs
}

// LintMX is LintMatch in the form of belay lint.
func LintMX(host string, patterns []string) finding.Lint {
	matched, fs := LintMatch(host, patterns)
	return finding.NewLint("mx-match", Matched{matched}, fs)
}

func quoteAll(values []string) string {
	if len(values) == 0 {
		return "an empty list"
	}
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(finding.Quote(v, 255))
	}
	return b.String()
}
