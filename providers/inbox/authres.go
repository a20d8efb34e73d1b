package inbox

import (
	"strings"
)

// An authResult is one method's result in an Authentication-Results field.
type authResult struct {
	method, result string            // in lower case
	properties     map[string]string // such as header.d, names in lower case
}

// parseAuthResults reads the value of an Authentication-Results field (RFC 8601
// section 2.2): the id of the server that wrote it, and its results. ok is false
// where the value does not keep to the grammar, or says a thing twice: then nothing
// of it is to be believed.
func parseAuthResults(value string) (id string, results []authResult, ok bool) {
	p := authParser{rest: value}
	if id, ok = p.value(); !ok || id == "" {
		return "", nil, false
	}
	p.space()
	for version := strings.TrimLeft(p.rest, "0123456789"); version != p.rest; version = p.rest {
		p.rest = version // a version of the grammar; there is only 1
	}
	for {
		p.space()
		if !p.failed && p.rest == "" {
			return id, results, true
		}
		if p.failed || !p.take(';') {
			return "", nil, false
		}
		p.space()
		if p.rest == "" {
			continue // behind the last semicolon
		}
		r, ok := p.result()
		if !ok {
			return "", nil, false
		}
		if r.method != "" {
			results = append(results, r)
		}
	}
}

// authParser reads the tokens of such a value.
type authParser struct {
	rest   string
	failed bool
}

// result reads a method, its result and what is said about it, up to the next
// semicolon. The word "none", which stands for no result at all, has no method.
func (p *authParser) result() (r authResult, ok bool) {
	r.method = strings.ToLower(p.word("/=;"))
	p.space()
	if p.take('/') {
		p.space()
		p.word("=;")
		p.space()
	}
	if r.method == "none" && (p.rest == "" || p.rest[0] == ';') {
		return authResult{}, !p.failed
	}
	if r.method == "" || !p.take('=') {
		return r, false
	}
	value, ok := p.value()
	if !ok || value == "" {
		return r, false
	}
	r.result = strings.ToLower(value)
	r.properties = make(map[string]string)
	for {
		p.space()
		if p.failed || p.rest == "" || p.rest[0] == ';' {
			return r, !p.failed
		}
		name := p.name()
		_, twice := r.properties[name]
		if name == "" || twice || !p.take('=') {
			return r, false
		}
		if r.properties[name], ok = p.value(); !ok {
			return r, false
		}
	}
}

// name reads "reason", or a property such as header.d, in which there may be space
// and comments around the dot.
func (p *authParser) name() string {
	name := p.word(".=;")
	p.space()
	for p.take('.') {
		p.space()
		name += "." + p.word(".=;")
		p.space()
	}
	return strings.ToLower(name)
}

// value reads a word that is not empty, or a quoted string, with the space and
// comments before it.
func (p *authParser) value() (string, bool) {
	p.space()
	if p.take('"') {
		return p.quoted()
	}
	w := p.word(";")
	return w, w != "" && !p.failed
}

// quoted reads the rest of a quoted string.
func (p *authParser) quoted() (string, bool) {
	var b strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	p.failed = true
	return "", false
}

// word reads up to white space, a comment, a quotation mark or a character of ends.
func (p *authParser) word(ends string) string {
	i := strings.IndexAny(p.rest, " \t\r\n()\""+ends)
	if i < 0 {
		i = len(p.rest)
	}
	w := p.rest[:i]
	p.rest = p.rest[i:]
	return w
}

func (p *authParser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// space skips white space and comments, which stand in brackets and in one another.
func (p *authParser) space() {
	depth := 0
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++
		case depth > 0 || c == ' ' || c == '\t' || c == '\r' || c == '\n':
		default:
			p.rest = p.rest[i:]
			return
		}
	}
	p.rest, p.failed = "", p.failed || depth > 0
}
