package rollout

import (
	"cmp"
	"slices"
	"time"

	"belay/rollout/finding"
)

// ReviewDays is how far back a review reaches.
const ReviewDays = 28

// Review is what the reports about a rollout say, arranged for reading: the screen
// and `reports show` are two prints of it.
type Review struct {
	Days      []DaySessions `json:"days"`
	Reporters []Coverage    `json:"reporters"`
	Failures  []Failure     `json:"failures"`
	// ByMX and ByType are the failed sessions of the failures that count and have an
	// effect, the most first. One session may stand in several of them.
	ByMX     []Share       `json:"by_mx"`
	ByType   []Share       `json:"by_type"`
	Versions []HeldVersion `json:"versions"`
	Forecast Forecast      `json:"forecast"`
	// Findings are what the reports show besides failures: policies that are not the
	// present one, reporters that stopped, that there are too few, and senders that
	// found no policy.
	Findings []finding.Finding `json:"findings"`
	// Uncounted is what to trust where reports are to count that do not.
	Uncounted []Uncounted `json:"uncounted"`
}

// DaySessions are the sts sessions of one UTC day.
type DaySessions struct {
	Day time.Time `json:"day"`
	// OK, Refused and NoPolicy are those of reports that count; see Forecast.
	OK       int64 `json:"ok"`
	Refused  int64 `json:"refused"`
	NoPolicy int64 `json:"no_policy"`
	// Verified are those of them that a verified signature vouches for.
	Verified int64 `json:"verified"`
	// OtherOK and OtherFailed are those of reports that do not count.
	OtherOK     int64 `json:"other_ok"`
	OtherFailed int64 `json:"other_failed"`
}

// ByTrust is how many of the sessions that count no verified signature vouches for:
// their source is trusted.
func (d DaySessions) ByTrust() int64 { return d.OK + d.Refused + d.NoPolicy - d.Verified }

// Share is the failed sessions at one MX host, or of one type.
type Share struct {
	Name     string `json:"name"`
	Sessions int64  `json:"sessions"`
}

// Review arranges the reports of the last ReviewDays before now; the forecast is of
// ForecastDays.
func (r Rollout) Review(now time.Time) Review {
	believer := r.newBeliever()
	since := now.Add(-ReviewDays * Day)
	tolls := r.tolls(believer, since)
	v := Review{
		Reporters: r.coverage(believer, tolls, since, now), Failures: r.failed(believer, now, ReviewDays), Versions: r.held(believer, now),
		Forecast: r.forecast(believer, now, ForecastDays), Findings: []finding.Finding{},
	}
	v.Uncounted = r.uncounted(believer, since)
	v.Days = r.daySessions(believer, tolls, since)
	mx, typ := map[string]int64{}, map[string]int64{}
	for _, f := range v.Failures {
		if !f.Stranger && f.Effect != EffectNone {
			mx[f.MX] = plus(mx[f.MX], f.Sessions)
			typ[string(f.Type)] = plus(typ[string(f.Type)], f.Sessions)
		}
	}
	v.ByMX, v.ByType = shares(mx), shares(typ)
	for _, h := range v.Versions {
		if f, ok := h.Finding(now); ok {
			v.Findings = append(v.Findings, f)
		}
	}
	v.Findings = append(v.Findings, r.silence(v.Reporters, now)...)
	v.Findings = append(v.Findings, r.policyless(believer, since, now)...)
	return v
}

// daySessions are the sessions of each UTC day after since, without gaps; tolls are
// those of these days.
func (r Rollout) daySessions(believer believer, tolls map[*ReportDay]toll, since time.Time) []DaySessions {
	out := []DaySessions{}
	at := map[int64]int{}
	var day lastDay
	for i := range r.Reports {
		d := &r.Reports[i]
		if !d.Ends.After(since) || !d.sts() {
			continue
		}
		on := day.of(d)
		n, ok := at[on.Unix()]
		if !ok {
			n = len(out)
			at[on.Unix()] = n
			out = append(out, DaySessions{Day: on})
		}
		x := &out[n]
		if !believer.of(i).counted {
			x.OtherOK, x.OtherFailed = plus(x.OtherOK, d.Success), plus(x.OtherFailed, d.Failure)
			continue
		}
		t := tolls[d]
		failed := plus(t.refused, t.noPolicy)
		x.Refused, x.NoPolicy = plus(x.Refused, t.refused), plus(x.NoPolicy, t.noPolicy)
		x.OK = plus(x.OK, t.of(d)-failed)
		if d.Standing.Proven() {
			x.Verified = plus(x.Verified, t.of(d))
		}
	}
	slices.SortFunc(out, func(a, b DaySessions) int { return a.Day.Compare(b.Day) })
	return gapless(out)
}

// gapless fills in the days between that nobody reported about. A day in the future
// that somebody claims ends the row.
func gapless(days []DaySessions) []DaySessions {
	out := days[:0:0]
	for _, d := range days {
		for n := len(out); n > 0 && out[n-1].Day.Add(Day).Before(d.Day); n++ {
			if n > 2*ReviewDays {
				return out
			}
			out = append(out, DaySessions{Day: out[n-1].Day.Add(Day)})
		}
		out = append(out, d)
	}
	return out
}

func shares(of map[string]int64) []Share {
	out := make([]Share, 0, len(of))
	for name, n := range of {
		out = append(out, Share{name, n})
	}
	slices.SortFunc(out, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// silence are the findings of who does not report: nobody yet (V01), nobody for two
// weeks (V02), one alone (V15), or some no longer (O14).
func (r Rollout) silence(reporters []Coverage, now time.Time) []finding.Finding {
	var counted, stopped []Coverage
	for _, c := range reporters {
		// One that counts in two standings is one reporter.
		if !c.Counted || slices.ContainsFunc(counted, func(k Coverage) bool { return k.Reporter == c.Reporter }) {
			continue
		}
		counted = append(counted, c)
		if c.Stopped {
			stopped = append(stopped, c)
		}
	}
	live, _, ok := r.Live()
	switch {
	case !ok:
		return nil
	case len(counted) == 0 && now.Sub(live.Announced) >= 14*Day:
		return []finding.Finding{finding.New("V02", r.Domain, "no report that counts has come since the policy went live")}
	case len(counted) == 0:
		return []finding.Finding{finding.New("V01", r.Domain, "no report that counts has come yet")}
	}
	var out []finding.Finding
	if len(counted) == 1 {
		out = append(out, finding.New("V15", counted[0].Reporter, "only "+counted[0].Reporter+" reports"))
	}
	for _, c := range stopped {
		out = append(out, finding.New("O14", c.Reporter, "silent since "+onDay(c.Last.Add(-time.Second), now)+", longer than ever before"))
	}
	return out
}
