package main

import "strings"

// roff writes a page in the man macros (groff_man(7)), of which it needs few. Text
// never becomes a request: what troff would read as one is shielded.
type roff struct{ strings.Builder }

// request is a macro with its arguments.
func (r *roff) request(name string, args ...string) {
	r.WriteString("." + name)
	for _, a := range args {
		r.WriteString(` "` + strings.ReplaceAll(escaped(a), `"`, `\(dq`) + `"`)
	}
	r.WriteByte('\n')
}

func (r *roff) section(title string)    { r.request("SH", title) }
func (r *roff) subsection(title string) { r.request("SS", title) }

// item is a term in bold, and what there is to say of it.
func (r *roff) item(term, text string) {
	r.request("TP")
	r.request("B", term)
	r.line(text)
}

// text is a paragraph of one line.
func (r *roff) text(s string) {
	r.request("PP")
	r.line(s)
}

// prose is text as help shows it: paragraphs between empty lines, in which what is
// indented stays line by line as it is.
func (r *roff) prose(s string) {
	for paragraph := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		r.request("PP")
		kept := false
		for line := range strings.SplitSeq(paragraph, "\n") {
			if indented := strings.HasPrefix(line, "  "); indented != kept {
				r.request(map[bool]string{true: "nf", false: "fi"}[indented])
				kept = indented
			}
			r.line(line)
		}
		if kept {
			r.request("fi")
		}
	}
}

// line is text on a line of its own.
func (r *roff) line(s string) {
	s = escaped(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	r.WriteString(s + "\n")
}

// escaped is text as troff prints it back: a hyphen that can be copied, a backslash
// that is one.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`, "\n", " ").Replace(s)
}
