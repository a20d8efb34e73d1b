package rollout

import (
	"slices"
	"strings"
)

// Grouped are reasons for reading. What is said of several addresses of one host is
// said once, with all of them as its subject ("mx2.corp.test [192.0.2.12,
// 2001:db8::12]"); and of a finding that is the drift too, the drift stays, which
// names the ways on. It is for people: an override is of each reason by itself.
func Grouped(rs []Reason) []Reason {
	var out []Reason
	for i, r := range rs {
		if slices.ContainsFunc(rs[i+1:], func(l Reason) bool { return l.Subject == r.Subject && l.Text == r.Text }) {
			continue
		}
		if !slices.ContainsFunc(out, func(o Reason) bool { return o.joins(r) }) {
			out = append(out, r)
			continue
		}
		at := slices.IndexFunc(out, func(o Reason) bool { return o.joins(r) })
		out[at].Subject = joined(out[at].Subject, r.Subject)
	}
	return out
}

// joins reports whether two reasons differ only in the address of one host.
func (r Reason) joins(other Reason) bool {
	if !sameHost(r.Subject, other.Subject) {
		return false
	}
	other.Subject = r.Subject
	return r == other
}

// sameHost reports whether two subjects are addresses of one host.
func sameHost(a, b string) bool {
	host, address := splitSubject(a)
	other, another := splitSubject(b)
	return host == other && address != "" && another != ""
}

// joined is the subject a with the address of b added; both are of one host.
func joined(a, b string) string {
	_, address := splitSubject(b)
	return strings.TrimSuffix(a, "]") + ", " + address + "]"
}
