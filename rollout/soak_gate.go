package rollout

import (
	"fmt"
	"strings"
	"time"

	"belay/rollout/finding"
)

// SoakGate is a gate that waits on clean time: own checks clean, and soak passed
// since CleanSince. what says what the time is for, such as "under enforce". No
// override is applied.
func (r Rollout) SoakGate(now time.Time, soak time.Duration, what string) Gate {
	g := Gate{Reasons: r.OwnChecks(now)}
	r.closeForUnread(&g)
	believer := r.newBeliever()
	clean := r.cleanliness(believer, now)
	since, why := clean.since, clean.why
	g.CleanSince = since
	g.Counted, g.Forecast = r.reportersSince(believer, since), r.forecast(believer, now, ForecastDays).Words(now)
	r.closeForBlocking(&g, clean, now, soak)
	if due := since.Add(soak); now.Before(due) {
		g.Close(r.soaking(since, why, fmt.Sprintf("%s are needed %s", span(soak), what), due))
	}
	return g.Settle()
}

// ReviewGate is gate 4 but for what only the engine knows (drift, the clock, an
// unfinished plan, overrides): own checks clean, and either the testing time
// passed with enough known reporters since CleanSince, or the longer silent time
// without them. A failure that a verified report of an unknown signer tells of
// does not move the clean time, but closes the gate until somebody says who that
// is.
func (r Rollout) ReviewGate(now time.Time) Gate {
	g := Gate{Reasons: r.OwnChecks(now)}
	r.closeForUnread(&g)
	believer := r.newBeliever()
	clean := r.cleanliness(believer, now)
	since, why := clean.since, clean.why
	g.CleanSince = since
	g.Counted, g.Forecast = r.reportersSince(believer, since), r.forecast(believer, now, ForecastDays).Words(now)

	soak := r.Settings.Soak
	enough := len(g.Counted) >= r.Settings.MinReporters
	full := soak.Silent // the time that opens the gate
	if enough {
		full = min(full, soak.Testing)
	}
	r.closeForBlocking(&g, clean, now, full)
	if due := since.Add(min(soak.Testing, soak.Silent)); now.Before(due) {
		g.Close(r.soaking(since, why, span(due.Sub(since))+" are needed in testing", due))
	}
	if due := since.Add(full); !enough && full > soak.Testing && now.Before(due) {
		g.Close(Reason{
			Code: ReasonReporters, Subject: r.Domain, Until: due,
			Text: fmt.Sprintf("%d of %d known reporters since %s (%s); with fewer, %s of silence are needed",
				len(g.Counted), r.Settings.MinReporters, stamp(since), names(g.Counted), span(soak.Silent)),
			Fix: "wait for reports, see that they reach you, or mark a reporter known: belay reports trust " + r.Domain + " SOURCE --reason WHY",
		})
	}
	r.closeForStrangers(&g, believer, since)
	return g.Settle()
}

// soaking is the reason of a clean time that has not passed. Its subject names the
// moment it is counted from, so that an override of it ends when something moves
// that moment.
func (r Rollout) soaking(since time.Time, why, needed string, due time.Time) Reason {
	return Reason{
		Code: ReasonSoak, Subject: r.Domain + " since " + stamp(since), Until: due,
		Text: fmt.Sprintf("clean since %s (%s); %s", stamp(since), why, needed),
		Fix:  "wait; leave the MX hosts and the policy as they are",
	}
}

// closeForBlocking names each blocking failure that still holds the gate: its time
// is after everything else that moves the clean time, and soak has not passed
// since. It names what the forecast counts, with what belay's own looks saw of it.
func (r Rollout) closeForBlocking(g *Gate, clean cleanliness, now time.Time, soak time.Duration) {
	told := map[string]bool{}
	for _, b := range clean.standing {
		due := b.counts.Add(soak)
		if told[b.Key] || !b.counts.After(clean.undisturbed) || !now.Before(due) {
			continue
		}
		told[b.Key] = true
		g.Close(Reason{Code: ReasonBlocking, Subject: b.Key, Until: due,
			Text: b.Reporter + " reported " + b.sentence() + r.besideWords(b.BlockingFailure, now), Fix: b.fix(r.Domain)})
	}
}

// besideWords say what belay's own looks saw of the failure, as the end of a
// sentence about it.
func (r Rollout) besideWords(b BlockingFailure, now time.Time) string {
	f := Failure{Type: b.Type, MX: b.MX, Uncovered: b.Uncovered, Last: b.Ends, Days: daysOf(b.Begins, b.Ends)}
	f.Own = r.Probed(f, now)
	if said := f.OwnWords(now); said != "" {
		return "; " + said
	}
	return ""
}

// closeForStrangers names each unknown signer whose failures are about a time
// after since.
func (r Rollout) closeForStrangers(g *Gate, believer believer, since time.Time) {
	told := map[string]bool{}
	for _, b := range r.strangersAfter(believer, since) {
		if told[b.Reporter] {
			continue
		}
		told[b.Reporter] = true
		g.Close(Reason{
			Code: ReasonSigner, Subject: b.Reporter,
			Text: fmt.Sprintf("%s, which is no known sender, reported %s", b.Reporter, b.sentence()),
			Fix: fmt.Sprintf("mark it known if you know it (belay reports trust %s %s --reason WHY), or set it aside (belay dismiss %s %s --reason WHY)",
				r.Domain, b.Reporter, r.Domain, b.Reporter),
		})
	}
}

// fix says how the failure is mended, by the catalogue, and what then to type.
func (b BlockingFailure) fix(domain string) string {
	after := fmt.Sprintf("then belay mended %s; if it is none of yours, belay dismiss %s %s", domain, domain, b.Key)
	if e, ok := finding.Lookup(b.Code()); ok && e.Fix != "" {
		return strings.TrimSuffix(e.Fix, ".") + "; " + after
	}
	return "mend what it names; " + after
}

func names(reporters []string) string {
	if len(reporters) == 0 {
		return "none"
	}
	return strings.Join(reporters, ", ")
}

// span prints a time to wait in days where it is whole days.
func span(d time.Duration) string {
	switch {
	case d == Day:
		return "1 day"
	case d > 0 && d%Day == 0:
		return fmt.Sprintf("%d days", d/Day)
	}
	return d.String()
}
