package rollout

import "strings"

// Grouped are reasons for reading. What is said of several addresses of one host is
// said once, with all of them as its subject ("mx2.corp.test [192.0.2.12,
// 2001:db8::12]"); and of a finding that is the drift too, the drift stays, which
// names the ways on. It is for people: an override is of each reason by itself.
func Grouped(rs []Reason) []Reason {
	type said struct{ subject, text string }
	last := map[said]int{}
	for i, r := range rs {
		last[said{r.Subject, r.Text}] = i
	}
	var out []Reason
	first := map[Reason]int{} // in out, by the reason with its host alone as subject
	for i, r := range rs {
		if last[said{r.Subject, r.Text}] != i {
			continue
		}
		host, address := splitSubject(r.Subject)
		if address == "" {
			out = append(out, r)
			continue
		}
		ofHost := r
		ofHost.Subject = host
		if at, ok := first[ofHost]; ok {
			out[at].Subject = joined(out[at].Subject, r.Subject)
			continue
		}
		first[ofHost] = len(out)
		out = append(out, r)
	}
	return out
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
