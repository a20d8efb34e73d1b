package dns

import (
	"fmt"
	"strconv"
	"strings"
)

// maxString is the most bytes of one character-string (RFC 1035 section 3.3.14);
// a longer TXT value is several of them, read as one.
const maxString = 255

// txtStrings cuts text into character-strings, escaped as zone files have them:
// a quote and a backslash by a backslash, what is not printable ASCII as three
// decimal digits. Empty text is one empty string.
func txtStrings(text string) []string {
	var out []string
	for {
		n := min(len(text), maxString)
		out = append(out, escapeTXT(text[:n]))
		if text = text[n:]; text == "" {
			return out
		}
	}
}

// quoteTXT is text as a zone file has it: one or more quoted strings.
func quoteTXT(text string) string {
	parts := txtStrings(text)
	for i, p := range parts {
		parts[i] = `"` + p + `"`
	}
	return strings.Join(parts, " ")
}

func escapeTXT(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unquoteTXT reads what quoteTXT prints and joins the strings. Text that does not
// begin with a quote is taken as it is: some systems keep TXT unquoted. base is
// that of numeric escapes: 10 in zone files, 8 at Route 53.
func unquoteTXT(s string, base int) string {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	var b strings.Builder
	inside := false
	for i := 0; i < len(s); {
		switch {
		case s[i] == '"':
			inside = !inside
			i++
		case !inside:
			i++ // what stands between two strings
		default:
			c, n := unescape(s[i:], base)
			b.WriteByte(c)
			i += n
		}
	}
	return b.String()
}

// unescapeTXT reads one character-string without its quotes.
func unescapeTXT(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := unescape(s[i:], 10)
		b.WriteByte(c)
		i += n
	}
	return b.String()
}

// unescape reads one byte at the start of s, which is not empty, and says how
// many bytes of s it took.
func unescape(s string, base int) (byte, int) {
	if s[0] != '\\' || len(s) == 1 {
		return s[0], 1
	}
	if len(s) >= 4 && digits(s[1:4]) {
		if n, err := strconv.ParseUint(s[1:4], base, 8); err == nil {
			return byte(n), 4
		}
	}
	return s[1], 2
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
