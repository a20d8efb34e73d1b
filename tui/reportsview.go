package tui

import (
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// How many reporters and failures the screen shows; the export has all.
const (
	mostReporters = 40
	mostFailures  = 60
)

func (s *reports) render() {
	if s.width == 0 {
		return
	}
	s.pane.size(s.width, s.height)
	w := s.pane.reading()
	var lines []string
	switch {
	case s.err != nil:
		lines = indent(s.styles.fail.Render("FAIL  "+plain(s.err)), 0, w)
	case !s.loaded:
		lines = []string{"Reading the reports ..."}
	}
	if !s.loaded {
		s.pane.fill(lines, nil)
		return
	}
	lines = append(lines, s.gateLine())
	if len(s.review.Days) == 0 {
		lines = append(lines, "")
		lines = append(lines, indent("No report yet. Senders report a day once it is over; i imports what has come.", 0, w)...)
		lines = append(lines, "")
	} else {
		lines = append(lines, s.legend(w)...)
		high := chartHeight
		if s.height < 14 {
			high = chartLow
		}
		lines = append(lines, chart(s.styles, s.review.Days, w, high)...)
		lines = append(lines, indent(s.styles.strong.Render(s.review.Forecast.Words(s.clock.Now())), 0, w)...)
	}
	lines, marks := s.failureLines(lines, w)
	lines = append(lines, s.shareLines(w)...)
	lines = append(lines, s.reporterLines(w)...)
	lines = append(lines, s.findingLines(w)...)
	lines = append(lines, s.reasonLines(w)...)
	s.pane.fill(lines, marks)
}

// gateLine says in a line what the gate waits for.
func (s *reports) gateLine() string {
	closed := s.gate.Closed()
	switch {
	case s.gate.Open:
		return s.styles.ok.Render("Gate: open.") + " esc, then a goes on."
	case !s.gate.Until.IsZero():
		return s.styles.warn.Render("Gate: closed until "+s.when(s.gate.Until)) + ", if it stays clean"
	}
	return s.styles.warn.Render("Gate: closed, "+plural(len(rollout.Grouped(closed)), "reason")) + ", at the end of this page"
}

// fewBlocking is how many blocking failures are told one by one among the reasons:
// each stands above with the others of its kind.
const fewBlocking = 3

// reasonLines are what holds the gate shut, in full.
func (s *reports) reasonLines(w int) []string {
	closed := rollout.Grouped(s.gate.Closed())
	if len(closed) == 0 {
		return nil
	}
	blocking := 0
	var until time.Time
	for _, r := range closed {
		if r.Code == rollout.ReasonBlocking {
			blocking++
			if r.Until.After(until) {
				until = r.Until
			}
		}
	}
	out := []string{"", s.styles.muted.Render("Gate")}
	told := 0
	for _, r := range closed {
		if r.Code != rollout.ReasonBlocking || blocking <= fewBlocking {
			if told++; told > mostReasons {
				continue
			}
			out = append(out, indent("- "+s.local(finding.Clean(sentence(about(r))+" "+sentence(keysOfReports(r.Fix)), 500)), 2, w)...)
		}
	}
	if more := told - mostReasons; more > 0 {
		out = append(out, "  and "+plural(more, "further reason"))
	}
	if blocking > fewBlocking {
		out = append(out, indent(fmt.Sprintf("- The failures above hold it: %d, by reporter, type and host, until %s. Mend what they name, then f marks it mended; D sets aside what is none of yours.",
			blocking, s.when(until)), 2, w)...)
	}
	return out
}

// legend says what a bar of the chart is, of which days, and what it is made of, with
// the sums of these days.
func (s *reports) legend(w int) []string {
	days := drawn(s.review.Days, w)
	var all rollout.DaySessions
	for _, d := range days {
		all.OK, all.Refused, all.NoPolicy = all.OK+d.OK, all.Refused+d.Refused, all.NoPolicy+d.NoPolicy
		all.OtherOK += d.OtherOK + d.OtherFailed
		all.Verified += d.Verified
	}
	refused := "!! refused if enforced"
	if s.enforced() {
		refused = "!! refused"
	}
	said := []string{
		fmt.Sprintf("Each bar: the sessions of a UTC day, %s.", stretchOf(days[0].Day, days[len(days)-1].Day, s.clock.Now())),
		s.styles.ok.Render("## ok") + " " + count(all.OK), s.styles.fail.Render(refused) + " " + count(all.Refused),
	}
	if all.NoPolicy > 0 {
		said = append(said, s.styles.warn.Render("?? without policy")+" "+count(all.NoPolicy))
	}
	if byTrust := all.ByTrust(); byTrust > 0 {
		said = append(said, "of which unsigned and trusted "+count(byTrust))
	}
	if all.OtherOK > 0 {
		said = append(said, s.styles.muted.Render(":: not counted")+" "+count(all.OtherOK))
	}
	return besideOneAnother(said, w)
}

// failureLines are the ways to fail, the most frequent first, each with what belay
// itself sees of it, what it means and how it is mended.
func (s *reports) failureLines(lines []string, w int) (all []string, marks []int) {
	now := s.clock.Now()
	s.items = byCause(s.review.Failures[:min(len(s.review.Failures), mostFailures)])
	if len(s.items) > 0 {
		lines = append(lines, "")
	}
	for i, f := range s.items {
		marks = append(marks, len(lines))
		mx := f.MX
		if mx == "" {
			mx = "no MX named"
		}
		style := s.styles.fail
		switch f.Effect {
		case rollout.EffectNoPolicy:
			style = s.styles.warn
		case rollout.EffectNone:
			style = s.styles.muted
		}
		head := columns([]int{7, min(28, w/3), 0}, count(f.Sessions), finding.Clean(mx, 100), style.Render(finding.Clean(string(f.Type), 60)))
		lines = append(lines, both(head, s.styles.muted.Render(s.stretch(f)), w))
		said := f.Words(now)
		if own := f.OwnWords(now); own != "" {
			said += "; " + own
		}
		if p := f.Own; p.Verdict == rollout.ProbeSame {
			said += fmt.Sprintf(": %s %s, %s", p.Code, finding.Clean(p.Subject, 100), finding.Clean(p.Title, 200))
		}
		lines = append(lines, indent(strings.TrimSpace(s.local(sentence(said))+" "+s.onGate(f)), 4, w)...)
		if i+1 == len(s.items) || cause(s.items[i+1]) != cause(f) {
			lines = append(lines, indent(cause(f), 4, w)...)
		}
	}
	if more := len(s.review.Failures) - len(s.items); more > 0 {
		lines = append(lines, "    and "+plural(more, "further failure")+"; x writes all down")
	}
	return lines, marks
}

// byCause puts failures of one cause behind one another, and keeps their order else.
func byCause(fs []rollout.Failure) []rollout.Failure {
	var out []rollout.Failure
	done := make([]bool, len(fs))
	for i, f := range fs {
		for j := i; j < len(fs) && !done[i]; j++ {
			if !done[j] && j != i && cause(fs[j]) == cause(f) {
				out = append(out, fs[j])
				done[j] = true
			} else if j == i {
				out = append(out, f)
			}
		}
		done[i] = true
	}
	return out
}

// stretch is the days on which a failure was met, which are UTC days.
func (s *reports) stretch(f rollout.Failure) string {
	if len(f.Days) == 0 {
		return ""
	}
	return stretchOf(f.Days[0], f.Days[len(f.Days)-1], s.clock.Now())
}

// stretchOf is "12 Nov" or "12 Nov to 20 Nov", of UTC days, with a year that is not
// the present one.
func stretchOf(from, to, now time.Time) string {
	day := func(t time.Time) string {
		if t.UTC().Year() != now.UTC().Year() {
			return t.UTC().Format("2 Jan 2006")
		}
		return t.UTC().Format("2 Jan")
	}
	if from.Equal(to) {
		return day(from)
	}
	return day(from) + " to " + day(to)
}

// enforced reports whether what would be refused is refused indeed.
func (s *reports) enforced() bool { return s.rollout.Mode() == mtasts.Enforce }

// onGate says whether a failure holds the gate, why it does not, and what can be done.
func (s *reports) onGate(f rollout.Failure) string {
	var said []string
	switch {
	case f.Stranger && len(f.Blocks) > 0:
		said = append(said, "Nobody knows this signer; t trusts it, D dismisses it.")
	case f.Stranger:
		said = append(said, "Nobody knows this signer.")
	case f.Uncovered && len(f.Blocks) > 0:
		said = append(said, "If it is not yours, D says so.")
	}
	for _, why := range f.Unheld(s.clock.Now()) {
		said = append(said, sentence(s.local(why)))
	}
	return strings.Join(said, " ")
}

// sessions is "1 session" or "1,200 sessions".
func sessions(n int64) string {
	if n == 1 {
		return "1 session"
	}
	return count(n) + " sessions"
}

// effectOf says what enforcing would make of the sessions, or does.
func (s *reports) effectOf(f rollout.Failure) string {
	switch f.Effect {
	case rollout.EffectNoPolicy:
		return "delivered under enforce too: without the policy, or by one that the sender still held"
	case rollout.EffectNone:
		return "delivered under enforce too: the policy in force does not ask for what failed"
	}
	if s.enforced() {
		return "refused"
	}
	return "would be refused if enforced"
}

// cause says what the failure means and how it is mended. A certificate that is not
// trusted may be so in more than one way: where belay does not see which, the most
// frequent one is told as no more than that.
func cause(f rollout.Failure) string {
	means, _ := finding.Lookup(f.Code)
	said := strings.TrimSpace(means.Title + ". " + means.Detail + " " + means.Fix)
	if f.Type == tlsrpt.CertificateNotTrusted && !f.Uncovered && f.Own.Verdict != rollout.ProbeSame {
		said = "most often: " + said
	}
	return sentence(said)
}

// shareLines are the failed sessions by MX host and by type, where there is more than
// one failure to sum up.
func (s *reports) shareLines(w int) []string {
	if len(s.review.Failures) == 0 {
		return nil
	}
	if len(s.review.ByMX) < 2 && len(s.review.ByType) < 2 {
		return []string{""}
	}
	list := func(of []rollout.Share) string {
		var said []string
		for _, x := range of[:min(len(of), 8)] {
			name := finding.Clean(x.Name, 100)
			if name == "" {
				name = "none named"
			}
			said = append(said, name+" "+count(x.Sessions))
		}
		if more := len(of) - 8; more > 0 {
			said = append(said, plural(more, "other"))
		}
		return strings.Join(said, ", ")
	}
	out := indent("Failed by MX host: "+list(s.review.ByMX), 0, w)
	return append(append(out, indent("Failed by type: "+list(s.review.ByType), 0, w)...), "")
}
