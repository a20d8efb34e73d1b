package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
)

// ForecastDays is how far back gates and screens look to say what enforcing would
// have cost.
const ForecastDays = 14

// Forecast is what enforce would have done over the last days, by the counted
// reports: how many of the sessions would have been refused, where and why. Only
// results under policy type sts are in it: those of DANE are over the same sessions.
type Forecast struct {
	Days  int       `json:"days"`
	Since time.Time `json:"since"`
	// Sessions are all sts sessions; Refused those that would have been refused.
	Sessions int64 `json:"sessions"`
	Refused  int64 `json:"refused"`
	// NoPolicy are the sessions of senders that could not get the policy: they
	// would have been delivered, without MTA-STS or by the policy that the sender
	// still held. They hold gates shut as refused ones do.
	NoPolicy int64 `json:"no_policy"`
	// LastRefused is the end of the newest period with a refusal; zero without.
	LastRefused time.Time          `json:"last_refused,omitzero"`
	Reporters   []ForecastReporter `json:"reporters"`
	// Causes are the failures that refuse, then those that left a sender without
	// the policy.
	Causes []Failure `json:"causes"`
}

// ForecastReporter is one reporter's part in a Forecast.
type ForecastReporter struct {
	Reporter string `json:"reporter"`
	// Known is false for a submitter that counts by a trusted source alone.
	Known    bool  `json:"known"`
	Sessions int64 `json:"sessions"`
	Refused  int64 `json:"refused"`
	NoPolicy int64 `json:"no_policy"`
}

// toll is what failures cost of the sessions of one day.
type toll struct{ refused, noPolicy int64 }

// tolls are those of the days with failures that count and end after since.
func (r Rollout) tolls(believer believer, since time.Time) map[*ReportDay]toll {
	t := tolls{}
	r.meet(believer, since, counts, t.add)
	return t.settled()
}

// tolls are added up failure by failure.
type tolls map[*ReportDay]toll

func (t tolls) add(m meeting) {
	of := t[m.day]
	switch m.effect {
	case EffectRefused:
		of.refused = plus(of.refused, m.failure.Count)
	case EffectNoPolicy:
		of.noPolicy = plus(of.noPolicy, m.failure.Count)
	}
	t[m.day] = of
}

// settled are the tolls once all are added up. A session that failed in several ways
// is refused once.
func (t tolls) settled() map[*ReportDay]toll {
	for d, of := range t {
		if d.Failure > 0 {
			of.refused = min(of.refused, d.Failure)
			of.noPolicy = min(of.noPolicy, d.Failure-of.refused)
			t[d] = of
		}
	}
	return t
}

// of is how many sessions d has, where some details tell of more than its totals.
func (t toll) of(d *ReportDay) int64 { return max(d.Sessions(), plus(t.refused, t.noPolicy)) }

// Forecast sums up the counted reports of the last days before now, a period
// counting whole where any of it lies within. Strays and dismissed failures are
// in it: they too would have been refused. Failures whose cause the live policy
// removed, and those of DANE, are not.
func (r Rollout) Forecast(now time.Time, days int) Forecast {
	return r.forecast(r.newBeliever(), now, days)
}

func (r Rollout) forecast(believer believer, now time.Time, days int) Forecast {
	f := Forecast{Days: days, Since: now.Add(-time.Duration(days) * Day), Reporters: []ForecastReporter{}, Causes: []Failure{}}
	var causes gathering
	cost := tolls{}
	r.meet(believer, f.Since, counts, func(m meeting) { cost.add(m); causes.add(m) })
	cost.settled()
	reporters := map[string]*ForecastReporter{}
	for i := range r.Reports {
		d := &r.Reports[i]
		if !d.Ends.After(f.Since) || !d.sts() {
			continue
		}
		b := believer.of(i)
		if !b.counted {
			continue
		}
		t := cost[d]
		who := reporters[b.reporter]
		if who == nil {
			who = &ForecastReporter{Reporter: b.reporter}
			reporters[b.reporter] = who
		}
		who.Known = who.Known || b.known
		who.Sessions, f.Sessions = plus(who.Sessions, t.of(d)), plus(f.Sessions, t.of(d))
		who.Refused, f.Refused = plus(who.Refused, t.refused), plus(f.Refused, t.refused)
		who.NoPolicy, f.NoPolicy = plus(who.NoPolicy, t.noPolicy), plus(f.NoPolicy, t.noPolicy)
		if t.refused > 0 {
			f.LastRefused = later(f.LastRefused, d.Ends)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(reporters)) {
		f.Reporters = append(f.Reporters, *reporters[name])
	}
	for _, c := range causes.sorted() {
		if c.Effect != EffectNone {
			c.Own = r.Probed(c, now)
			c.Code = c.code()
			f.Causes = append(f.Causes, c)
		}
	}
	return f
}

// causesNamed is how many causes a sentence names.
const causesNamed = 3

// Words are the forecast in a sentence or two: "Enforced over the last 14 days, 37
// of 48,211 sessions from 2 of 9 reporters would have been refused: 36 at
// mx2.corp.test (expired certificate, mended on 13 May), 1 at mx9.other.test (not in
// your policy)."
func (f Forecast) Words(now time.Time) string {
	over := fmt.Sprintf("Enforced over the last %s, ", several(int64(f.Days), "day"))
	if f.Sessions == 0 {
		return fmt.Sprintf("No session of the last %s is reported by anybody that counts.", several(int64(f.Days), "day"))
	}
	refusing, without := 0, 0
	for _, who := range f.Reporters {
		if who.Refused > 0 {
			refusing++
		}
		if who.NoPolicy > 0 {
			without++
		}
	}
	said := over
	if f.Refused == 0 {
		said += fmt.Sprintf("none of %s from %s would have been refused.", several(f.Sessions, "session"), several(int64(len(f.Reporters)), "reporter"))
	} else {
		said += fmt.Sprintf("%s of %s from %d of %s would have been refused: %s.", grouped(f.Refused), several(f.Sessions, "session"),
			refusing, several(int64(len(f.Reporters)), "reporter"), f.causes(EffectRefused, now))
	}
	if f.NoPolicy > 0 {
		said += fmt.Sprintf(" %s from %d of them would have been delivered without the policy, or by one that the sender still held: %s.",
			several(f.NoPolicy, "session"), without, f.causes(EffectNoPolicy, now))
	}
	return said
}

// causes lists the causes of an effect.
func (f Forecast) causes(of Effect, now time.Time) string {
	var said []string
	more := int64(0)
	for _, c := range f.Causes {
		if c.Effect != of {
			continue
		}
		if len(said) == causesNamed {
			more++
			continue
		}
		about := strings.Join(slices.DeleteFunc([]string{c.briefly(), c.outcome(now)}, func(s string) bool { return s == "" }), ", ")
		if c.MX == "" {
			said = append(said, fmt.Sprintf("%s (%s)", grouped(c.Sessions), about))
			continue
		}
		said = append(said, fmt.Sprintf("%s at %s (%s)", grouped(c.Sessions), finding.Clean(c.MX, 255), about))
	}
	if more > 0 {
		said = append(said, several(more, "other cause"))
	}
	return cmp.Or(strings.Join(said, ", "), "for causes that nobody names")
}

// outcome is what became of the failure by belay's own looks, in a word or two.
func (f Failure) outcome(now time.Time) string {
	switch f.Own.Verdict {
	case ProbeSame:
		return "belay sees the same"
	case ProbeMended, ProbeTold:
		return "mended on " + onDay(f.Own.Gone, now)
	case ProbeAgain:
		return "failed again after " + onDay(f.Own.Gone, now)
	case ProbeNotSeen:
		return "not reproducible"
	}
	return ""
}
