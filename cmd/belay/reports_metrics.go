package main

import (
	"time"

	"belay/rollout"
)

// reportMetricsHelp names every metric that `reports export --prometheus` writes.
const reportMetricsHelp = `  belay_reports_sessions{domain,reporter,result}  of the last 14 days, of reporters that
                                             count; result ok, refused (would be if
                                             enforced), no-policy
  belay_reports_failed_sessions{domain,type,mx,effect}
                                             failures of the last 28 days that count
  belay_reports_days{domain,reporter}        days reported about, of the last 28
  belay_reports_lateness_seconds{domain,reporter}
                                             from the end of a period to its report
  belay_reports_last_period_timestamp_seconds{domain,reporter}
  belay_reports_stopped{domain,reporter}     1 where it is silent for longer than ever
  belay_reports_other_sessions{domain}       of the last 28 days, that do not count
  belay_reports_clean_since_timestamp_seconds{domain}
  belay_gate_open{domain,phase}
  belay_gate_until_timestamp_seconds{domain} where time alone opens the gate`

// mostSeries bounds the reporters and the failures that become metrics of their own.
const mostSeries = 500

// reportMetrics is what the reports about a rollout say as metrics.
//
// gate is nil where there is no rollout: then there is nothing to say of it.
func reportMetrics(r rollout.Rollout, gate *rollout.Gate, now time.Time) []byte {
	var w exposition
	v := r.Review(now)
	w.of("belay_reports_sessions", "Sessions that enforcing would have let through, refused or left without the policy.")
	for _, who := range v.Forecast.Reporters[:min(len(v.Forecast.Reporters), mostSeries)] {
		for _, x := range []struct {
			result string
			n      int64
		}{{"ok", who.Sessions - who.Refused - who.NoPolicy}, {"refused", who.Refused}, {"no-policy", who.NoPolicy}} {
			w.sample(float64(x.n), "domain", r.Domain, "reporter", clean(who.Reporter), "result", x.result)
		}
	}
	w.of("belay_reports_failed_sessions", "Failed sessions of one type at one MX host.")
	for _, f := range failedSeries(v.Failures) {
		w.sample(f.sessions, "domain", r.Domain, "type", f.typ, "mx", f.mx, "effect", f.effect)
	}
	metricsOfReporters(&w, r.Domain, v.Reporters)
	var other int64
	for _, d := range v.Days {
		other += d.OtherOK + d.OtherFailed
	}
	w.of("belay_reports_other_sessions", "Sessions in reports that do not count.")
	w.sample(float64(other), "domain", r.Domain)
	if gate == nil {
		return w.Bytes()
	}
	since, _ := r.CleanSince(now)
	w.of("belay_reports_clean_since_timestamp_seconds", "Since when nothing has been wrong.")
	w.sample(unix(since), "domain", r.Domain)
	w.of("belay_gate_open", "Whether the gate out of the phase is open.")
	w.sample(truth(gate.Open), "domain", r.Domain, "phase", string(r.Phase))
	w.of("belay_gate_until_timestamp_seconds", "When time alone opens the gate.")
	if !gate.Until.IsZero() {
		w.sample(unix(gate.Until), "domain", r.Domain)
	}
	return w.Bytes()
}

// failedSeries are the failures that count as they become samples. Two types, or two
// hosts, may be one when their names are cleaned; a reader of metrics refuses a whole
// file in which a series stands twice.
func failedSeries(failures []rollout.Failure) []failedSample {
	var out []failedSample
	at := map[failedSample]int{}
	for _, f := range failures {
		if f.Stranger {
			continue
		}
		series := failedSample{typ: labelText(clean(string(f.Type))), mx: labelText(clean(f.MX)), effect: string(f.Effect)}
		i, ok := at[series]
		switch {
		case !ok && len(out) == mostSeries:
			continue
		case !ok:
			i = len(out)
			at[series] = i
			out = append(out, failedSample{typ: clean(string(f.Type)), mx: clean(f.MX), effect: series.effect})
		}
		out[i].sessions += float64(f.Sessions)
	}
	return out
}

// failedSample is one sample of belay_reports_failed_sessions.
type failedSample struct {
	typ, mx, effect string
	sessions        float64
}

// metricsOfReporters are those of the reporters that count.
func metricsOfReporters(w *exposition, domain string, reporters []rollout.Coverage) {
	var counted []rollout.Coverage
	for _, c := range reporters {
		// One that is counted twice, by its signature and by its source, has one series.
		if c.Counted && len(counted) < mostSeries && !named(counted, c.Reporter) {
			counted = append(counted, c)
		}
	}
	w.of("belay_reports_days", "Days that the reporter reported about.")
	for _, c := range counted {
		w.sample(float64(c.Days), "domain", domain, "reporter", clean(c.Reporter))
	}
	w.of("belay_reports_lateness_seconds", "Mean time from the end of a period to the arrival of its report.")
	for _, c := range counted {
		if c.Timed > 0 {
			w.sample(float64(c.Late), "domain", domain, "reporter", clean(c.Reporter))
		}
	}
	w.of("belay_reports_last_period_timestamp_seconds", "End of the newest period that the reporter reported about.")
	for _, c := range counted {
		w.sample(unix(c.Last), "domain", domain, "reporter", clean(c.Reporter))
	}
	w.of("belay_reports_stopped", "Whether the reporter is silent for longer than ever before.")
	for _, c := range counted {
		w.sample(truth(c.Stopped), "domain", domain, "reporter", clean(c.Reporter))
	}
}

func named(cs []rollout.Coverage, reporter string) bool {
	for _, c := range cs {
		if c.Reporter == reporter {
			return true
		}
	}
	return false
}
