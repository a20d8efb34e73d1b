package steps

import (
	"fmt"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// judgeHostRenewal warns where the policy host shows a certificate that should have been
// renewed by now. It stands long before its end comes near, while there is time to see
// why.
func (k *look) judgeHostRenewal() { k.conclude(k.hostRenewal()...) }

// hostRenewal is the finding about the first address that shows such a certificate.
func (k *look) hostRenewal() []finding.Finding {
	if !k.ours() {
		return nil // what others do by hand they may do late
	}
	for _, a := range k.e.Policy.Addresses {
		leaf := a.Certificate
		if leaf == nil || leaf.NotAfter.Before(k.e.At) || !k.e.At.After(renewalDue(*leaf).Add(lateBy(leaf.NotBefore, leaf.NotAfter))) {
			continue
		}
		day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
		return []finding.Finding{finding.New("O05", mtasts.PolicyHost(k.domain), fmt.Sprintf(
			"the certificate of %s at %s ends on %s and was not renewed, which was due on %s", mtasts.PolicyHost(k.domain), a.IP, day(leaf.NotAfter), day(renewalDue(*leaf)))).
			Because("What renews by itself would have renewed it by now. If that goes on, senders find no policy from the day on which it ends.").
			Mend("See why the renewal did not run, or why the server does not load what it brought, and renew it.")}
	}
	return nil
}

// lateBy is how long after it was due a renewal is late: two days, or a tenth of the
// life of a certificate that lives for days only.
func lateBy(notBefore, notAfter time.Time) time.Duration {
	return min(renewsWithin, notAfter.Sub(notBefore)/10)
}
