package mtasts

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"belay/rollout/finding"

	"golang.org/x/net/publicsuffix"
)

// ValidPattern says why p cannot stand as an mx of a policy, or nil: it must be a
// host name of letters, digits and hyphens in A-label form, whose left-most label
// may be a lone "*" (RFC 8461 3.2, RFC 5321 4.1.2). An IP address is refused
// though the grammar would admit its digits: no MX host is called so.
func ValidPattern(p string) error {
	if fault := faultOf(p); fault != nil {
		return fmt.Errorf("mx pattern %s: %w", finding.Quote(p, 255), fault)
	}
	return nil
}

// fault is what is wrong with a pattern: the catalogue's code, the byte at which
// it shows, and what to write instead where that can be told.
type fault struct {
	code   finding.Code
	at     int
	reason error
	fix    string
}

func (f *fault) Error() string { return f.reason.Error() }

// faultOf returns what is wrong with p, or nil.
func faultOf(p string) *fault {
	bad := func(code finding.Code, at int, fix, format string, args ...any) *fault {
		return &fault{code, at, fmt.Errorf(format, args...), fix}
	}
	if p == "" {
		return bad("C11", 0, "", "is empty")
	}
	if i := strings.IndexFunc(p, func(r rune) bool { return r > 0x7f }); i >= 0 {
		fix := ""
		if a, err := hostProfile().ToASCII(strings.TrimPrefix(p, "*.")); err == nil {
			if strings.HasPrefix(p, "*.") {
				a = "*." + a
			}
			fix = instead(a)
		}
		return bad("C12", i, fix, "has a character outside ASCII")
	}
	if f := notName(p); f != nil {
		return f
	}
	name, wild := strings.CutPrefix(p, "*.")
	skipped := len(p) - len(name)
	if i := strings.IndexByte(name, '*'); i >= 0 {
		return bad("C09", skipped+i, "", "has a * that is not the whole left-most label")
	}
	if name == "" {
		return bad("C09", 1, "", "has no name behind the *")
	}
	if strings.HasPrefix(name, ".") {
		if wild {
			return bad("C09", skipped, "", "has an empty label behind the *")
		}
		return bad("C09", 0, instead("*"+p), "begins with a dot, as in an early draft")
	}
	if strings.HasSuffix(name, ".") {
		return bad("C11", len(p)-1, instead(strings.TrimRight(p, ".")), "ends in a dot")
	}
	if len(name) > 253 {
		return bad("C11", 0, "", "is longer than 253 characters")
	}
	at := skipped
	for label := range strings.SplitSeq(name, ".") {
		if i, reason := notLabel(label); reason != nil {
			return &fault{"C11", at + i, reason, ""}
		}
		at += len(label) + 1
	}
	if allDigits(name[strings.LastIndexByte(name, '.')+1:]) {
		return bad("C11", skipped, "Write the MX host's name.", "is an address or a number, not a host name")
	}
	return nil
}

// notName catches what people write in an mx line that is something else than a
// name: a list, a URL, a preference, a port, an address.
func notName(p string) *fault {
	bad := func(at int, fix, reason string) *fault {
		return &fault{"C11", at, errors.New(reason), fix}
	}
	if i := strings.IndexAny(p, ",;"); i >= 0 {
		return bad(i, "Give each host an mx line of its own.", "is a list")
	}
	if i := strings.Index(p, "://"); i >= 0 {
		return bad(0, "Write the host name alone.", "is a URL")
	}
	if i := strings.IndexAny(p, " \t"); i >= 0 {
		if allDigits(p[:i]) {
			return bad(0, instead(finding.Clean(p[i:], 255)), "begins with the MX preference")
		}
		return bad(i, "Give each host an mx line of its own.", "has a space in it")
	}
	if strings.HasPrefix(p, "[") {
		return bad(0, "Write the MX host's name.", "is an address")
	}
	if _, err := netip.ParseAddr(p); err == nil {
		return bad(0, "Write the MX host's name.", "is an address")
	}
	if i := strings.IndexByte(p, ':'); i >= 0 {
		return bad(i, instead(finding.Clean(p[:i], 255)), "has a port")
	}
	return nil
}

// instead is the fix that names the whole line to write.
func instead(pattern string) string {
	return "Write " + finding.Quote("mx: "+strings.TrimSpace(pattern), 260) + " instead."
}

// notLabel says why label is none (RFC 5321 4.1.2), and at which byte.
func notLabel(label string) (at int, err error) {
	if label == "" {
		return 0, errors.New("has an empty label")
	}
	if len(label) > 63 {
		return 63, errors.New("has a label longer than 63 characters")
	}
	for i := 0; i < len(label); i++ {
		if c := label[i]; !alnum(c) && c != '-' {
			return i, fmt.Errorf("has the character %s, which no host name has", finding.Quote(printable(c), 8))
		}
	}
	if label[0] == '-' {
		return 0, errors.New("has a label that begins with a hyphen")
	}
	if label[len(label)-1] == '-' {
		return len(label) - 1, errors.New("has a label that ends with a hyphen")
	}
	return 0, nil
}

// printable names one byte so that it can be seen in a sentence.
func printable(c byte) string {
	if c > ' ' && c < 0x7f {
		return string(rune(c))
	}
	return fmt.Sprintf("0x%02X", c)
}

// lintPattern returns the finding about a pattern that can match nothing.
func lintPattern(p string) (finding.Finding, bool) {
	bad := faultOf(p)
	if bad == nil {
		return finding.Finding{}, false
	}
	f := finding.New(bad.code, "mx "+p, "mx pattern "+finding.Quote(p, 255)+" "+bad.Error()).As(finding.Fail)
	if bad.fix != "" {
		f = f.Mend(bad.fix)
	}
	return f, true
}

// lintWide returns the finding about a valid pattern that covers hosts of others,
// or none of anybody's.
func lintWide(p string) (finding.Finding, bool) {
	name, wild := strings.CutPrefix(strings.ToLower(p), "*.")
	if !wild {
		if strings.Contains(name, ".") {
			return finding.Finding{}, false
		}
		return finding.New("C11", "mx "+p, "mx pattern "+finding.Quote(p, 255)+" is a single label, which no public MX host has").As(finding.Warn), true
	}
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix != name {
		return finding.Finding{}, false
	}
	return finding.New("C10", "mx "+p, "mx pattern "+finding.Quote(p, 255)+" covers every name registered under "+finding.Quote(name, 253)), true
}
