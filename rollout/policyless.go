package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// unseeing gathers the reports of senders that found neither a policy nor TLSA
// records (RFC 8460 section 4.4, no-policy-found).
type unseeing struct {
	reporters []string
	days      []time.Time
	sessions  int64
}

// policyless are the findings (V09) of the counted reports of the days after since
// that say that a sender found no policy: of periods before the policy was announced,
// which is as it must be, and of those since, when it was there to be found.
func (r Rollout) policyless(believer believer, since, now time.Time) []finding.Finding {
	live, _, ok := r.Live()
	none := ok && live.Mode == mtasts.None // which tells senders to do without a policy
	ok = ok && !none
	var before, behind unseeing
	for i := range r.Reports {
		d := &r.Reports[i]
		if !d.Ends.After(since) || !strings.EqualFold(d.PolicyType, string(tlsrpt.NoPolicyFound)) || d.Sessions() == 0 {
			continue
		}
		b := believer.of(i)
		switch {
		case !b.counted:
		case ok && !d.Begins.Before(r.announcedSince(live)):
			behind.add(d, b.reporter)
		default:
			before.add(d, b.reporter)
		}
	}
	var out []finding.Finding
	if said := before.words(now); said != "" {
		when := "; none was announced"
		switch {
		case none:
			when = "; none is announced now"
		case ok:
			when = ", before the policy was announced on " + onDay(r.announcedSince(live), now)
		}
		out = append(out, finding.New("V09", r.Domain, said+when))
	}
	if said := behind.words(now); said != "" {
		out = append(out, finding.New("V09", r.Domain, said+fmt.Sprintf(", though it was announced on %s; belay check %s looks at record and policy", onDay(r.announcedSince(live), now), r.Domain)))
	}
	return out
}

// announcedSince is since when senders have been told of a policy without a break: the
// announcement of the first entry of the ledger that leads to live without one of
// mode none between.
func (r Rollout) announcedSince(live LedgerEntry) time.Time {
	at := live.Announced
	for _, e := range slices.Backward(r.Ledger) {
		if e.Assumed || e.Announced.IsZero() || e.Announced.After(at) {
			continue
		}
		if e.Mode == mtasts.None {
			break
		}
		at = e.Announced
	}
	return at
}

func (u *unseeing) add(d *ReportDay, reporter string) {
	u.sessions = plus(u.sessions, d.Sessions())
	u.reporters = named(u.reporters, reporter, len(u.reporters)+1)
	for _, day := range daysOf(d.Begins, d.Ends) {
		if i, found := slices.BinarySearchFunc(u.days, day, time.Time.Compare); !found {
			u.days = slices.Insert(u.days, i, day)
		}
	}
}

// words say who found no policy, for how many sessions and on which days; empty where
// nobody did.
func (u unseeing) words(now time.Time) string {
	if len(u.reporters) == 0 {
		return ""
	}
	return fmt.Sprintf("%s found no policy for %s %s", listed(u.reporters, 3), several(u.sessions, "session"), onDays(u.days, now))
}
