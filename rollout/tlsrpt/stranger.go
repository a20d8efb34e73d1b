package tlsrpt

import (
	"strings"

	"belay/rollout/finding"

	"golang.org/x/net/publicsuffix"
)

// address reports whether s looks like one mail address (RFC 5321 4.1.2), as
// contact-info must be.
func address(s string) bool {
	local, domain, ok := cutLast(s, "@")
	if !ok || local == "" || !hostname(domain) {
		return false
	}
	if len(local) > 1 && local[0] == '"' && local[len(local)-1] == '"' {
		return true
	}
	return !strings.ContainsAny(local, " \t\r\n:;,<>()[]\\\"@")
}

// Bounds of the look at whose a report is.
const (
	// mostLooked is how many MX hosts of one policy are looked at. A domain has fewer.
	mostLooked = 32
	// mostDomain bounds the name of a domain (RFC 1035 section 2.3.4), in bytes.
	mostDomain = 255
)

// stranger remarks on a report that is about another domain than the one its own
// id and MX hosts belong to. Many senders end the id in the name of the domain they
// report to; if that is the domain of the MX hosts and the policy's is not, one of
// them is not the receiver's.
func (d *decoder) stranger(r *Report, at place) {
	end := idEnd(r.ReportID)
	for i := range r.Policies {
		p := &r.Policies[i]
		if p.Type != STS || p.Domain == "" || len(p.MXHosts) == 0 || strings.HasSuffix(r.ReportID, p.Domain) {
			continue
		}
		ours := organisation(p.Domain)
		for _, host := range p.MXHosts[:min(len(p.MXHosts), mostLooked)] {
			theirs := organisation(strings.TrimPrefix(strings.ToLower(host), "*."))
			if theirs == "" || theirs == ours || !endsIn(end, theirs) || strings.HasSuffix(r.ContactInfo, theirs) {
				continue
			}
			d.add(finding.New("V12", reportSubject, "the policy is of "+finding.Quote(p.Domain, 100)+", but report-id and MX hosts are of "+finding.Quote(theirs, 100)), at)
			return
		}
	}
}

// idEnd is the end of a report-id as names are compared: lower-cased, and no longer
// than a domain and what sets it apart. An id may be a megabyte.
func idEnd(id string) string {
	return strings.ToLower(id[max(0, len(id)-mostDomain-1):])
}

// endsIn reports whether the end of an id is name or a name below it, set apart by
// anything but a letter, a digit, or the "@" of a message id, behind which the sender
// stands.
func endsIn(end, name string) bool {
	rest, ok := strings.CutSuffix(end, name)
	if !ok || rest == "" {
		return ok
	}
	c := rest[len(rest)-1]
	return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '@')
}

// organisation returns the registered domain that name belongs to, empty if there
// is none, or if name is too long to be one.
func organisation(name string) string {
	if len(name) > mostDomain {
		return ""
	}
	org, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return ""
	}
	return org
}
