package rollout

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"belay/rollout/tlsrpt"
)

// strayShare is the part of a reporter's sessions that strays may be: one in a
// thousand.
const strayShare = 1000

// strayType reports whether a failure of this type may be a stray: one that now
// and then comes of the sender's own network.
func strayType(t tlsrpt.ResultType) bool {
	return t == tlsrpt.ValidationFailure || t == tlsrpt.STSPolicyFetchError
}

// tally is what failures that may be strays are counted by: a reporter's period.
type tally struct {
	reporter     string
	begins, ends time.Time
}

// withoutStrays drops strays: of one reporter in one period at most --stray
// failures of a type that may be one, and at most one in a thousand of its sts
// sessions, when belay's own look was clean on each day of the period, and the
// reporter met none in the period before or after. An MX host that the policy
// does not cover is no stray, nor is what was added up.
func (r Rollout) withoutStrays(believer believer, fs []BlockingFailure) []BlockingFailure {
	if r.Settings.Stray <= 0 {
		return fs
	}
	met, sessions := map[tally]int64{}, map[tally]int64{}
	for _, f := range fs {
		if mayStray(f) || f.Folded && strayType(f.Type) { // beside which others are no strays
			at := tally{f.Reporter, f.Begins, f.Ends}
			met[at] = plus(met[at], f.Sessions)
		}
	}
	if len(met) == 0 {
		return fs
	}
	type period struct{ begins, ends time.Time }
	periods := map[period]bool{}
	for at := range met {
		periods[period{at.begins, at.ends}] = true
	}
	for i := range r.Reports {
		d := &r.Reports[i]
		if !periods[period{d.Begins, d.Ends}] || !d.sts() {
			continue
		}
		if b := believer.of(i); b.counted {
			at := tally{b.reporter, d.Begins, d.Ends}
			sessions[at] = plus(sessions[at], d.Sessions())
		}
	}
	running := runningOn(met)
	strays := map[tally]bool{}
	for at, n := range met {
		strays[at] = n <= int64(r.Settings.Stray) && n <= sessions[at]/strayShare && !running[at] && r.cleanOver(at.begins, at.ends)
	}
	return slices.DeleteFunc(fs, func(f BlockingFailure) bool {
		return mayStray(f) && strays[tally{f.Reporter, f.Begins, f.Ends}]
	})
}

// runningOn are those of the tallies that another one of the same reporter adjoins or
// overlaps. Ends are rounded up to a 00:00Z and begins are not, so that the periods of
// a sender whose day is another than UTC's overlap where they only meet.
func runningOn(met map[tally]int64) map[tally]bool {
	order := slices.SortedFunc(maps.Keys(met), func(a, b tally) int {
		return cmp.Or(cmp.Compare(a.reporter, b.reporter), a.begins.Compare(b.begins))
	})
	running := map[tally]bool{}
	var reach tally // of those before, the one that ends last
	for _, at := range order {
		switch {
		case reach.reporter != at.reporter:
			reach = at
			continue
		case !at.begins.After(reach.ends):
			running[at], running[reach] = true, true
		}
		if at.ends.After(reach.ends) {
			reach = at
		}
	}
	return running
}

func mayStray(f BlockingFailure) bool { return strayType(f.Type) && !f.Uncovered && !f.Folded }

// cleanOver reports whether belay looked on each UTC day from begins to ends and
// no failure, nor an unknown that nobody waived, stood on any of them.
func (r Rollout) cleanOver(begins, ends time.Time) bool {
	if ends.Sub(begins) > mostDays*Day {
		return false
	}
	for day := dayOf(begins); day.Before(ends); day = day.Add(Day) {
		if !slices.ContainsFunc(r.History.Days, day.Equal) {
			return false
		}
	}
	return !slices.ContainsFunc(r.History.Runs, func(run Run) bool {
		over := run.From.Before(ends) && (run.Gone.IsZero() || run.Gone.After(dayOf(begins)))
		return over && !(run.Unknown && r.waived(run))
	})
}

// waived reports whether an operator took an unknown upon himself in writing.
func (r Rollout) waived(run Run) bool {
	return slices.ContainsFunc(r.Overrides, func(o Override) bool {
		return slices.Contains(o.Reasons, ReasonKey{Code: run.Code, Subject: run.Subject, Unknown: run.Unknown})
	})
}
