package tui

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// pad fills s with spaces to w cells; a longer one stays as it is.
func pad(s string, w int) string {
	if n := w - ansi.StringWidth(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}

// cut shortens s to w cells, the last of them an ellipsis.
func cut(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if len(s) <= w { // a byte is never narrower than a cell
		return s
	}
	return ansi.Truncate(s, w, "…")
}

// fit makes s exactly w cells wide.
func fit(s string, w int) string { return pad(cut(s, w), w) }

// wrap breaks a sentence into lines of at most w cells, between words where it
// can. A word longer than a line is broken, so that nothing is ever lost.
func wrap(s string, w int) []string {
	if s == "" {
		return nil
	}
	if ansi.StringWidth(s) <= w {
		return []string{s}
	}
	return strings.Split(unglued.Replace(ansi.Wrap(glue(s), max(w, 1), "")), "\n")
}

// moment is a date, with or without its weekday, year and time of day.
var moment = regexp.MustCompile(`\b((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b( \d{4}\b)?( \d\d:\d\d( [A-Z]{3,5}\b)?)?`)

// What holds together, in the place of what a line may be broken at.
const (
	gluedSpace  = "\u00a0"
	gluedHyphen = "\u2011"
)

var unglued = strings.NewReplacer(gluedSpace, " ", gluedHyphen, "-")

// glue keeps moments whole and names with a hyphen in them.
func glue(s string) string {
	s = moment.ReplaceAllStringFunc(s, func(m string) string { return strings.ReplaceAll(m, " ", gluedSpace) })
	return strings.ReplaceAll(s, "-", gluedHyphen)
}

// Words are the words of s, between which a line may be broken: a moment, such as
// "Fri 20 Nov 2026 09:12 UTC", is one.
func Words(s string) []string {
	words := strings.FieldsFunc(glue(s), func(r rune) bool { return unicode.IsSpace(r) && string(r) != gluedSpace })
	for i := range words {
		words[i] = unglued.Replace(words[i])
	}
	return words
}

// indent wraps s to w cells, each line beginning with n spaces.
func indent(s string, n, w int) []string {
	lines := wrap(s, max(w-n, 10))
	for i := range lines {
		lines[i] = strings.Repeat(" ", n) + lines[i]
	}
	return lines
}

// both puts left and right at the two ends of a line of w cells. Where they do
// not fit beside each other the right one gives way last, since it is the newer.
func both(left, right string, w int) string {
	if right == "" {
		return cut(left, w)
	}
	right = cut(right, w)
	room := w - ansi.StringWidth(right) - 2
	if room < 8 {
		return cut(left, w)
	}
	return fit(left, room) + "  " + right
}

// columns joins cells, each fitted to its width; a width of 0 takes the cell as
// it is. Two spaces stand between.
func columns(widths []int, cells ...string) string {
	var b strings.Builder
	for i, c := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		if i < len(widths) && widths[i] > 0 {
			c = fit(c, widths[i])
		}
		b.WriteString(c)
	}
	return b.String()
}

// plural is "1 edit", "2 edits", "3 entries".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, ok := strings.CutSuffix(one, "y"); ok && !strings.HasSuffix(stem, "a") {
		one = stem + "ie"
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// count prints n with commas between thousands.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	from := 0
	if n < 0 {
		from = 1
	}
	for i := len(s) - 3; i > from; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// took prints how long something took, as short as is useful.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// span prints a length of time in the largest unit that is exact enough.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return plural(int(d.Round(time.Second)/time.Second), "second")
	case d < 2*time.Hour:
		return plural(int(d/time.Minute), "minute")
	case d < 48*time.Hour && d%(24*time.Hour) != 0:
		return plural(int(d/time.Hour), "hour")
	}
	return plural(int(d/(24*time.Hour)), "day")
}

// seconds prints a max_age or TTL as people say it.
func seconds(n uint32) string { return span(time.Duration(n) * time.Second) }

// when prints a moment with its zone, and with the year where it is not the
// present one.
func (k *kit) when(t time.Time) string {
	t = t.In(k.zone)
	if t.Year() != k.clock.Now().In(k.zone).Year() {
		return t.Format("Mon 2 Jan 2006 15:04 MST")
	}
	return t.Format("Mon 2 Jan 15:04 MST")
}

// day prints a day, with the year where it is not the present one.
func (k *kit) day(t time.Time) string {
	t = t.In(k.zone)
	if t.Year() != k.clock.Now().In(k.zone).Year() {
		return t.Format("2 Jan 2006")
	}
	return t.Format("2 Jan")
}

// stamp prints a moment to the second, for the journal.
func (k *kit) stamp(t time.Time) string { return t.In(k.zone).Format("2006-01-02 15:04:05 MST") }

// secondsOf is n seconds as a length of time.
func secondsOf(n uint32) time.Duration { return time.Duration(n) * time.Second }

// sentence makes a clause one: a capital letter before it, unless it begins with a
// name or a command, and a full stop behind it.
func sentence(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return ""
	}
	r, size := utf8.DecodeRuneInString(s)
	if word, _, _ := strings.Cut(s, " "); word != "belay" && !strings.ContainsAny(word, "._/") {
		s = string(unicode.ToUpper(r)) + s[size:]
	}
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}

// local shows a sentence with its moments as the operator's clock has them:
// package rollout writes them in UTC, as JSON wants them.
func (k *kit) local(text string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		core := strings.Trim(w, "(),.;:")
		if t, err := time.Parse(time.RFC3339, core); err == nil {
			words[i] = strings.Replace(w, core, k.when(t), 1)
		}
	}
	return strings.Join(words, " ")
}
