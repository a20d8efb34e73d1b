package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// mostTalk bounds how many exchanges of one look are kept.
const mostTalk = 5000

// A talk is everything that was asked during a look and what was answered, in the
// order of the asking.
type talk struct{ exchanges []exchange }

// exchange is one question to one subject, and its answer once there is one.
type exchange struct {
	subject, asked, said string
	answered             bool
	took                 time.Duration
	severity             finding.Severity
}

// take adds an event of a look. An answer belongs to the first open question to its
// subject that it repeats, else to the first one open.
func (t *talk) take(ev rollout.Event) {
	subject, text := finding.Clean(ev.Subject, 200), finding.Clean(ev.Text, 500)
	switch ev.Kind {
	case rollout.Asking:
		if len(t.exchanges) < mostTalk {
			t.exchanges = append(t.exchanges, exchange{subject: subject, asked: text})
		}
	case rollout.Answered:
		open := func(e exchange) bool { return e.subject == subject && !e.answered }
		i := slices.IndexFunc(t.exchanges, func(e exchange) bool { return open(e) && strings.HasPrefix(text, e.asked+": ") })
		if i < 0 {
			i = slices.IndexFunc(t.exchanges, open)
		}
		if i >= 0 {
			e := &t.exchanges[i]
			e.answered, e.said, e.took, e.severity = true, strings.TrimPrefix(text, e.asked+": "), ev.Took, ev.Severity
		}
	}
}

// about are the exchanges that a row of the findings rests on: those with the very
// address it is about, and the questions about its name to whomever they went. What
// failed stands first, then what was said with the host itself: that is what a row
// which is not well is opened for.
func (t *talk) about(r row) []exchange {
	var out []exchange
	for _, e := range t.exchanges {
		if e.with(r) || e.asksFor(r) {
			out = append(out, e)
		}
	}
	if urgency(r.severity) > urgency(finding.Pass) {
		slices.SortStableFunc(out, func(a, b exchange) int {
			return cmp.Or(cmp.Compare(urgency(b.severity), urgency(a.severity)), cmp.Compare(rank(b.with(r)), rank(a.with(r))))
		})
	}
	return out
}

// with reports whether the question went to the host that r is about, at the address
// that it names, if it names one.
func (e exchange) with(r row) bool {
	host, rest, hasIP := strings.Cut(e.subject, " [")
	if e.subject == r.who {
		return true
	}
	if !hasIP || host != r.who {
		return false
	}
	ip := strings.TrimSuffix(rest, "]")
	return slices.ContainsFunc(strings.Fields(r.said), func(word string) bool {
		word = strings.TrimSuffix(word, "…") // a long address is shown cut
		return strings.ContainsAny(word, ".:") && strings.HasPrefix(ip, word)
	})
}

// asksFor reports whether DNS was asked for the name that r is about, for the type
// of record that r names first, if it names one.
func (e exchange) asksFor(r row) bool {
	typ, ok := strings.CutPrefix(e.asked, r.who+" ")
	if !ok {
		return false
	}
	first, _, _ := strings.Cut(r.said, " ")
	return first != strings.ToUpper(first) || strings.ContainsAny(first, "0123456789") || typ == first
}

// spoken are exchanges for reading.
func spoken(exchanges []exchange) []string {
	var out []string
	for _, e := range exchanges {
		out = append(out, "asked     "+e.subject+": "+e.asked)
		if !e.answered {
			out = append(out, "          no answer yet")
			continue
		}
		out = append(out, "answered  "+e.said+"  ("+took(e.took)+")")
	}
	return out
}

// checkDetails is a row of the check in full: what was asked, what was answered, what
// it means and how it is mended.
func checkDetails(r row, t *talk) []string {
	out := spoken(t.about(r))
	if len(out) > 0 {
		out = append(out, "")
	}
	return append(out, rowDetails(r)...)
}

// mends are how the findings of a row are mended, each once.
func mends(r row) []string {
	var out []string
	for _, f := range r.findings {
		if fix := finding.Clean(f.Fix, 1500); fix != "" && !slices.Contains(out, fix) {
			out = append(out, fix)
		}
	}
	return out
}
