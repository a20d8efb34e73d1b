package rollout

import (
	"strings"
	"time"

	"belay/rollout/tlsrpt"
)

// Effect is what enforce would have done to sessions that failed in testing.
type Effect string

// The effects.
const (
	// EffectRefused sessions would have been refused.
	EffectRefused Effect = "refused"
	// EffectNoPolicy sessions were those of a sender that could not get the policy:
	// under enforce it delivers too, without MTA-STS, or by the policy that it still
	// holds (RFC 8461 section 5.1). They block a gate, for a domain that senders get
	// no policy of is not protected; they are not counted as refused.
	EffectNoPolicy Effect = "no-policy"
	// EffectNone sessions failed by what MTA-STS does not ask for (DANE), or by an
	// earlier policy's fault that the present one has not.
	EffectNone Effect = "none"
)

// meeting is one kind of failure in the sums of one day.
type meeting struct {
	day       *ReportDay
	belief    belief
	failure   FailureCount
	effect    Effect
	uncovered bool
}

// meet tells of every failure under policy type sts in the days that end after
// since, as far as wanted believes them. It is where forecast, blocking failures
// and the failures that are shown all come from, so that none of them knows of one
// that the others do not.
func (r Rollout) meet(believer believer, since time.Time, wanted func(belief) bool, tell func(meeting)) {
	versions := r.newVersions()
	for i := range r.Reports {
		d := &r.Reports[i]
		if len(d.Failures) == 0 && d.Unexplained <= 0 || !d.Ends.After(since) || !d.sts() {
			continue
		}
		b := believer.of(i)
		if !wanted(b) {
			continue
		}
		for _, f := range d.Failures {
			if f.Count > 0 {
				f.MX = strings.ToLower(strings.TrimSuffix(f.MX, "."))
				tell(versions.meeting(d, b, f))
			}
		}
		if d.Unexplained > 0 {
			tell(versions.meeting(d, b, FailureCount{Type: Unexplained, Count: d.Unexplained}))
		}
	}
}

func counts(b belief) bool     { return b.counted }
func isStranger(b belief) bool { return b.stranger }

// meeting is a failure met on day d, and what the live policy in enforce makes of it.
// Where the store added up what failed at several hosts, any of them may be one that
// the policy does not cover, so nothing exempts it.
func (v *versions) meeting(d *ReportDay, b belief, f FailureCount) meeting {
	m := meeting{d, b, f, EffectRefused, v.uncovered(f.MX)}
	switch {
	case m.uncovered:
	case !f.Folded() && (f.Type.DANE() || v.removedCause(d, f.MX)):
		m.effect = EffectNone
	case f.Type == tlsrpt.STSPolicyFetchError, f.Type == tlsrpt.STSPolicyInvalid, f.Type == tlsrpt.STSWebPKIInvalid:
		m.effect = EffectNoPolicy
	}
	return m
}
