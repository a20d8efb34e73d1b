package mtasts

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"belay/rollout/finding"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Domain turns what an operator typed into a policy domain: lower case, A-labels,
// no trailing dot. It returns the Unicode form beside it for display. It refuses
// what cannot be a mail domain of one's own, each with one sentence that says what
// was seen and what to type instead.
func Domain(s string) (ascii, unicode string, err error) {
	typed := strings.TrimSpace(s)
	if err := refuse(typed); err != nil {
		return "", "", err
	}
	ascii, err = hostProfile().ToASCII(typed)
	if err != nil {
		return "", "", fmt.Errorf("%s is not a domain name: %s", finding.Quote(typed, 100), whyNotName(typed, err))
	}
	ascii = strings.TrimSuffix(ascii, ".")
	if ascii == "" || strings.HasSuffix(ascii, ".") {
		return "", "", fmt.Errorf("%s is not a domain name: %s", finding.Quote(typed, 100), emptyLabel)
	}
	if len(ascii) > maxDomain {
		return "", "", fmt.Errorf("%s is too long: %d characters, and with the name _mta-sts before it a domain may have at most %d", finding.Quote(typed, 60), len(ascii), maxDomain)
	}
	suffix, listed := publicsuffix.PublicSuffix(ascii)
	single := !strings.Contains(ascii, ".")
	switch {
	case suffix == ascii && (listed || !single):
		return "", "", fmt.Errorf("%s is a public suffix, under which others register their domains: type your own domain, such as corp.%s", finding.Quote(typed, 100), ascii)
	case single:
		return "", "", fmt.Errorf("%s is a single label: type the whole mail domain, such as %s.example", finding.Quote(typed, 100), ascii)
	case allDigits(ascii[strings.LastIndexByte(ascii, '.')+1:]):
		return "", "", fmt.Errorf("%s ends in a number, which no domain does: type the mail domain's name", finding.Quote(typed, 100))
	}
	unicode, err = idna.Display.ToUnicode(ascii)
	if err != nil {
		unicode = ascii
	}
	return ascii, unicode, nil
}

// maxDomain leaves room for the longest name belay needs below a domain,
// _acme-challenge.mta-sts, within the 253 characters of a name.
const maxDomain = 253 - len("_acme-challenge.mta-sts.")

// refuse catches what is something else than a name altogether.
func refuse(typed string) error {
	quoted := finding.Quote(typed, 100)
	switch {
	case typed == "":
		return fmt.Errorf("no domain was given: type the part of your mail addresses behind the @")
	case !utf8.ValidString(typed):
		return fmt.Errorf("%s is not a domain name: it is not UTF-8 text", quoted)
	case strings.Contains(typed, "://"):
		return fmt.Errorf("%s is a URL: type the mail domain alone, the part of your mail addresses behind the @", quoted)
	case strings.Contains(typed, "@"):
		return fmt.Errorf("%s is a mail address: type only what stands behind the @", quoted)
	case strings.HasPrefix(typed, "[") || isIP(typed):
		return fmt.Errorf("%s is an IP address: MTA-STS is for domain names, type the mail domain", quoted)
	case strings.HasPrefix(typed, "*."):
		return fmt.Errorf("%s is a wildcard: MTA-STS needs a rollout for each mail domain, type one", quoted)
	case strings.ContainsAny(typed, "/?#"):
		return fmt.Errorf("%s has a path like a URL: type the mail domain alone", quoted)
	case strings.ContainsAny(typed, " \t\r\n,;"):
		return fmt.Errorf("%s has a space or separator in it: type one mail domain", quoted)
	case strings.Contains(typed, ":"):
		return fmt.Errorf("%s has a port: type the mail domain alone", quoted)
	}
	return nil
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

const emptyLabel = "it has an empty label (two dots in a row, or one in front)"

// whyNotName says what is wrong with name, in the order an operator would look.
func whyNotName(name string, err error) string {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		switch {
		case label == "":
			return emptyLabel
		case strings.Contains(label, "_"):
			return "mail domains have no underscore"
		case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
			return "the label " + finding.Quote(label, 63) + " begins or ends with a hyphen"
		case ascii(label) && len(label) > 63:
			return "the label " + finding.Quote(label, 20) + " is longer than 63 characters"
		}
	}
	if ascii(name) && len(name) > 253 {
		return "it is longer than 253 characters"
	}
	return finding.Clean(strings.TrimPrefix(err.Error(), "idna: "), 200)
}

// hostProfile is how names are read: mapped to lower case as lookups do (UTS 46),
// letters, digits and hyphens only, lengths as DNS allows.
func hostProfile() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))
}

// ascii reports whether s has no byte above 0x7F.
func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] > 0x7f {
			return false
		}
	}
	return true
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
