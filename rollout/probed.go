package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
)

// ProbeVerdict says what belay's own looks showed of a failure that senders report.
type ProbeVerdict string

// The verdicts, from what is certain to what is not known.
const (
	ProbeSame      ProbeVerdict = "same"       // the newest look sees it
	ProbeMended    ProbeVerdict = "mended"     // a look of those days saw it, one on the last of them or later no longer
	ProbeTold      ProbeVerdict = "told"       // the operator wrote that it was mended, on the last of those days or later
	ProbeAgain     ProbeVerdict = "again"      // a mend was seen or told, and senders met it on a later day again
	ProbeUnseen    ProbeVerdict = "unseen"     // belay could not see the place from here
	ProbeNotSeen   ProbeVerdict = "not-seen"   // belay looked on each of those days and saw none
	ProbeNotLooked ProbeVerdict = "not-looked" // belay did not look on each of those days
	ProbeNone      ProbeVerdict = "none"       // there is nothing that a look could meet
)

// Probe is what belay's own looks showed of the very thing that senders report.
type Probe struct {
	Verdict ProbeVerdict `json:"verdict"`
	// Code, Subject and Title are belay's own finding, for same, for mended and for
	// again where belay saw the mend; Title is that of the newest look alone.
	Code    finding.Code `json:"code,omitempty"`
	Subject string       `json:"subject,omitempty"`
	Title   string       `json:"title,omitempty"`
	// Looked is when the newest look was made.
	Looked time.Time `json:"looked,omitzero"`
	// Until is when belay saw it last, and Gone when a look no longer did, or the time
	// that the operator named; for mended, told and again.
	Until time.Time `json:"until,omitzero"`
	Gone  time.Time `json:"gone,omitzero"`
}

// Probed holds a failure against what belay's own looks have shown: the newest one,
// and those of the days that the failure is about. It is pure over the evidence and
// the history of r.
func (r Rollout) Probed(f Failure, now time.Time) Probe {
	b := f.blocking()
	if !b.probed() {
		return Probe{Verdict: ProbeNone}
	}
	p := Probe{Verdict: ProbeNotLooked}
	if r.Evidence != nil {
		p.Looked = r.Evidence.At
		if own, ok := b.SeenNow(*r.Evidence); ok {
			p.Verdict, p.Code, p.Subject, p.Title = ProbeSame, own.Code, own.Subject, own.Title
			return p
		}
	}
	var seen *Run
	unseen := false
	for i := range r.History.Runs {
		run := &r.History.Runs[i]
		if !f.meets(*run, now) {
			continue
		}
		switch {
		case run.Unknown:
			host, _ := splitSubject(run.Subject)
			unseen = unseen || f.MX == "" || strings.EqualFold(host, f.MX)
		case run.explains(b) && !run.Gone.IsZero() && (seen == nil || run.Gone.After(seen.Gone)):
			seen = run
		}
	}
	told := r.toldMended(f)
	switch {
	case seen != nil && f.overBy(seen.Gone):
		p.Verdict, p.Code, p.Subject, p.Until, p.Gone = ProbeMended, finding.Code(seen.Code), seen.Subject, seen.Until, seen.Gone
		return p
	case !told.IsZero() && f.overBy(told):
		p.Verdict, p.Gone = ProbeTold, told
		return p
	case seen != nil:
		p.Verdict, p.Code, p.Subject, p.Until, p.Gone = ProbeAgain, finding.Code(seen.Code), seen.Subject, seen.Until, seen.Gone
		return p
	case !told.IsZero():
		p.Verdict, p.Gone = ProbeAgain, told
		return p
	}
	switch {
	case unseen:
		p.Verdict = ProbeUnseen
	case !slices.ContainsFunc(f.Days, func(day time.Time) bool { return !slices.ContainsFunc(r.History.Days, day.Equal) }):
		p.Verdict = ProbeNotSeen
	}
	return p
}

// meets reports whether run stood on a day that the failure is about, or belay met it
// first on the day after, where it looks once a day. One that ended before tells
// nothing of the failure.
func (f Failure) meets(run Run, now time.Time) bool {
	gone := run.Gone
	if gone.IsZero() {
		gone = now
	}
	return slices.ContainsFunc(f.Days, func(day time.Time) bool { return run.From.Before(day.Add(2*Day)) && gone.After(day) })
}

// overBy reports whether senders met the failure on no day after the one of at. Of the
// very day of a mend a report cannot say what was before it and what after.
func (f Failure) overBy(at time.Time) bool {
	return len(f.Days) > 0 && !at.Before(f.Days[len(f.Days)-1])
}

// toldMended is the last moment that the operator named as that of a mend, from the
// first day of the failure on; zero where there is none.
func (r Rollout) toldMended(f Failure) (at time.Time) {
	for _, m := range r.Mends {
		if len(f.Days) > 0 && !m.Mended.Before(f.Days[0]) {
			at = later(at, m.Mended)
		}
	}
	return at
}

// probed reports whether a look of belay's could meet the failure too.
func (b BlockingFailure) probed() bool {
	return !b.Uncovered && !b.Type.DANE() && b.Type != Unexplained
}

// OwnWords say what belay sees of f, as the end of a sentence about it; empty where a
// look could see nothing of the kind. Moments in it are RFC 3339, UTC.
func (f Failure) OwnWords(now time.Time) string {
	p := f.Own
	switch p.Verdict {
	case ProbeSame:
		if now.Sub(p.Looked) >= FreshFor {
			return fmt.Sprintf("belay saw the same when it looked last, at %s", stamp(p.Looked))
		}
		return "belay sees the same now"
	case ProbeMended:
		return fmt.Sprintf("belay saw the same until %s; mended since", stamp(p.Until))
	case ProbeTold:
		return fmt.Sprintf("marked mended as of %s", stamp(p.Gone))
	case ProbeAgain:
		if p.Code == "" {
			return fmt.Sprintf("marked mended as of %s; failed again since", stamp(p.Gone))
		}
		return fmt.Sprintf("belay saw the same until %s; failed again since", stamp(p.Until))
	case ProbeUnseen:
		return "belay could not see it from here"
	case ProbeNotSeen:
		return "not reproducible: " + f.scope() + "last on " + onDay(f.Last.Add(-time.Second), now)
	case ProbeNotLooked:
		if p.Looked.IsZero() {
			return "belay has not looked yet"
		}
		return "belay did not look on each of these days, and does not see it now"
	}
	return ""
}

// scope is at how many addresses of the host the failure was met, where that is
// known.
func (f Failure) scope() string {
	switch n := len(f.IPs); n {
	case 0:
		return ""
	case 1:
		return "one address, "
	default:
		return fmt.Sprintf("%d addresses, ", n)
	}
}
