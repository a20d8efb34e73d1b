package rollout

import (
	"cmp"
	"slices"
	"time"

	"belay/rollout/tlsrpt"
)

// Forecast is what enforce would have done over the last days, by the counted
// reports: how many of the sessions would have been refused, where and why.
type Forecast struct {
	Days  int       `json:"days"`
	Since time.Time `json:"since"`
	// Sessions are all sts sessions; Refused those that would have been refused.
	Sessions int64 `json:"sessions"`
	Refused  int64 `json:"refused"`
	// LastRefused is the end of the newest period with a refusal; zero without.
	LastRefused time.Time          `json:"last_refused,omitzero"`
	Reporters   []ForecastReporter `json:"reporters"`
	Causes      []ForecastCause    `json:"causes"`
}

// ForecastReporter is one reporter's part in a Forecast.
type ForecastReporter struct {
	Reporter string `json:"reporter"`
	// Known is false for a submitter that counts by a trusted source alone.
	Known    bool  `json:"known"`
	Sessions int64 `json:"sessions"`
	Refused  int64 `json:"refused"`
}

// ForecastCause is one kind of refusal at one MX host. One session may fail in
// more than one way, so causes may add up to more than is refused.
type ForecastCause struct {
	Type      tlsrpt.ResultType `json:"type"`
	MX        string            `json:"mx,omitempty"`
	Sessions  int64             `json:"sessions"`
	Reporters []string          `json:"reporters"`
	Last      time.Time         `json:"last"`
}

// Forecast sums up the counted reports of the last days before now, a period
// counting whole where any of it lies within. Strays and dismissed failures are
// in it: they too would have been refused. Failures whose cause the live policy
// removed, and those of DANE, are not.
func (r Rollout) Forecast(now time.Time, days int) Forecast {
	f := Forecast{Days: days, Since: now.Add(-time.Duration(days) * Day), Reporters: []ForecastReporter{}, Causes: []ForecastCause{}}
	versions := r.newVersions()
	reporters := map[string]*ForecastReporter{}
	type cause struct {
		typ tlsrpt.ResultType
		mx  string
	}
	causes := map[cause]*ForecastCause{}
	for _, d := range r.Reports {
		b := r.believe(d)
		if !b.counted || !d.sts() || !d.Ends.After(f.Since) {
			continue
		}
		var refused int64
		for _, x := range refusals(d) {
			if !versions.uncovered(x.MX) && (x.Type.DANE() || versions.removedCause(d.PolicyText, x.MX)) {
				continue
			}
			refused = plus(refused, x.Count)
			at := cause{x.Type, x.MX}
			if causes[at] == nil {
				causes[at] = &ForecastCause{Type: x.Type, MX: x.MX}
			}
			c := causes[at]
			c.Sessions, c.Last = plus(c.Sessions, x.Count), later(c.Last, d.Ends)
			c.Reporters = append(c.Reporters, b.reporter)
		}
		if d.Failure > 0 {
			refused = min(refused, d.Failure)
		}
		sessions := max(d.Sessions(), refused)
		if reporters[b.reporter] == nil {
			reporters[b.reporter] = &ForecastReporter{Reporter: b.reporter}
		}
		who := reporters[b.reporter]
		who.Known = who.Known || b.known
		who.Sessions, who.Refused = plus(who.Sessions, sessions), plus(who.Refused, refused)
		f.Sessions, f.Refused = plus(f.Sessions, sessions), plus(f.Refused, refused)
		if refused > 0 {
			f.LastRefused = later(f.LastRefused, d.Ends)
		}
	}
	for _, who := range reporters {
		f.Reporters = append(f.Reporters, *who)
	}
	slices.SortFunc(f.Reporters, func(a, b ForecastReporter) int { return cmp.Compare(a.Reporter, b.Reporter) })
	for _, c := range causes {
		slices.Sort(c.Reporters)
		c.Reporters = slices.Compact(c.Reporters)
		f.Causes = append(f.Causes, *c)
	}
	slices.SortFunc(f.Causes, func(a, b ForecastCause) int {
		return cmp.Or(cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(a.Type, b.Type), cmp.Compare(a.MX, b.MX))
	})
	return f
}
