package inbox

import "strings"

// Most fields are written plainly. Those are read here, for the grammars of package
// mail and mime cost more than all else that is done with a small mail's header; what
// is not plain is theirs.

// plainFrom is the domain of the address in a From field that needs no grammar to be
// read: words and an address in angle brackets, or an address alone, of letters,
// digits and what stands for itself. Whatever else there may be is not ok.
func plainFrom(value string) (domain string, ok bool) {
	if words, rest, angled := strings.Cut(value, "<"); angled {
		if value, ok = strings.CutSuffix(rest, ">"); !ok || !each(words, func(c byte) bool { return c == ' ' || isWord(c) }) {
			return "", false
		}
	}
	local, domain, ok := strings.Cut(value, "@")
	if !ok || !dotted(local) || !dotted(domain) {
		return "", false
	}
	return domain, true
}

// plainMediaType is a media type or disposition with parameters that are words, or
// quoted without escapes, each named once.
func plainMediaType(value string) (kind string, params map[string]string, ok bool) {
	kind, rest, _ := strings.Cut(value, ";")
	if kind = strings.ToLower(strings.TrimSpace(kind)); kind == "" || !each(kind, func(c byte) bool { return c == '/' || c == '.' || isWord(c) }) ||
		strings.Count(kind, "/") > 1 || kind[0] == '/' || kind[len(kind)-1] == '/' {
		return "", nil, false
	}
	params = make(map[string]string, 2)
	for rest != "" {
		name, after, found := strings.Cut(strings.TrimLeft(rest, " "), "=")
		if !found || name == "" || !each(name, isWord) {
			return "", nil, false
		}
		var text string
		if quoted, is := strings.CutPrefix(after, `"`); is {
			if text, after, found = strings.Cut(quoted, `"`); !found || !each(text, isQuotable) {
				return "", nil, false
			}
		} else {
			n := strings.IndexByte(after, ';')
			if n < 0 {
				n = len(after)
			}
			if text, after = after[:n], after[n:]; text == "" || !each(text, func(c byte) bool { return c == '.' || isWord(c) }) {
				return "", nil, false
			}
		}
		name = strings.ToLower(name)
		if _, twice := params[name]; twice || after != "" && (after[0] != ';' || after == ";") {
			return "", nil, false
		}
		params[name], rest = text, strings.TrimPrefix(after, ";")
	}
	return kind, params, true
}

// isQuotable reports whether c stands for itself in quotation marks.
func isQuotable(c byte) bool { return ' ' <= c && c < 0x7f && c != '\\' && c != '"' }

// dotted reports whether s is words with one dot between them.
func dotted(s string) bool {
	return s != "" && s[0] != '.' && s[len(s)-1] != '.' && !strings.Contains(s, "..") &&
		each(s, func(c byte) bool { return c == '.' || isWord(c) })
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '+'
}

func each(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}
