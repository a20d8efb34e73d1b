package dnscale

import (
	"strconv"
	"strings"
)

// unquote is the text of a TXT record as the API tells it. DNScale keeps text
// without quotes, whatever its length; a record that was put in with them, as zone
// files have it, may come back so. Only text that is quoted strings from end to
// end is read as such: a quote in a text is a quote.
func unquote(content string) string {
	if text, ok := quoted(content); ok {
		return text
	}
	return content
}

// quoted reads one or more quoted strings with spaces between them, and joins
// them.
func quoted(content string) (string, bool) {
	var b strings.Builder
	rest, ok := strings.CutPrefix(content, `"`)
	for ok {
		var n int
		n, ok = text(&b, rest)
		if !ok {
			return "", false
		}
		if rest = strings.TrimLeft(rest[n:], " \t"); rest == "" {
			return b.String(), true
		}
		rest, ok = strings.CutPrefix(rest, `"`)
	}
	return "", false
}

// text reads one string up to and with the quote that ends it, and says how many
// bytes of s that was.
func text(b *strings.Builder, s string) (int, bool) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1, true
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		default:
			i++
			if i+2 < len(s) {
				if n, err := strconv.ParseUint(s[i:i+3], 10, 8); err == nil {
					b.WriteByte(byte(n))
					i += 2
					continue
				}
			}
			b.WriteByte(s[i])
		}
	}
	return 0, false
}
