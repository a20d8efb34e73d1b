package rollout

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// mostNamed is how many addresses and reasons of one failure are named.
const mostNamed = 20

// Failure is one way in which sessions failed at one place over some days, by the
// word of all who reported it, and what belay's own looks saw of the same.
type Failure struct {
	Type tlsrpt.ResultType `json:"type"`
	MX   string            `json:"mx,omitempty"`
	// IPs are addresses of the MX host that reports name, sorted, at most 20.
	IPs       []string `json:"ips,omitempty"`
	Effect    Effect   `json:"effect"`
	Uncovered bool     `json:"uncovered,omitempty"`
	// Stranger marks what only verified reports of signers nobody knows tell of.
	Stranger bool `json:"stranger,omitempty"`

	// Sessions that failed so. One session may fail in more than one way, so that
	// failures may add up to more than what is refused.
	Sessions  int64    `json:"sessions"`
	Reporters []string `json:"reporters"`
	// Days are the UTC days, at 00:00, that the reports are about; Last is the end of
	// the newest period.
	Days []time.Time `json:"days"`
	Last time.Time   `json:"last"`
	// Said are the reporters' own reasons, cleaned, at most 20.
	Said []string `json:"said,omitempty"`

	// Regards are who tells of it, and what the gate makes of that; none where enforce
	// delivers all the same. Blocks are the keys of those that hold the gate. Both are
	// for a review Under a gate.
	Regards []Regarded `json:"regards,omitempty"`
	Blocks  []string   `json:"blocks,omitempty"`
	// Code is the finding that explains the failure.
	Code finding.Code `json:"code"`
	Own  Probe        `json:"own"`

	gateSince time.Time // since when the gate counts clean time
}

// failed are the failures in counted reports, and those of signers nobody knows,
// of the days before now that are asked about, a period counting whole where any of
// it lies within. Those that would have been refused come first, the most frequent
// before others. Dismissed failures, strays and what has no effect are among them.
func (r Rollout) failed(believer believer, now time.Time, days int) []Failure {
	since := now.Add(-time.Duration(days) * Day)
	out := r.gather(believer, since, counts)
	strange := r.gather(believer, since, isStranger)
	for i := range strange {
		strange[i].Stranger = true
	}
	told := r.failures(believer, r.adjoining(since), counts)
	left := r.undismissed(slices.Clone(told))
	blocking := r.withoutStrays(believer, slices.Clone(left))
	r.regard(out, after(told, since), after(left, since), after(blocking, since))
	told = r.failures(believer, since, isStranger)
	left = r.undismissed(slices.Clone(told))
	r.regard(strange, told, left, left)
	out = append(out, strange...)
	for i := range out {
		out[i].Own = r.Probed(out[i], now)
		out[i].Code = out[i].code()
	}
	return out
}

// gather puts the failures together that are of one type at one MX host.
func (r Rollout) gather(believer believer, since time.Time, wanted func(belief) bool) []Failure {
	var g gathering
	r.meet(believer, since, wanted, g.add)
	return g.sorted()
}

// A gathering puts failures together as they are met.
type gathering struct {
	found []Failure
	at    map[failedAt]int
	seen  map[failedOn]bool // what need not be added again
}

// failedAt is what failures are put together by.
type failedAt struct {
	typ    tlsrpt.ResultType
	mx     string
	effect Effect
}

// failedOn is one of them in one period.
type failedOn struct {
	failedAt
	begins, ends int64
}

func (g *gathering) add(m meeting) {
	if g.at == nil {
		g.at, g.seen = map[failedAt]int{}, map[failedOn]bool{}
	}
	key := failedAt{m.failure.Type, m.failure.MX, m.effect}
	i, ok := g.at[key]
	if !ok {
		i = len(g.found)
		g.at[key] = i
		g.found = append(g.found, Failure{Type: key.typ, MX: key.mx, Effect: key.effect, Uncovered: m.uncovered})
	}
	f := &g.found[i]
	f.Sessions, f.Last = plus(f.Sessions, m.failure.Count), later(f.Last, m.day.Ends)
	f.Reporters = named(f.Reporters, m.belief.reporter, len(f.Reporters)+1)
	f.IPs = named(f.IPs, m.failure.IP, mostNamed)
	if len(f.Said) < mostNamed {
		f.Said = named(f.Said, strings.TrimSpace(finding.Clean(m.failure.Reason, 200)), mostNamed)
	}
	on := failedOn{key, m.day.Begins.Unix(), m.day.Ends.Unix()}
	if g.seen[on] {
		return
	}
	g.seen[on] = true
	for _, day := range daysOf(m.day.Begins, m.day.Ends) {
		if i, found := slices.BinarySearchFunc(f.Days, day, time.Time.Compare); !found {
			f.Days = slices.Insert(f.Days, i, day)
		}
	}
}

// sorted are the failures, those that cost most first.
func (g *gathering) sorted() []Failure {
	slices.SortFunc(g.found, func(a, b Failure) int {
		return cmp.Or(a.Effect.rank()-b.Effect.rank(), cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(a.Type, b.Type), cmp.Compare(a.MX, b.MX))
	})
	return g.found
}

func (e Effect) rank() int {
	return slices.Index([]Effect{EffectRefused, EffectNoPolicy, EffectNone}, e)
}

// longestPeriod is the longest period that is taken at its word.
const longestPeriod = 40 * Day

// daysOf are the UTC days of a period. One that claims to be longer than any sender's
// is taken as its last day.
func daysOf(begins, ends time.Time) []time.Time {
	if ends.Sub(begins) > longestPeriod || !ends.After(begins) {
		return []time.Time{dayOf(ends.Add(-time.Second))}
	}
	var out []time.Time
	for day := dayOf(begins); day.Before(ends); day = day.Add(Day) {
		out = append(out, day)
	}
	return out
}

// named puts a name into a sorted list that holds at most so many.
func named(list []string, name string, most int) []string {
	i, found := slices.BinarySearch(list, name)
	if found || name == "" || len(list) >= most {
		return list
	}
	return slices.Insert(list, i, name)
}

// code is the finding that belay itself would have had where the senders met the
// failure; where there is none, what reports are read as.
func (f Failure) code() finding.Code {
	if f.Own.Verdict == ProbeSame {
		return f.Own.Code
	}
	switch {
	case f.Uncovered:
	case f.Type.DANE():
		return "V10"
	case f.Type == tlsrpt.StartTLSNotSupported:
		return "M07"
	case f.Type == tlsrpt.CertificateHostMismatch:
		return "M11"
	case f.Type == tlsrpt.CertificateExpired:
		return "M09"
	case f.Type == tlsrpt.CertificateNotTrusted:
		return "M12"
	}
	return f.blocking().Code()
}

// blocking is f as the rules of blocking failures see it.
func (f Failure) blocking() BlockingFailure {
	return BlockingFailure{Type: f.Type, MX: f.MX, Uncovered: f.Uncovered}
}
