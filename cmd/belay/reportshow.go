package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// forecastDays is how far back the forecast looks.
const forecastDays = 14

// reportsShape is `reports show --json`.
type reportsShape struct {
	Domain    string           `json:"domain"`
	Days      []dayShape       `json:"days"`
	Reporters []reporterShape  `json:"reporters"`
	Failures  []failureShape   `json:"failures"`
	Forecast  rollout.Forecast `json:"forecast"`
	Gate      rollout.Gate     `json:"gate"`
}

// dayShape is the sts sessions of the reports about one UTC day. Signed are those
// that a verified signature vouches for.
type dayShape struct {
	Day     string `json:"day"`
	Success int64  `json:"success"`
	Failure int64  `json:"failure"`
	Signed  int64  `json:"signed"`
}

// reporterShape is one reporter: the signer, or the submitter of what is not
// signed.
type reporterShape struct {
	Reporter string           `json:"reporter"`
	Standing rollout.Standing `json:"standing"`
	Days     int              `json:"days"`
	Success  int64            `json:"success"`
	Failure  int64            `json:"failure"`
	// Holds are the policy versions that its newest report shows.
	Holds []rollout.HeldVersion `json:"holds"`
}

// failureShape is a failure that blocks, with its cause and mend. Known is false
// where nobody knows its signer.
type failureShape struct {
	rollout.BlockingFailure
	Known bool         `json:"known"`
	Code  finding.Code `json:"code"`
	Title string       `json:"title"`
	Fix   string       `json:"fix,omitempty"`
}

func reportsOf(r rollout.Rollout, gate rollout.Gate, now time.Time) reportsShape {
	shape := reportsShape{
		Domain: r.Domain, Days: daysOf(r.Reports), Reporters: reportersOf(r, now),
		Failures: []failureShape{}, Forecast: r.Forecast(now, forecastDays), Gate: gateShape(gate),
	}
	for _, b := range r.Blocking() {
		shape.Failures = append(shape.Failures, explained(b, true))
	}
	for _, b := range r.StrangersFailures() {
		shape.Failures = append(shape.Failures, explained(b, false))
	}
	return shape
}

func explained(b rollout.BlockingFailure, known bool) failureShape {
	entry, _ := finding.Lookup(b.Code())
	return failureShape{b, known, b.Code(), entry.Title, entry.Fix}
}

func sts(d rollout.ReportDay) bool { return strings.EqualFold(d.PolicyType, string(tlsrpt.STS)) }

func daysOf(reports []rollout.ReportDay) []dayShape {
	days := map[string]*dayShape{}
	for _, d := range reports {
		if !sts(d) {
			continue
		}
		key := d.Begins.UTC().Format(time.DateOnly)
		if days[key] == nil {
			days[key] = &dayShape{Day: key}
		}
		days[key].Success += d.Success
		days[key].Failure += d.Failure
		if d.Standing.Proven() {
			days[key].Signed += d.Sessions()
		}
	}
	out := []dayShape{}
	for _, key := range slices.Sorted(maps.Keys(days)) {
		out = append(out, *days[key])
	}
	return out
}

func reportersOf(r rollout.Rollout, now time.Time) []reporterShape {
	type who struct {
		name     string
		standing rollout.Standing
	}
	reporters := map[who]*reporterShape{}
	on := map[who]map[time.Time]bool{}
	for _, d := range r.Reports {
		if !sts(d) {
			continue
		}
		key := who{reporterOf(d), d.Standing}
		if reporters[key] == nil {
			reporters[key] = &reporterShape{Reporter: key.name, Standing: key.standing, Holds: []rollout.HeldVersion{}}
			on[key] = map[time.Time]bool{}
		}
		on[key][d.Begins] = true
		reporters[key].Success += d.Success
		reporters[key].Failure += d.Failure
	}
	held := r.Versions(now)
	out := []reporterShape{}
	for key, shape := range reporters {
		shape.Days = len(on[key])
		for _, h := range held {
			if h.Reporter == key.name {
				shape.Holds = append(shape.Holds, h)
			}
		}
		out = append(out, *shape)
	}
	slices.SortFunc(out, func(a, b reporterShape) int {
		return cmp.Or(cmp.Compare(b.Success+b.Failure, a.Success+a.Failure), cmp.Compare(a.Reporter, b.Reporter), cmp.Compare(a.Standing, b.Standing))
	})
	return out
}

// reporterOf names who a summary is from.
func reporterOf(d rollout.ReportDay) string {
	return strings.ToLower(finding.Clean(cmp.Or(d.Signer, d.Submitter), 255))
}

// reported reports whether key is how some failure, reporter or MX host in r's
// reports is named.
func reported(r rollout.Rollout, key string) bool {
	for _, d := range r.Reports {
		who := reporterOf(d)
		if strings.EqualFold(key, who) || d.Unexplained > 0 && strings.EqualFold(key, rollout.FailureKey(who, rollout.Unexplained, "")) {
			return true
		}
		for _, f := range d.Failures {
			mx := strings.TrimSuffix(f.MX, ".")
			if strings.EqualFold(key, rollout.FailureKey(who, f.Type, mx)) || mx != "" && strings.EqualFold(key, mx) {
				return true
			}
		}
	}
	return false
}

func (p *program) printReports(s reportsShape) {
	f := s.Forecast
	p.say("%s: enforced over the last %s, %d of %s from %s would have been refused",
		shownDomain(s.Domain), many(f.Days, "day"), f.Refused, many(f.Sessions, "session"), many(len(f.Reporters), "reporter"))
	if len(s.Days) == 0 {
		p.say("No report has been taken in. belay reports import PATH takes some.")
	}
	rows := [][]string{}
	for _, d := range s.Days {
		rows = append(rows, []string{"  " + d.Day, fmt.Sprintf("%d good", d.Success), fmt.Sprintf("%d failed", d.Failure)})
	}
	p.columns(rows)
	rows = nil
	for _, r := range s.Reporters {
		var holds []string
		for _, h := range r.Holds {
			holds = append(holds, heldLine(h))
		}
		rows = append(rows, []string{"  " + r.Reporter, string(r.Standing), many(r.Days, "day"),
			fmt.Sprintf("%d good", r.Success), fmt.Sprintf("%d failed", r.Failure), strings.Join(holds, "; ")})
	}
	p.columns(rows)
	for _, x := range s.Failures {
		p.say("  %s  %s, until %s%s", x.Key, many(x.Sessions, "session"), local(x.Ends), stranger(x.Known))
		p.paragraph(strings.TrimSpace(string(x.Code)+" "+x.Title+". "+x.Fix), "      ", "      ")
	}
	p.printGate(s.Gate)
}

func stranger(known bool) string {
	if known {
		return ""
	}
	return ", from a signer nobody knows"
}

func heldLine(h rollout.HeldVersion) string {
	switch {
	case h.Strange:
		return "holds a policy that was never yours"
	case h.Present:
		return "holds the present policy"
	}
	return fmt.Sprintf("still holds %s%s", clean(h.PolicyID), untilOf(h.Until))
}
