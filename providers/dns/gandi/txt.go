package gandi

import (
	"fmt"
	"strconv"
	"strings"
)

// longest is the most bytes of one character-string (RFC 1035 section 3.3.14).
const longest = 255

// quote is text in the form of zone files: quoted strings of at most 255 bytes,
// with a backslash before quotes and backslashes, and what is not printable ASCII
// as three decimal digits.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(text); i++ {
		if i > 0 && i%longest == 0 {
			b.WriteString(`" "`)
		}
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unquote is the text of one or more quoted strings, joined. What does not begin
// with a quote is taken as it is.
func unquote(value string) string {
	if !strings.HasPrefix(value, `"`) {
		return value
	}
	var b strings.Builder
	inside := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			inside = !inside
		case !inside: // what stands between two strings
		case c == '\\' && i+1 < len(value):
			i++
			if i+2 < len(value) {
				if n, err := strconv.ParseUint(value[i:i+3], 10, 8); err == nil {
					b.WriteByte(byte(n))
					i += 2
					continue
				}
			}
			b.WriteByte(value[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
