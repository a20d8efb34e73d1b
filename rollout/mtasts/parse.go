package mtasts

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"belay/rollout/finding"
)

// Usable reports whether fs holds no Fail: the text they are about may be
// published, and senders will use it.
func Usable(fs []finding.Finding) bool { return finding.Worst(fs) != finding.Fail }

// policySubject is what findings about a policy's text are about. Callers that
// know the URL set it instead.
const policySubject = "policy"

// ParsePolicy reads a policy body (RFC 8461 3.2). Every departure from the grammar
// is a finding with its line and column, both from 1, columns in bytes; what could
// be read is returned even if the policy as a whole is unusable. Of a field that
// may stand once only the first counts. Of a body larger than MaxBody no more than
// MaxBody bytes are read.
func ParsePolicy(body []byte) (Policy, []finding.Finding) {
	p := &policyParser{values: map[string]string{}}
	if len(body) > MaxBody {
		p.find("H12", 1, 1, fmt.Sprintf("policy body is %d bytes long, more than the %d that senders read", len(body), MaxBody))
		body = body[:MaxBody]
	}
	if foreign := otherFormat(body); foreign != "" {
		p.find("C03", 1, 1, "policy body is "+foreign+", not lines of name: value")
		return p.policy, p.findings
	}
	if rest, ok := bytes.CutPrefix(body, []byte("\ufeff")); ok {
		p.find("C01", 1, 1, "policy begins with a byte order mark")
		body, p.skipped = rest, len("\ufeff")
	}
	p.lines(body)
	p.finish()
	return p.policy, p.findings
}

// LintPolicy is ParsePolicy in the form of belay lint.
func LintPolicy(body []byte) finding.Lint {
	policy, fs := ParsePolicy(body)
	policy.MX = append([]string{}, policy.MX...)
	policy.Extensions = append([]Pair{}, policy.Extensions...)
	return finding.NewLint("policy", policy, fs)
}

// otherFormat names the format of a body that is no policy at all.
func otherFormat(body []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return "JSON, as in drafts before RFC 8461"
	case bytes.HasPrefix(text, []byte("<")):
		return "an HTML or XML page"
	case bytes.HasPrefix(body, []byte("\xff\xfe")), bytes.HasPrefix(body, []byte("\xfe\xff")):
		return "UTF-16 text"
	case bytes.HasPrefix(body, []byte("\x1f\x8b")):
		return "compressed by gzip"
	}
	return ""
}

type policyParser struct {
	policy   Policy
	findings []finding.Finding
	values   map[string]string // first value of each field that may stand once
	lookLike []string          // names that differ from a known one by case or a hyphen
	skipped  int               // bytes before the first line, for its columns
}

func (p *policyParser) find(code finding.Code, line, column int, title string) *finding.Finding {
	p.findings = append(p.findings, finding.New(code, policySubject, title).At(line, column))
	return &p.findings[len(p.findings)-1]
}

func (p *policyParser) warn(code finding.Code, line, column int, title string) *finding.Finding {
	f := p.find(code, line, column, title)
	f.Severity = finding.Warn
	return f
}

func (p *policyParser) fail(code finding.Code, line, column int, title string) *finding.Finding {
	f := p.find(code, line, column, title)
	f.Severity = finding.Fail
	return f
}

// lines walks the body line by line. LF and CRLF end a line; a lone CR is a fault
// that is read as the line end its author meant.
func (p *policyParser) lines(body []byte) {
	var lf, crlf, cr int
	line := 1
	for len(body) > 0 {
		end := bytes.IndexAny(body, "\r\n")
		text, rest := body, []byte(nil)
		if end >= 0 {
			text, rest = body[:end], body[end+1:]
			switch {
			case body[end] == '\n':
				lf++
			case len(rest) > 0 && rest[0] == '\n':
				crlf++
				rest = rest[1:]
			default:
				cr++
				if cr == 1 {
					p.find("C01", line, end+1+p.skipped, "line ends in a carriage return without a line feed")
				}
			}
		}
		p.line(string(text), line, 1+p.skipped)
		p.skipped = 0
		body = rest
		line++
	}
	if lf > 0 && crlf > 0 {
		p.find("C14", 1, 1, fmt.Sprintf("%d lines end in LF and %d in CRLF", lf, crlf))
	}
}

// line reads one line; its first byte stands in the given column.
func (p *policyParser) line(text string, line, column int) {
	if strings.Trim(text, wsp) == "" {
		p.find("C02", line, column, fmt.Sprintf("line %d is blank", line))
		return
	}
	indent := len(text) - len(strings.TrimLeft(text, wsp))
	if indent > 0 {
		p.find("C16", line, column, fmt.Sprintf("line %d begins with white space", line))
	}
	name, value, ok := strings.Cut(text[indent:], ":")
	if !ok {
		p.noColon(text[indent:], line, column+indent)
		return
	}
	valueAt := column + indent + len(name) + 1
	if bare := strings.TrimRight(name, wsp); len(bare) < len(name) {
		p.find("C16", line, column+indent+len(bare), fmt.Sprintf("line %d has white space before the colon", line))
		name = bare
	}
	valueAt += len(value) - len(strings.TrimLeft(value, wsp))
	value = strings.Trim(value, wsp)
	p.control(value, line, valueAt)
	switch name {
	case "version", "mode", "max_age":
		p.once(name, value, line, column+indent, valueAt)
	case "mx":
		p.mx(value, line, valueAt)
	default:
		p.extension(name, value, line, column+indent, valueAt)
	}
}

// noColon says what a line without a colon was probably meant to be.
func (p *policyParser) noColon(text string, line, column int) {
	title := fmt.Sprintf("line %d is not name: value: %s", line, finding.Quote(text, 80))
	switch {
	case strings.HasPrefix(text, "#"):
		p.fail("C15", line, column, title).Fix = "Remove the comment: a policy has no comments."
	case strings.HasPrefix(text, "mx") && strings.Contains(text, "="):
		p.fail("C11", line, column, title)
	default:
		f := p.fail("C15", line, column, title)
		f.Detail = "Every line must be a name, a colon and a value; senders refuse the whole policy otherwise."
		f.Fix = "Write it as name: value, or remove the line."
	}
}

// control reports bytes that no field may hold: controls, and what is not UTF-8.
func (p *policyParser) control(value string, line, at int) {
	for i, r := range value {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(value[i:], "\ufffd"):
			p.find("C01", line, at+i, fmt.Sprintf("byte 0x%02X is not UTF-8", value[i]))
			return
		case r < ' ' || r == 0x7f:
			p.find("C01", line, at+i, fmt.Sprintf("character %U stands in a value", r))
			return
		}
	}
}

// extension reads a field that senders ignore.
func (p *policyParser) extension(name, value string, line, nameAt, valueAt int) {
	if strings.HasPrefix(name, "#") {
		p.fail("C15", line, nameAt, fmt.Sprintf("line %d is a comment, which a policy cannot have", line))
		return
	}
	if i, reason := badName(name); reason != "" {
		p.fail("C15", line, nameAt+i, fmt.Sprintf("line %d %s: %s", line, reason, finding.Quote(name, 40)))
		return
	}
	if known := strings.ToLower(strings.ReplaceAll(name, "-", "_")); known == "version" || known == "mode" || known == "max_age" || known == "mx" {
		p.lookLike = append(p.lookLike, name)
		p.warn("C15", line, nameAt, fmt.Sprintf("senders ignore %s: the field is called %s, in lower case", finding.Quote(name, 40), known)).
			Fix = "Write " + known + ":."
	}
	quoted := finding.Quote(name, 40)
	switch i := strings.IndexFunc(value, func(r rune) bool { return r > 0x7e }); {
	case value == "":
		p.fail("C15", line, valueAt, "unknown field "+quoted+" has no value").Fix = "Remove the line."
	case i >= 0 && utf8.ValidString(value):
		f := p.warn("C01", line, valueAt+i, "unknown field "+quoted+" has characters outside ASCII")
		f.Detail = "The grammar admits UTF-8 here, but some senders read the policy as ASCII and then drop it."
	case strings.Contains(value, ":"):
		p.warn("C15", line, valueAt+strings.IndexByte(value, ':'), "unknown field "+quoted+" has a colon in its value")
	}
	p.policy.Extensions = append(p.policy.Extensions, Pair{name, value})
}
