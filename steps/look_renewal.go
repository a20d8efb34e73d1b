package steps

import (
	"fmt"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// renewal is what the ledger and a certificate together say of its renewal.
type renewal int

const (
	unwatched renewal = iota // nothing: belay did not know the host before
	awaited                  // it is not due yet, and none was seen
	overdue                  // it was due, and did not happen
	renewed                  // it happened since belay knows the host, and the next is not due
)

// judgeOutlasting warns of an enforced policy that senders hold for longer than a
// certificate is valid: should its renewal fail, nothing can be taken back. A renewal
// that has been seen is the proof that it works; one that was due and did not come is
// the proof of the contrary.
func (k *look) judgeOutlasting() { k.conclude(k.outlasting()...) }

// outlasting is the finding about the certificate that there is most to fear of.
func (k *look) outlasting() []finding.Finding {
	policy := k.e.Policy
	if !policy.Valid || policy.Policy.Mode != mtasts.Enforce {
		return nil
	}
	held := k.e.At.Add(seconds(policy.Policy.MaxAge))
	var host string
	var first rollout.Certificate
	var worst renewal
	for _, m := range k.e.MX {
		for _, a := range m.Addresses {
			if len(a.Certificates) == 0 {
				continue
			}
			leaf := a.Certificates[0]
			state := k.renewalOf(m.Host, leaf)
			if leaf.NotAfter.Before(k.e.At) || !leaf.NotAfter.Before(held) || state == renewed {
				continue
			}
			if host == "" || state == overdue && worst != overdue || state == worst && leaf.NotAfter.Before(first.NotAfter) {
				host, first, worst = m.Host, leaf, state
			}
		}
	}
	if host == "" {
		return nil
	}
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	title := fmt.Sprintf("senders hold the policy until %s, and the certificate of %s ends on %s", day(held), host, day(first.NotAfter))
	f := finding.New("A02", policy.URL, title)
	switch worst {
	case awaited:
		f = f.As(finding.Info) // the gate of the rung asks for proof
	case overdue:
		f.Title += fmt.Sprintf(" and was not renewed, which was due on %s", day(first.RenewalDue()))
		f = f.Because("No newer one is shown. What renews by itself would have renewed it by now; if that goes on, mail is refused from the day on which it ends until the policies run out that senders hold.").
			Mend("See why the renewal did not run, or why the server does not load what it brought, and renew it; or step back to testing while there is time.")
	}
	return []finding.Finding{f}
}

// renewalOf compares a certificate of an MX host with the time since which belay has
// known that host. A host that came later showed its first certificate then, which is
// no renewal; nor is one that was issued before.
func (k *look) renewalOf(host string, leaf rollout.Certificate) renewal {
	if !k.ours() {
		return unwatched
	}
	if k.e.At.After(leaf.RenewalDue().Add(rollout.RenewsWithin)) {
		return overdue // whatever was renewed before
	}
	if since := k.knownSince(host); !since.IsZero() && leaf.NotBefore.After(since) {
		return renewed
	}
	return awaited
}

// knownSince is when belay first saw a policy that covers host stand before senders:
// the host was checked by then and had a certificate. It is zero where none did.
func (k *look) knownSince(host string) time.Time {
	for _, e := range k.ledger {
		if _, covers := e.Policy().Matches(host); covers && !e.Assumed && !e.Live.IsZero() {
			return e.Live
		}
	}
	return time.Time{}
}
