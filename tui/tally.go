package tui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// A tally is what the reports say about a rollout, counted up for reading. It
// holds what counts, signed and aligned or from a trusted source, under sts; how
// many sessions were left out is said beside it. Gates do not read it.
type tally struct {
	days      []dayTally
	reporters []reporterTally
	failures  []failureTally
	versions  []versionTally

	ok, refused int64 // over all days
	lastFailure time.Time
	leftOut     int64 // sessions in reports that do not count
	leftOutBy   []string
}

// dayTally is the sessions of one UTC day.
type dayTally struct {
	day         time.Time
	ok, refused int64
}

// reporterTally is one reporter's share.
type reporterTally struct {
	name        string
	days        int
	ok, refused int64
	known       bool
}

// failureTally is one way to fail at one MX host.
type failureTally struct {
	typ       tlsrpt.ResultType
	mx        string
	count     int64
	from, to  time.Time
	reporters []string
	reasons   []string
	dismissed bool
}

// versionTally is the policy that a reporter held last.
type versionTally struct {
	reporter string
	id       string // of the ledger, or empty where it equals none
	day      time.Time
	current  bool
}

// keys are how a dismissal names the failure, one for each reporter.
func (f failureTally) keys() []string {
	var out []string
	for _, r := range f.reporters {
		out = append(out, r+"/"+string(f.typ)+"/"+f.mx)
	}
	return out
}

// counts reports whether a summary's sessions count: its signature holds, or an
// operator trusts where it came from.
func counts(r rollout.Rollout, d rollout.ReportDay) bool {
	if d.Standing == rollout.Verified {
		return true
	}
	return slices.ContainsFunc(r.Trusts, func(t rollout.Trust) bool {
		return t.Source == d.Source || t.Source == d.Submitter
	})
}

// reporterOf is who a summary is from.
func reporterOf(d rollout.ReportDay) string { return cmp.Or(d.Signer, d.Submitter, "nobody named") }

// tallyUp counts up the summaries of r whose period begins after since.
func tallyUp(r rollout.Rollout, since time.Time) tally {
	var t tally
	days := map[time.Time]*dayTally{}
	reporters := map[string]*reporterTally{}
	seenOn := map[string]map[time.Time]bool{}
	failures := map[string]*failureTally{}
	versions := map[string]*versionTally{}
	for _, d := range r.Reports {
		if d.PolicyType != string(tlsrpt.STS) || !d.Ends.After(since) {
			continue
		}
		name := reporterOf(d)
		if !counts(r, d) {
			t.leftOut += d.Success + d.Failure
			if !slices.Contains(t.leftOutBy, name) {
				t.leftOutBy = append(t.leftOutBy, name)
			}
			continue
		}
		day := d.Begins.UTC().Truncate(24 * time.Hour)
		on := entry(days, day, func() *dayTally { return &dayTally{day: day} })
		who := entry(reporters, name, func() *reporterTally { return &reporterTally{name: name, known: knows(r, name)} })
		on.ok, on.refused = on.ok+d.Success, on.refused+d.Failure
		who.ok, who.refused = who.ok+d.Success, who.refused+d.Failure
		t.ok, t.refused = t.ok+d.Success, t.refused+d.Failure
		if seenOn[name] == nil {
			seenOn[name] = map[time.Time]bool{}
		}
		seenOn[name][day] = true
		if d.Failure > 0 && day.After(t.lastFailure) {
			t.lastFailure = day
		}
		t.addFailures(failures, r, d, name, day)
		addVersion(versions, r, d, name, day)
	}
	t.days = fillDays(days)
	for name, who := range reporters {
		who.days = len(seenOn[name])
		t.reporters = append(t.reporters, *who)
	}
	slices.SortFunc(t.reporters, func(a, b reporterTally) int {
		return cmp.Or(cmp.Compare(b.ok+b.refused, a.ok+a.refused), cmp.Compare(a.name, b.name))
	})
	for _, f := range failures {
		t.failures = append(t.failures, *f)
	}
	slices.SortFunc(t.failures, func(a, b failureTally) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.mx, b.mx), cmp.Compare(a.typ, b.typ))
	})
	for _, v := range versions {
		t.versions = append(t.versions, *v)
	}
	slices.SortFunc(t.versions, func(a, b versionTally) int { return cmp.Compare(a.reporter, b.reporter) })
	return t
}

// entry returns what m has at key, made by first where it has nothing.
func entry[K comparable, V any](m map[K]*V, key K, first func() *V) *V {
	if m[key] == nil {
		m[key] = first()
	}
	return m[key]
}

// knows reports whether a reporter is on the list of known senders, or was
// marked known.
func knows(r rollout.Rollout, name string) bool {
	return r.Settings.Knows(name) || slices.ContainsFunc(r.Trusts, func(t rollout.Trust) bool { return t.Source == name })
}

func (t *tally) addFailures(all map[string]*failureTally, r rollout.Rollout, d rollout.ReportDay, reporter string, day time.Time) {
	details := d.Failures
	if d.Unexplained > 0 {
		details = append(slices.Clone(details), rollout.FailureCount{Type: "without details", Count: d.Unexplained})
	}
	for _, f := range details {
		x := entry(all, string(f.Type)+"/"+f.MX, func() *failureTally {
			return &failureTally{typ: f.Type, mx: f.MX, from: day, to: day}
		})
		x.count += f.Count
		if day.Before(x.from) {
			x.from = day
		}
		if day.After(x.to) {
			x.to = day
		}
		if !slices.Contains(x.reporters, reporter) {
			x.reporters = append(x.reporters, reporter)
			slices.Sort(x.reporters)
		}
		if f.Reason != "" && len(x.reasons) < 3 && !slices.Contains(x.reasons, f.Reason) {
			x.reasons = append(x.reasons, f.Reason)
		}
		x.dismissed = !slices.ContainsFunc(x.keys(), func(key string) bool {
			return !slices.ContainsFunc(r.Dismissals, func(d rollout.Dismissal) bool { return d.Key == key })
		})
	}
}

// addVersion notes the policy that a reporter held on its newest day.
func addVersion(all map[string]*versionTally, r rollout.Rollout, d rollout.ReportDay, reporter string, day time.Time) {
	if d.PolicyText == "" {
		return
	}
	v := entry(all, reporter, func() *versionTally { return &versionTally{reporter: reporter} })
	if !day.After(v.day) && !v.day.IsZero() {
		return
	}
	v.day, v.id, v.current = day, "", false
	held, faults := mtasts.ParsePolicy([]byte(strings.ReplaceAll(d.PolicyText, "\n", "\r\n")))
	if !mtasts.Usable(faults) {
		return
	}
	_, now, _ := r.Live()
	for _, e := range slices.Backward(r.Ledger) {
		body, faults := mtasts.ParsePolicy([]byte(e.Body))
		if mtasts.Usable(faults) && body.Equal(held) && len(e.IDs) > 0 {
			v.id = e.IDs[len(e.IDs)-1]
			v.current = v.id == now
			return
		}
	}
}

// fillDays puts the days in order, with those that nobody reported about.
func fillDays(days map[time.Time]*dayTally) []dayTally {
	var first, last time.Time
	for day := range days {
		if first.IsZero() || day.Before(first) {
			first = day
		}
		if day.After(last) {
			last = day
		}
	}
	var out []dayTally
	for day := first; len(days) > 0 && !day.After(last) && len(out) < 400; day = day.AddDate(0, 0, 1) {
		if d := days[day]; d != nil {
			out = append(out, *d)
		} else {
			out = append(out, dayTally{day: day})
		}
	}
	return out
}
