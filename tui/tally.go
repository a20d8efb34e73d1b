package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// A tally is what the reports say about a rollout, arranged for reading. What
// counts, what would have been refused and what blocks is decided by package
// rollout alone; a tally only asks it about each day.
type tally struct {
	days      []dayTally
	reporters []reporterTally
	failures  []failureTally
	forecast  rollout.Forecast

	leftOut   int64 // sessions in reports that do not count
	leftOutBy []string
}

// dayTally is the sessions of one UTC day.
type dayTally struct {
	day         time.Time
	ok, refused int64
}

// reporterTally is one reporter's share, and the policies that it holds.
type reporterTally struct {
	name        string
	days        int
	ok, refused int64
	known       bool
	holds       []rollout.HeldVersion
}

// failureTally is one way to fail at one MX host.
type failureTally struct {
	typ       tlsrpt.ResultType
	mx        string
	sessions  int64
	from, to  time.Time
	reporters []string
	said      []string // in the reporters' own words
	keys      []string // as dismissals name what blocks
	uncovered bool
	strangers bool // told by signers that nobody knows
	means     finding.Entry
	// seen is what belay's own newest look found of the same, if it did.
	seen *finding.Finding
}

// tallyUp arranges the reports of r about the days before now.
func tallyUp(r rollout.Rollout, now time.Time, days int) tally {
	t := tally{forecast: r.Forecast(now, days)}
	byDay := map[time.Time][]rollout.ReportDay{}
	for _, d := range r.Reports {
		if d.PolicyType == string(tlsrpt.STS) && d.Ends.After(t.forecast.Since) {
			day := d.Begins.UTC().Truncate(rollout.Day)
			byDay[day] = append(byDay[day], d)
		}
	}
	reportedOn := map[string]int{}
	for day, reports := range byDay {
		one := r
		one.Reports = reports
		f := one.Forecast(now, days)
		t.days = append(t.days, dayTally{day, f.Sessions - f.Refused, f.Refused})
		for _, who := range f.Reporters {
			reportedOn[who.Reporter]++
		}
		for _, d := range reports {
			one.Reports = []rollout.ReportDay{d}
			if len(one.Forecast(now, days).Reporters) > 0 {
				continue
			}
			t.leftOut += d.Sessions()
			if name := cmp.Or(d.Signer, d.Submitter, "nobody named"); !slices.Contains(t.leftOutBy, name) {
				t.leftOutBy = append(t.leftOutBy, name)
			}
		}
	}
	slices.Sort(t.leftOutBy)
	t.days = fillDays(t.days)
	held := r.Versions(now)
	for _, who := range t.forecast.Reporters {
		x := reporterTally{name: who.Reporter, days: reportedOn[who.Reporter], ok: who.Sessions - who.Refused, refused: who.Refused, known: who.Known}
		for _, h := range held {
			if h.Reporter == who.Reporter {
				x.holds = append(x.holds, h)
			}
		}
		t.reporters = append(t.reporters, x)
	}
	slices.SortStableFunc(t.reporters, func(a, b reporterTally) int { return cmp.Compare(b.ok+b.refused, a.ok+a.refused) })
	t.failures = failuresOf(r, t.forecast)
	return t
}

// failuresOf are the forecast's causes with what blocks among them, and then
// what signers tell that nobody knows.
func failuresOf(r rollout.Rollout, f rollout.Forecast) []failureTally {
	var out []failureTally
	for _, c := range f.Causes {
		out = append(out, failureTally{typ: c.Type, mx: c.MX, sessions: c.Sessions, to: c.Last, reporters: c.Reporters})
	}
	mine := len(out)
	place := func(b rollout.BlockingFailure, strangers bool) *failureTally {
		for i := range out {
			if out[i].typ == b.Type && out[i].mx == b.MX && strangers == (i >= mine) {
				return &out[i]
			}
		}
		out = append(out, failureTally{typ: b.Type, mx: b.MX, strangers: strangers})
		return &out[len(out)-1]
	}
	for _, b := range r.Blocking() {
		if x := place(b, false); b.Ends.After(f.Since) {
			x.block(b)
		}
	}
	for _, b := range r.StrangersFailures() {
		x := place(b, true)
		x.block(b)
		x.sessions += b.Sessions
		if !slices.Contains(x.reporters, b.Reporter) {
			x.reporters = append(x.reporters, b.Reporter)
		}
	}
	out = slices.DeleteFunc(out, func(x failureTally) bool { return x.sessions == 0 })
	for i := range out {
		x := &out[i]
		code := meaning(*x)
		if f, ok := (rollout.BlockingFailure{Type: x.typ, MX: x.mx}).SeenNow(lastLook(r)); ok && x.probed() {
			x.seen, code = &f, f.Code
		}
		x.means, _ = finding.Lookup(code)
	}
	return byCause(out)
}

// lastLook is the newest look at r's domain, an empty one where there was none.
func lastLook(r rollout.Rollout) rollout.Evidence {
	if r.Evidence == nil {
		return rollout.Evidence{Domain: r.Domain}
	}
	return *r.Evidence
}

// byCause puts failures of one cause behind one another, and keeps their order else.
func byCause(fs []failureTally) []failureTally {
	var out []failureTally
	for _, x := range fs {
		at := len(out)
		for i, y := range out {
			if y.cause() == x.cause() {
				at = i + 1
			}
		}
		out = slices.Insert(out, at, x)
	}
	return out
}

// meaning is the finding that belay itself would have had where the sender had
// the failure; where there is none, what reports are read as.
func meaning(x failureTally) finding.Code {
	switch {
	case x.uncovered:
	case x.typ.DANE():
		return "V10"
	case x.typ == tlsrpt.StartTLSNotSupported:
		return "M07"
	case x.typ == tlsrpt.CertificateHostMismatch:
		return "M11"
	case x.typ == tlsrpt.CertificateExpired:
		return "M09"
	case x.typ == tlsrpt.CertificateNotTrusted:
		return "M12"
	}
	return rollout.BlockingFailure{Type: x.typ, MX: x.mx, Uncovered: x.uncovered}.Code()
}

// block adds what blocks to a failure.
func (x *failureTally) block(b rollout.BlockingFailure) {
	if x.from.IsZero() || b.Begins.Before(x.from) {
		x.from = b.Begins
	}
	if b.Ends.After(x.to) {
		x.to = b.Ends
	}
	x.uncovered = x.uncovered || b.Uncovered
	if !slices.Contains(x.keys, b.Key) {
		x.keys = append(x.keys, b.Key)
		slices.Sort(x.keys)
	}
	if said := strings.TrimSpace(b.Said); said != "" && len(x.said) < 3 && !slices.Contains(x.said, said) {
		x.said = append(x.said, said)
	}
}

// blocks reports whether the failure holds a gate.
func (x failureTally) blocks() bool { return len(x.keys) > 0 }

// cause says what the failure means and how it is mended. A certificate that is not
// trusted may be so in more than one way: where belay does not see which, the most
// frequent one is told as no more than that.
func (x failureTally) cause() string {
	said := strings.TrimSpace(x.means.Title + ". " + x.means.Detail + " " + x.means.Fix)
	if x.typ == tlsrpt.CertificateNotTrusted && x.seen == nil {
		return "most often: " + said
	}
	return said
}

// probed reports whether belay's own look would meet the failure too.
func (x failureTally) probed() bool {
	return !x.uncovered && !x.typ.DANE() && x.typ != rollout.Unexplained
}

// now says whether belay sees the same.
func (x failureTally) now() string {
	switch {
	case !x.probed():
		return ""
	case x.seen == nil:
		return "Not seen by belay now. "
	}
	return "belay sees the same now: " + string(x.seen.Code) + " " + finding.Clean(x.seen.Subject, 100) + ", " + finding.Clean(x.seen.Title, 200) + ". "
}

// fillDays puts days in order, with those between that nobody reported about.
func fillDays(days []dayTally) []dayTally {
	slices.SortFunc(days, func(a, b dayTally) int { return a.day.Compare(b.day) })
	var out []dayTally
	for _, d := range days {
		for len(out) > 0 && len(out) < 400 {
			next := out[len(out)-1].day.AddDate(0, 0, 1)
			if !next.Before(d.day) {
				break
			}
			out = append(out, dayTally{day: next})
		}
		out = append(out, d)
	}
	return out
}
