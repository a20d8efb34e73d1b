package rollout

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// When a look and a certificate are too old to lead a domain on.
const (
	// FreshFor is how long a look speaks for the world.
	FreshFor = time.Hour
	// ExpiryGuard is how long before its end a certificate closes gates, or a
	// third of its lifetime where that is shorter.
	ExpiryGuard = 7 * Day
	// ExpiryNotice is how long before its end a certificate is warned of, or half
	// of its lifetime where that is shorter.
	ExpiryNotice = 21 * Day
)

// OwnChecks are the reasons why belay's own checks are not clean at now: no whole
// look younger than an hour, a fail, something that could not be seen from here,
// a certificate that ends too soon. None means clean.
//
// A reason that comes from a finding has its code and subject, so that an
// override covers that finding and no other. An unknown is a reason until it is
// seen or waived; that is what overrides of the gate are for.
func (r Rollout) OwnChecks(now time.Time) []Reason {
	if reason, stale := r.staleLook(now); stale {
		return []Reason{reason}
	}
	var out []Reason
	for _, f := range r.Evidence.Findings {
		if f.Severity != finding.Fail && !f.Unknown {
			continue
		}
		reason := Reason{Code: string(f.Code), Subject: f.Subject, Text: f.Title, Fix: f.Fix, Unknown: f.Unknown}
		if f.Unknown {
			reason.Text = "could not be seen from here: " + f.Title
			reason.Fix = "look from a network that can see it, or take it upon yourself in writing: belay override " + r.Domain
		}
		if !slices.ContainsFunc(out, func(x Reason) bool { return x.Key() == reason.Key() }) {
			out = append(out, reason)
		}
	}
	return append(out, r.ending(now)...)
}

// staleLook says why the newest look does not speak for the world at now.
func (r Rollout) staleLook(now time.Time) (Reason, bool) {
	reason := Reason{Code: ReasonLook, Subject: r.Domain, Fix: "belay check " + r.Domain}
	switch {
	case r.Evidence == nil:
		reason.Text = "belay has not looked at " + r.Domain + " yet"
	case r.Evidence.At.After(now):
		reason.Text = fmt.Sprintf("the newest look is dated %s, which has not come yet", stamp(r.Evidence.At))
	case now.Sub(r.Evidence.At) >= FreshFor:
		reason.Text = fmt.Sprintf("the newest look was made at %s, more than an hour ago", stamp(r.Evidence.At))
	case r.Evidence.At.Before(r.Changed):
		reason.Text = fmt.Sprintf("the newest look was made at %s, before belay's last change at %s", stamp(r.Evidence.At), stamp(r.Changed))
	case r.Evidence.Cut != "":
		reason.Text = "the newest look is not whole: " + finding.Clean(r.Evidence.Cut, 200)
	default:
		return Reason{}, false
	}
	return reason, true
}

// ending are the reasons of the certificates that end too soon, one a host: that
// which ends first. A host that already fails has its reason.
func (r Rollout) ending(now time.Time) []Reason {
	first := map[string]Certificate{}
	var hosts []string
	for _, met := range certificates(*r.Evidence) {
		if now.Before(met.NotAfter.Add(-guard(met.Certificate, ExpiryGuard, 3))) || r.failsAt(met.host) {
			continue
		}
		old, known := first[met.host]
		if !known {
			hosts = append(hosts, met.host)
		}
		if !known || met.NotAfter.Before(old.NotAfter) {
			first[met.host] = met.Certificate
		}
	}
	var out []Reason
	for _, host := range hosts {
		out = append(out, Reason{
			Code: ReasonExpiry, Subject: host,
			Text: fmt.Sprintf("the certificate of %s ends at %s", host, stamp(first[host].NotAfter)),
			Fix:  "renew it, and see to it that renewal runs by itself and reloads the server",
		})
	}
	return out
}

// EndsSoon reports whether c ends soon enough at now for a warning.
func (c Certificate) EndsSoon(now time.Time) bool {
	return !now.Before(c.NotAfter.Add(-guard(c, ExpiryNotice, 2)))
}

// guard is the time before the end of c that counts as soon: most, or that part
// of its lifetime where it is shorter.
func guard(c Certificate, most time.Duration, part int64) time.Duration {
	return min(most, c.NotAfter.Sub(c.NotBefore)/time.Duration(part))
}

func (r Rollout) failsAt(host string) bool {
	return slices.ContainsFunc(r.Evidence.Fails(), func(f finding.Finding) bool {
		subject, _ := splitSubject(f.Subject)
		return subject == host
	})
}

// metLeaf is a leaf certificate and the address that showed it.
type metLeaf struct {
	Certificate
	host string
	ip   netip.Addr
}

// certificates are the leaves that the MX hosts and the policy host showed.
func certificates(e Evidence) []metLeaf {
	var out []metLeaf
	for _, m := range e.MX {
		for _, a := range m.Addresses {
			if len(a.Certificates) > 0 {
				out = append(out, metLeaf{a.Certificates[0], m.Host, a.IP})
			}
		}
	}
	for _, a := range e.Policy.Addresses {
		if a.Certificate != nil {
			out = append(out, metLeaf{*a.Certificate, mtasts.PolicyHost(e.Domain), a.IP})
		}
	}
	return out
}

// Renewed are the reasons why not every certificate has been seen to renew during
// the rollout, one an address of an MX host or the policy host; none means that
// all have. A renewal is a leaf whose notBefore is later than that of every leaf
// seen before at that address, and which senders accept there; an older leaf seen
// again is none, nor is one of an authority that nobody trusts. It is asked for above
// a max_age of 2592000.
func (r Rollout) Renewed() []Reason {
	if r.Evidence == nil {
		reason, _ := r.staleLook(time.Time{})
		return []Reason{reason}
	}
	var out []Reason
	need := func(host string, ip netip.Addr) {
		if r.History.renewed(host, ip, r.Created) {
			return
		}
		out = append(out, Reason{
			Code: ReasonRenewal, Subject: fmt.Sprintf("%s [%s]", host, ip),
			Text: fmt.Sprintf("the certificate of %s at %s has not been seen to renew during this rollout", host, ip),
			Fix:  "renew it the way it will be renewed later, then look again: belay check " + r.Domain,
		})
	}
	for _, m := range r.Evidence.MX {
		for _, a := range m.Addresses {
			need(m.Host, a.IP)
		}
	}
	for _, a := range r.Evidence.Policy.Addresses {
		need(mtasts.PolicyHost(r.Domain), a.IP)
	}
	return out
}

// renewed reports whether a leaf newer than all before it was first met at the
// address after since, and was seen to be accepted there.
func (h History) renewed(host string, ip netip.Addr, since time.Time) bool {
	var here []Leaf
	for _, l := range h.Leaves {
		if l.Host == host && l.IP == ip {
			here = append(here, l)
		}
	}
	slices.SortStableFunc(here, func(a, b Leaf) int { return a.First.Compare(b.First) })
	for i := 1; i < len(here); i++ {
		newest := slices.MaxFunc(here[:i], func(a, b Leaf) int { return a.NotBefore.Compare(b.NotBefore) })
		if !here[i].Refused && here[i].First.After(since) && here[i].NotBefore.After(newest.NotBefore) {
			return true
		}
	}
	return false
}
