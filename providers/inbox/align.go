package inbox

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// orgDomain is the organisational domain of name: one label below the public
// suffix (two labels where the suffix is unknown, as in .test). It is empty where
// name is no domain name or is itself a public suffix.
func orgDomain(name string) string {
	name = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), ".")
	if name == "" || !strings.Contains(name, ".") || strings.ContainsFunc(name, notHostRune) {
		return ""
	}
	org, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return ""
	}
	return org
}

func notHostRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
}

// mailDomain is what stands behind the last @ of a mail address such as
// contact-info or From, or the whole of a text without one.
func mailDomain(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		address = address[i+1:]
	}
	return strings.Trim(address, " \t<>")
}

// A claim is who a mail and the report in it say they are from, as
// organisational domains.
type claim struct {
	// submitter is TLS-Report-Submitter, else the domain of contact-info, else
	// that of From.
	submitter string
	// from is the domain of From; empty for a bare file.
	from string
}

func claimOf(header envelope, contact string) claim {
	c := claim{from: orgDomain(header.from)}
	for _, name := range []string{header.submitter, mailDomain(contact), header.from} {
		if name == header.from { // as nearly always
			c.submitter = c.from
		} else {
			c.submitter = orgDomain(name)
		}
		if c.submitter != "" {
			break
		}
	}
	return c
}

// aligns reports whether a signature by d speaks for the claim: d and the
// submitter are of one organisation, and so is From, which every DKIM signature
// covers. RFC 8460 section 3 leaves open which d= counts; this is the reading of
// one organisation for all three.
func (c claim) aligns(d string) bool {
	org := orgDomain(d)
	return org != "" && org == c.submitter && org == c.from
}

// writtenBy is the best guess at who wrote a report that nothing signs: what the
// mail claims, else the sender in the file's name (RFC 8460 section 5.1), else an
// organisation name that is a domain.
func writtenBy(c claim, file, organisation string) string {
	if c.submitter != "" {
		return c.submitter
	}
	if sender, _, ok := strings.Cut(file, "!"); ok {
		if org := orgDomain(sender); org != "" {
			return org
		}
	}
	return orgDomain(organisation)
}
