package tlsrpt

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"belay/rollout/finding"
)

// ValidURI says why s cannot stand in a rua list, or nil: it must be a URI (RFC
// 3986) of the scheme mailto with one or more addresses, or https with a host, and
// have "!", "," and ";" percent-encoded (RFC 8460 3).
func ValidURI(s string) error {
	_, reason := badURI(s)
	if reason == "" {
		reason = unusable(s)
	}
	if reason != "" {
		return fmt.Errorf("report address %s: %w", finding.Quote(s, 200), errors.New(reason))
	}
	return nil
}

// encodeURI percent-encodes what may not stand bare in a rua list.
func encodeURI(s string) string {
	return strings.NewReplacer("!", "%21", ",", "%2C", ";", "%3B").Replace(s)
}

// scheme returns the scheme of a URI in lower case, empty if there is none.
func scheme(s string) string {
	name, _, ok := strings.Cut(s, ":")
	if !ok {
		return ""
	}
	return strings.ToLower(name)
}

// badURI says why s is no URI as a rua list may hold it, and at which byte; the
// reason is empty if it is one.
func badURI(s string) (at int, reason string) {
	name, _, ok := strings.Cut(s, ":")
	if !ok {
		if strings.Contains(s, "@") {
			return 0, "has no scheme: write mailto:" + finding.Clean(s, 100)
		}
		return 0, "has no scheme such as mailto:"
	}
	for i := 0; i < len(name); i++ {
		c := name[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(name[i]))) {
			return i, "begins with no scheme such as mailto:"
		}
	}
	if name == "" {
		return 0, "begins with no scheme such as mailto:"
	}
	for i := len(name) + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '!' || c == ',' || c == ';':
			return i, fmt.Sprintf("has a bare %q: write %s", c, encodeURI(string(rune(c))))
		case c == '%':
			if i+2 >= len(s) || !hex(s[i+1]) || !hex(s[i+2]) {
				return i, "has a % without two hexadecimal digits behind it"
			}
		case c <= ' ' || c > 0x7e || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return i, fmt.Sprintf("has the byte 0x%02X, which no URI has", c)
		case c == '[' || c == ']':
			if !strings.HasPrefix(s[len(name)+1:], "//") || i > authorityEnd(s) {
				return i, fmt.Sprintf("has a bare %q outside an IPv6 address", c)
			}
		}
	}
	if strings.Count(s, "#") > 1 {
		return strings.LastIndexByte(s, '#'), "has a second #"
	}
	return 0, ""
}

// authorityEnd returns where the authority of the URI s, which has one, ends.
func authorityEnd(s string) int {
	start := strings.Index(s, "//") + 2
	if i := strings.IndexAny(s[start:], "/?#"); i >= 0 {
		return start + i
	}
	return len(s)
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// unusable says why no sender can report to s, which is a URI; empty if one can.
func unusable(s string) string {
	switch scheme(s) {
	case "mailto":
		for _, address := range mailboxes(s) {
			local, domain, ok := cutLast(address, "@")
			if !ok || local == "" || !hostname(domain) {
				return "names no mailbox"
			}
		}
		return ""
	case "https":
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" {
			return "names no host"
		}
		return ""
	}
	return "has a scheme other than mailto and https"
}

// mailboxes returns the addresses of a mailto URI (RFC 6068), at least one, which
// may be empty.
func mailboxes(s string) []string {
	_, rest, _ := strings.Cut(s, ":")
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "#")
	var addresses []string
	for part := range strings.SplitSeq(strings.ReplaceAll(rest, "%2c", "%2C"), "%2C") {
		if decoded, err := url.PathUnescape(part); err == nil {
			part = decoded
		}
		addresses = append(addresses, part)
	}
	return addresses
}

// several reports whether the URI names more than one mailbox.
func several(uri string) bool { return scheme(uri) == "mailto" && len(mailboxes(uri)) > 1 }

// cutLast is strings.Cut at the last sep.
func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// hostname reports whether s looks like the domain of a mailbox.
func hostname(s string) bool {
	return s != "" && !strings.ContainsAny(s, " @/?#<>\"\\") && !strings.HasPrefix(s, ".") && !strings.Contains(s, "..")
}
