package finding

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes foreign text fit for a human sentence: escape sequences of
// terminals, control characters (C0, C1, DEL) and the invisible characters that
// reorder or hide text are removed, invalid UTF-8 becomes U+FFFD, and runs of
// white space fold into one space. Text longer than max runes is cut, its last
// rune an ellipsis; a max of 0 or less means no limit. Clean(Clean(s, n), n) is
// Clean(s, n).
func Clean(s string, max int) string {
	if plain(s) && (max <= 0 || len(s) <= max) {
		return s
	}
	var b strings.Builder
	b.Grow(min(len(s), 4096))
	runes, space := 0, false
	for i := 0; i < len(s); {
		if n := escapeLen(s[i:]); n > 0 {
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if unicode.IsSpace(r) {
			space = runes > 0
			continue
		}
		if hidden(r) {
			continue
		}
		if space {
			b.WriteByte(' ')
			runes++
			space = false
		}
		b.WriteRune(r)
		runes++
		if max > 0 && runes > max {
			break
		}
	}
	out := b.String()
	if max > 0 && runes > max {
		out = cut(out, max)
	}
	return out
}

// Aligned is Clean of a line whose spaces mean something, as in what is to be copied
// or stands in columns: every space stays where it is.
func Aligned(line string) string {
	if plain(line) {
		return line
	}
	words := strings.Split(line, " ")
	for i, w := range words {
		words[i] = Clean(w, 0)
	}
	return strings.Join(words, " ")
}

// Quote is Clean between double quotes, for values named in a sentence. A quote
// or backslash inside is escaped by one backslash, as Go does; everything else
// that is visible stays as it is. max counts the runes between the quotes
// before escaping.
func Quote(s string, max int) string {
	s = Clean(s, max)
	if !strings.ContainsAny(s, `"\`) {
		return `"` + s + `"`
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// cut shortens s to max runes, the last of them an ellipsis.
func cut(s string, max int) string {
	n := 0
	for i := range s {
		if n == max-1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
		n++
	}
	return s
}

// plain reports whether s is printable ASCII with single inner spaces: the
// common case, which needs no work.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c > '~' {
			return false
		}
		if c == ' ' && (i == 0 || i == len(s)-1 || s[i+1] == ' ') {
			return false
		}
	}
	return true
}

// hidden reports whether r moves the cursor, reorders what is around it or
// shows nothing at all: controls, and the format characters but the joiner
// pair that scripts need.
func hidden(r rune) bool {
	if r == '\u200c' || r == '\u200d' {
		return false
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// escapeLen returns the length of the terminal escape sequence that s begins
// with (ECMA-48), or 0. Of a sequence that never ends only the introducer
// counts: the rest is harmless without it, and nobody can hide text behind it.
func escapeLen(s string) int {
	intro := 0
	var kind byte
	switch {
	case len(s) > 1 && s[0] == 0x1b:
		intro, kind = 2, s[1]
	case len(s) > 1 && s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f:
		intro, kind = 2, s[1]-0x40 // a C1 control is ESC and this byte
	case len(s) == 1 && s[0] == 0x1b:
		return 1
	default:
		return 0
	}
	switch kind {
	case '[': // CSI: parameters, intermediates, one final byte
		for i := intro; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x7e {
				return intro
			}
		}
		return intro
	case ']', 'P', 'X', '^', '_': // OSC, DCS, SOS, PM, APC: up to ST or BEL
		for i := intro; i < len(s); i++ {
			switch {
			case s[i] == 0x07:
				return i + 1
			case s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\':
				return i + 2
			case s[i] == 0xc2 && i+1 < len(s) && s[i+1] == 0x9c:
				return i + 2
			}
		}
		return intro
	}
	if kind < 0x20 || kind > 0x7e {
		return 1
	}
	for intro < len(s) && s[intro-1] >= 0x20 && s[intro-1] <= 0x2f {
		intro++ // intermediates, as in ESC ( B
	}
	return intro
}
