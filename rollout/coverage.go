package rollout

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Coverage is what one reporter reported in one standing, how regularly it reports,
// how late, and whether it stopped. A reporter that comes to sign its mail, or no
// longer does, has two of them; how regular it is, is judged over both where they
// count.
type Coverage struct {
	// Reporter is the signer's organisational domain, or the submitter's of what no
	// signature vouches for.
	Reporter string   `json:"reporter"`
	Standing Standing `json:"standing"`
	// Known reporters are those that gate 4 counts; Counted ones move the gates.
	Known   bool `json:"known"`
	Counted bool `json:"counted"`

	// Success and Failure are its sts sessions of the days asked about; Refused and
	// NoPolicy as in Forecast.
	Success  int64 `json:"success"`
	Failure  int64 `json:"failure"`
	Refused  int64 `json:"refused"`
	NoPolicy int64 `json:"no_policy"`

	// Days is on how many UTC days it reported about, of the Of days from its first
	// one, or from the first day asked about, to the newest that anybody reported.
	Days int `json:"days"`
	Of   int `json:"of"`
	// First and Last are the begin of the first and the end of the newest period that
	// is known; they may lie before the days asked about.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Late is the mean time from the end of a period to the arrival of its report, in
	// seconds, over the Timed reports whose arrival is known.
	Late  int64 `json:"late_seconds,omitempty"`
	Timed int   `json:"timed,omitempty"`
	// Silent is how many whole UTC days have passed of which its reports would have
	// come by now, had they been as late as usual.
	Silent int `json:"silent"`
	// Stopped is true where it is silent for longer than ever before.
	Stopped bool `json:"stopped"`
	// Folded is true where it made up more on some day asked about than is told apart.
	Folded bool `json:"folded,omitempty"`
}

// quietDays is how many silent days are nobody's end: a sender reports only of the
// days on which it wrote to the domain.
const quietDays = 3

// pace gathers how regularly one reporter reports: in all standings that count, or in
// one that does not.
type pace struct {
	first, last time.Time
	days        []time.Time // UTC days reported about, in order
	timed       int
	late        int64
}

// coverer gathers the coverage of one reporter in one standing.
type coverer struct {
	Coverage
	pace *pace
}

// Coverage tells of every reporter whose reports r has: of the last days before now
// how much, and of all the time that r has reports of, how regularly. Those that
// count come first, the largest before others.
func (r Rollout) Coverage(now time.Time, days int) []Coverage {
	believer, since := r.newBeliever(), now.Add(-time.Duration(days)*Day)
	return r.coverage(believer, r.tolls(believer, since), since, now)
}

// coverage is Coverage of the days after since, with the tolls of these.
func (r Rollout) coverage(believer believer, tolls map[*ReportDay]toll, since, now time.Time) []Coverage {
	type who struct {
		reporter string
		standing Standing
		counted  bool
	}
	found := map[who]*coverer{}
	paces := map[string]*pace{} // of those that count
	var newest time.Time
	var day lastDay
	for i := range r.Reports {
		d := &r.Reports[i]
		if !d.sts() {
			continue
		}
		b := believer.of(i)
		at := who{b.reporter, d.Standing, b.counted}
		c := found[at]
		if c == nil {
			c = &coverer{Coverage: Coverage{Reporter: b.reporter, Standing: d.Standing, Counted: b.counted}, pace: &pace{first: d.Begins}}
			if p, ok := paces[b.reporter]; ok && b.counted {
				c.pace = p
			} else if b.counted {
				paces[b.reporter] = c.pace
			}
			found[at] = c
		}
		c.Known = c.Known || b.known
		c.pace.add(d, day.of(d))
		if d.Ends.After(since) {
			c.Success, c.Failure = plus(c.Success, d.Success), plus(c.Failure, d.Failure)
			c.Folded = c.Folded || d.Folded() || slices.ContainsFunc(d.Failures, FailureCount.Folded)
			cost := tolls[d]
			c.Refused, c.NoPolicy = plus(c.Refused, cost.refused), plus(c.NoPolicy, cost.noPolicy)
		}
		if b.counted && !d.Ends.After(now) {
			newest = later(newest, d.Ends)
		}
	}
	out := make([]Coverage, 0, len(found))
	for _, c := range found {
		out = append(out, c.judge(since, newest, now))
	}
	slices.SortFunc(out, func(a, b Coverage) int {
		return cmp.Or(cmp.Compare(rank(b.Counted), rank(a.Counted)), cmp.Compare(plus(b.Success, b.Failure), plus(a.Success, a.Failure)),
			cmp.Compare(a.Reporter, b.Reporter), cmp.Compare(a.Standing, b.Standing))
	})
	return out
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// add takes the sums of one UTC day in, which come in the order of their ends.
func (p *pace) add(d *ReportDay, day time.Time) {
	if d.Begins.Before(p.first) {
		p.first = d.Begins
	}
	p.last = later(p.last, d.Ends)
	p.timed, p.late = p.timed+d.Timed, plus(p.late, d.Late)
	if n := len(p.days); n == 0 || day.After(p.days[n-1]) {
		p.days = append(p.days, day)
	}
}

// lastDay is the last UTC day of a period, worked out once for the hundreds of sums in
// a row that end at one moment.
type lastDay struct{ ends, day time.Time }

func (l *lastDay) of(d *ReportDay) time.Time {
	if l.day.IsZero() || !d.Ends.Equal(l.ends) {
		l.ends, l.day = d.Ends, dayOf(d.Ends.Add(-time.Second))
	}
	return l.day
}

// judge says how regular the reporter is and whether it stopped.
func (c *coverer) judge(since, newest, now time.Time) Coverage {
	days := c.pace.days
	c.First, c.Last, c.Timed = c.pace.first, c.pace.last, c.pace.timed
	if c.Timed > 0 {
		c.Late = c.pace.late / int64(c.Timed)
	}
	if len(days) == 0 {
		return c.Coverage
	}
	from := days[0]
	if asked := dayOf(since); from.Before(asked) {
		from = asked
	}
	for _, day := range days {
		if !day.Before(from) {
			c.Days++
		}
	}
	c.Of = max(c.Days, int(dayOf(newest).Sub(from)/Day))
	gap := 0 // the longest that it was silent before
	for i := 1; i < len(days); i++ {
		gap = max(gap, int(days[i].Sub(days[i-1])/Day)-1)
	}
	c.Silent = max(0, int(dayOf(now.Add(-c.lateness())).Sub(days[len(days)-1].Add(Day))/Day))
	c.Stopped = c.Silent > max(quietDays, gap)
	return c.Coverage
}

// Words say how regularly the reporter reports, after its name: "9 of 9 days, 6 h
// after the day", "2 of 9 days, silent for 5 days".
func (c Coverage) Words() string {
	said := fmt.Sprintf("%d of %s", c.Days, several(int64(c.Of), "day"))
	if c.Timed > 0 {
		said += ", " + afterwards(c.lateness())
	}
	if c.Stopped {
		said += fmt.Sprintf(", silent for %s", several(int64(c.Silent), "day"))
	}
	if c.Folded {
		said += ", more than is told apart"
	}
	return said
}

// lateness is Late as a duration.
func (c Coverage) lateness() time.Duration {
	return time.Duration(min(c.Late, int64(math.MaxInt64/time.Second))) * time.Second
}

// afterwards says how long after the end of a period its reports come.
func afterwards(d time.Duration) string {
	switch {
	case d < time.Hour:
		return "within the hour"
	case d < 2*Day:
		return fmt.Sprintf("%d h after", int(d.Round(time.Hour)/time.Hour))
	}
	return fmt.Sprintf("%d days after", int(d.Round(Day)/Day))
}
