package rollout

import (
	"fmt"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// What renews certificates by itself does so when a third of their lifetime is left,
// or 30 days where that is less, and tries at least daily.
const (
	renewsBefore = 30 * Day
	// RenewsWithin is how long after it was due a renewal has come in any case.
	RenewsWithin = 2 * Day
)

// RenewalDue is when c would be renewed by what renews by itself, as far as its dates
// tell. Its CA may have asked for another day (RFC 9773).
func (c Certificate) RenewalDue() time.Time {
	left := c.NotAfter.Sub(c.NotBefore) / 3
	return c.NotAfter.Add(-min(left, renewsBefore))
}

// LateRenewal warns where a look shows that the policy host's certificate should have
// been renewed by now. It stands long before its end comes near, while there is time to
// see why. A certificate that belay's own server keeps is left to what that knows: its
// CA may have asked for a later renewal.
func (r Rollout) LateRenewal(seen Evidence) []finding.Finding {
	if !r.Ledger.Announced() {
		return nil // what others do by hand they may do late
	}
	host := mtasts.PolicyHost(r.Domain)
	for _, a := range seen.Policy.Addresses {
		leaf := a.Certificate
		if leaf == nil || leaf.NotAfter.Before(seen.At) || !seen.At.After(leaf.RenewalDue().Add(leaf.lateBy())) {
			continue
		}
		if c := r.Certificate; c != nil && !c.RenewAt.IsZero() && c.Fingerprint == leaf.Fingerprint {
			continue
		}
		day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
		return []finding.Finding{finding.New("O05", host, fmt.Sprintf(
			"the certificate of %s at %s ends on %s and was not renewed, which was due on %s", host, a.IP, day(leaf.NotAfter), day(leaf.RenewalDue()))).
			Because("What renews by itself would have renewed it by now, unless its CA asked for a later day (RFC 9773), which cannot be seen from outside. If that goes on, senders find no policy from the day on which it ends.").
			Mend("See when what renews it means to do so, why it did not run, or why the server does not load what it brought; and renew it.")}
	}
	return nil
}

// lateBy is how long after it was due a renewal is late: RenewsWithin, or a tenth of the
// life of a certificate that lives for days only.
func (c Certificate) lateBy() time.Duration {
	return min(RenewsWithin, c.NotAfter.Sub(c.NotBefore)/10)
}
