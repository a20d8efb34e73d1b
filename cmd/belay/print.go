package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/tui"

	"github.com/mattn/go-runewidth"
)

// printJSON prints v on one line of standard output.
func (p *program) printJSON(v any) error { return encodeJSON(p.out, v) }

// encodeJSON writes v on one line. Package json leaves as they are DEL and the C1
// controls, which terminals obey, and the format characters, which reorder or hide what
// is around them: here they are escaped too.
func encodeJSON(to io.Writer, v any) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := to.Write(visible(line.Bytes()))
	return err
}

// visible is the JSON text with what no terminal may see escaped in its strings, where
// alone it can stand.
func visible(text []byte) []byte {
	unseen := func(r rune) bool { return r >= 0x7f && (r <= 0x9f || unicode.Is(unicode.Cf, r)) }
	at := bytes.IndexFunc(text, unseen)
	if at < 0 {
		return text
	}
	out := append(make([]byte, 0, len(text)+len(text)/4), text[:at]...)
	for at < len(text) {
		r, size := utf8.DecodeRune(text[at:])
		switch {
		case !unseen(r):
			out = append(out, text[at:at+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = appendEscape(appendEscape(out, high), low)
		default:
			out = appendEscape(out, r)
		}
		at += size
	}
	return out
}

// appendEscape appends a UTF-16 code unit as JSON escapes it.
func appendEscape(to []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(to, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}

// say prints a line for people; foreign text in args must be clean.
func (p *program) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// clean is foreign text fit for one line.
func clean(s string) string { return finding.Clean(s, 0) }

// local is a time for people: in the machine's zone, which is named.
func local(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("Mon 2 Jan 2006 15:04 MST")
}

// columns prints rows so that their cells stand under each other, by the width
// they have on a terminal. The last cell of a row may be of any length.
func (p *program) columns(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:max(len(row)-1, 0)] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell)+2))
			}
		}
		p.say("%s", strings.TrimRight(b.String(), " "))
	}
}

// mark is a severity as it stands at the beginning of a line.
func mark(s finding.Severity) string {
	switch s {
	case finding.Fail:
		return "FAIL"
	case finding.Pass:
		return "ok"
	}
	return string(s)
}

// textWidth is how wide running text is printed.
const textWidth = 78

// printFinding prints a finding as STYLE has it: what was seen, then what it
// means and how it is mended.
func (p *program) printFinding(f finding.Finding) {
	severity := mark(f.Severity)
	if f.Unknown {
		severity = "?"
	}
	p.say("%-4s  %-3s  %s  %s", severity, f.Code, clean(f.Subject), clean(f.Title))
	if f.Severity == finding.Pass || f.Severity == finding.Info {
		return
	}
	about := strings.TrimSpace(f.Detail + " " + f.Fix)
	if f.Ref != "" {
		about += " (" + f.Ref + ")"
	}
	for _, line := range wrap(clean(about), textWidth-11) {
		p.say("           %s", line)
	}
}

// wrap breaks text between words, never within a moment, so that no line is wider than width, but for a
// word that is.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range tui.Words(text) {
		switch {
		case line == "":
			line = word
		case runewidth.StringWidth(line)+1+runewidth.StringWidth(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// mostPrinted is how many reasons, or keys of one failure, are printed one by one.
const mostPrinted = 20

// printGate prints whether a gate is open, or the reasons why not.
func (p *program) printGate(g rollout.Gate) {
	if g.Open {
		p.say("gate: open")
	} else {
		p.say("gate: closed%s", untilOf(g.Until))
	}
	reasons := rollout.Grouped(g.Reasons)
	for _, r := range reasons[:min(len(reasons), mostPrinted)] {
		p.paragraph(reason(r), "  ", "    ")
	}
	if more := len(reasons) - mostPrinted; more > 0 {
		p.say("  and %s; --json lists them", many(more, "further reason"))
	}
	if g.Forecast != "" {
		p.paragraph(inZone(g.Forecast), "  ", "  ")
	}
	if len(g.Counted) > 0 {
		p.say("  counted: %s", clean(strings.Join(g.Counted, ", ")))
	}
}

// reason is a reason of a gate as a sentence, what it is about before it and what
// would remove it behind.
func reason(r rollout.Reason) string {
	text := r.Text
	switch r.Code {
	case rollout.ReasonSoak, rollout.ReasonReporters: // about the rollout as a whole
	default:
		host, _, _ := strings.Cut(r.Subject, " ")
		if host != "" && !strings.Contains(r.Text, host) {
			text = r.Subject + ": " + r.Text
		}
	}
	text = inZone(text) + untilOf(r.Until)
	if r.Overridden {
		return "overridden: " + text
	}
	if r.Fix != "" {
		text = strings.TrimSuffix(text, ".") + ". " + sentence(inZone(r.Fix))
	}
	return "- " + text
}

// inZone is a sentence with its moments in the machine's zone: package rollout
// writes them in UTC, as JSON wants them.
func inZone(text string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		core := strings.Trim(w, "(),.;:")
		if t, err := time.Parse(time.RFC3339, core); err == nil {
			words[i] = strings.Replace(w, core, local(t), 1)
		}
	}
	return strings.Join(words, " ")
}

// sentence begins a clause with a capital letter, unless it begins with a command
// or a name.
func sentence(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if s == "" || word == "belay" || strings.ContainsAny(word, "._/") {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// many is "1 edit" or "2 edits".
func many[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// printSince prints what changed since the look that was stored before; nothing
// where nothing did.
func (p *program) printSince(since *rollout.Since) {
	if since == nil || len(since.Changes) == 0 {
		return
	}
	p.say("since %s:", local(since.At))
	for _, c := range since.Changes {
		p.paragraph(inZone(c.Text), fmt.Sprintf("  %-4s  ", markOfChange(c)), "        ")
	}
}

// markOfChange is the severity of a change, of which "pass" is what got better.
func markOfChange(c rollout.Change) string {
	if c.Severity == finding.Unknown {
		return "?"
	}
	return mark(c.Severity)
}

func (p *program) paragraph(text, first, rest string) {
	lead := first
	for _, line := range wrap(clean(text), textWidth-len(rest)) {
		p.say("%s%s", lead, line)
		lead = rest
	}
}

func untilOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", until " + local(t)
}

// block prints text of several lines, indented, each line clean.
func (p *program) block(text, indent string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		p.say("%s%s", indent, finding.Aligned(line))
	}
}

// seconds is a number of seconds in words: "86400 (1 day)".
func seconds(n uint32) string {
	const day = 86400
	switch {
	case n == 0 || n%day != 0:
		return fmt.Sprint(n)
	case n == day:
		return fmt.Sprintf("%d (1 day)", n)
	}
	return fmt.Sprintf("%d (%d days)", n, n/day)
}
