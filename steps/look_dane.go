package steps

import (
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
	"belay/steps/probe"
)

// judgeDANE says whether the certificates met at an address are those that the
// host's TLSA records promise. It matters only where DNSSEC vouches for the
// records: no sender heeds others.
func judgeDANE(h hostSeen, s probe.Session) []finding.Finding {
	if !h.secure || len(s.Certificates) == 0 {
		return nil
	}
	usable, matches := s.Verify(h.tlsa)
	if usable == 0 || matches {
		return nil
	}
	return []finding.Finding{finding.New("P09", probe.At(h.name, s.IP),
		fmt.Sprintf("the certificate fits none of the TLSA records of %s, of which senders can use %d", h.name, usable)).As(finding.Fail).
		Because("Senders that verify DANE (Postfix with dane, Microsoft, Stalwart, mox and others) refuse this host today, in every mode of the policy: MTA-STS does not stand in for DANE that fails.").
		Mend("Publish TLSA records for the certificate in use, or put back the certificate that they name; then wait for the records' TTL before each further change.")}
}

// daneInfo says that a host has TLSA records at all, and what they are worth.
func daneInfo(h hostSeen) finding.Finding {
	what := fmt.Sprintf("%s has %s on port 25", h.name, count(len(h.tlsa), "TLSA record", "TLSA records"))
	if !h.secure {
		return finding.New("P09", h.name, what+", which DNSSEC does not vouch for").
			Because("Senders heed TLSA records only where the resolver has validated them, so DANE is not in use here; MTA-STS stands alone.").
			Mend("Sign the zone, or remove the TLSA records.")
	}
	return finding.New("P09", h.name, what+", vouched for by DNSSEC")
}

// wantsReports finds out whether reports about DANE find their way: they are
// addressed to the MX host's own name (RFC 8460 1.1). The name may not exist, so
// no resolver is asked.
func (k *look) wantsReports(h hostSeen) bool {
	zone := k.zone
	if h.name != zone.Apex && !strings.HasSuffix(h.name, "."+zone.Apex) {
		var err error
		if zone, err = k.view.Zone(h.name); err != nil {
			return true // nothing is known, nothing is said
		}
	}
	a := k.view.First(zone, tlsrpt.RecordName(h.name), "TXT")
	if !a.Answered() || a.Alias != "" {
		return true
	}
	_, raw, faults := tlsrpt.ParseRRset(a.Union())
	return raw != "" && mtasts.Usable(faults)
}

// sharedCertificate warns where an MX host's certificate is for the policy host's
// name too: then mail hangs on a name that is validated over the web.
func sharedCertificate(domain string, hosts []rollout.MXHost) []finding.Finding {
	policyHost := mtasts.PolicyHost(domain)
	var fs []finding.Finding
	for _, m := range hosts {
		for _, a := range m.Addresses {
			if len(a.Certificates) > 0 && contains(a.Certificates[0].Names, policyHost) {
				fs = append(fs, finding.New("H15", m.Host, "the certificate of "+m.Host+" names "+policyHost+" as well"))
				break
			}
		}
	}
	return fs
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// subjectOf says whom a certificate is for.
func subjectOf(c rollout.Certificate) string {
	if len(c.Names) == 0 {
		return c.Subject
	}
	const shown = 3
	if len(c.Names) > shown {
		return fmt.Sprintf("%s and %d more names", strings.Join(c.Names[:shown], ", "), len(c.Names)-shown)
	}
	return strings.Join(c.Names, ", ")
}
