package inbox

import "strings"

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
