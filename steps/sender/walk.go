package sender

import (
	"fmt"
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// walk is a delivery as a sender tries it that goes by policy, nil for none, and
// Postfix where the resolver told it so: the MX hosts in order of preference, the
// first that takes the mail ends it. Every host is met all the same, because the day
// will come when the first is down.
func walk(e rollout.Evidence, policy *mtasts.Policy, told answer) View {
	v := View{Policy: policy, Attempts: []Attempt{}}
	for _, m := range e.MX {
		v.Attempts = append(v.Attempts, meet(e, m, policy, told))
	}
	if len(v.Attempts) == 0 {
		v.Outcome, v.Why = nobody(e)
		return v
	}
	took := slices.IndexFunc(v.Attempts, func(a Attempt) bool { return a.Outcome == Deliver })
	passed := v.Attempts
	if took >= 0 {
		passed = passed[:took]
	}
	var way []string
	for _, a := range passed {
		way = append(way, a.Host+" is passed over: "+a.Why)
	}
	unseen := slices.ContainsFunc(v.Attempts, func(a Attempt) bool { return a.Outcome == Unknown })
	switch {
	case took >= 0:
		a := v.Attempts[took]
		v.Outcome, v.To = Deliver, a.Host
		way = append(way, a.Host+" takes it "+a.TLS.how())
	case unseen:
		v.Outcome = Unknown
		way = append(way, "whether any other host takes it cannot be seen from here")
	default:
		v.Outcome = Defer
		way = append(way, "no MX host is left, and the mail waits")
	}
	v.Why = finding.Clean(strings.Join(way, "; "), 1000)
	v.compare(told)
	return v
}

// compare says where Postfix does otherwise than v has it, and why.
func (v *View) compare(told answer) {
	outcome, to := Defer, ""
	for _, a := range v.Attempts {
		if o := a.byPostfix(); o == Deliver {
			outcome, to = o, a.Host
			break
		} else if o == Unknown {
			outcome = o
		}
	}
	if outcome == v.Outcome && to == v.To {
		return
	}
	if outcome != v.Outcome {
		v.Postfix = outcome
	}
	v.PostfixTo, v.PostfixWhy = to, "it compares the certificate's names with the policy's patterns, and not with the name of the MX host"
	if told.why != "" {
		v.PostfixWhy = "postfix-mta-sts-resolver " + told.why
	}
}

// byPostfix is what becomes of a mail of Postfix's at the host.
func (a Attempt) byPostfix() Outcome {
	if a.Postfix != "" {
		return a.Postfix
	}
	return a.Outcome
}

// byPostfix is what becomes of a mail of Postfix's at the address.
func (t Try) byPostfix() Outcome {
	if t.Postfix != "" {
		return t.Postfix
	}
	return t.Outcome
}

// nobody is a domain that names no MX host.
func nobody(e rollout.Evidence) (Outcome, string) {
	for _, f := range e.Findings {
		if f.Subject == e.Domain && f.Severity == finding.Fail && (f.Code == "M01" || f.Code == "M03") {
			return Bounce, f.Title
		}
	}
	return Unknown, "the MX hosts could not be seen from here"
}

// meet is one MX host. It takes the mail when one of its addresses does: senders
// try them all before they go on.
func meet(e rollout.Evidence, m rollout.MXHost, policy *mtasts.Policy, told answer) Attempt {
	a := Attempt{Host: m.Host, Preference: m.Preference, Tries: []Try{}}
	if policy != nil {
		a.Matched, _ = policy.Matches(m.Host)
	}
	for _, at := range m.Addresses {
		a.Tries = append(a.Tries, show(m.Host, at, e.Findings).try(policy, told))
	}
	a.settle(e)
	return a
}

// Fine is why an attempt went as it did where nothing is wrong.
const Fine = "nothing stands in the way"

// settle makes an attempt's outcome of those of its addresses.
func (a *Attempt) settle(e rollout.Evidence) {
	if len(a.Tries) == 0 {
		a.Outcome, a.Why = addressless(e, a.Host)
		return
	}
	count, postfix := map[Outcome]int{}, map[Outcome]int{}
	var whys []string
	for _, t := range a.Tries {
		count[t.Outcome]++
		postfix[t.byPostfix()]++
		if t.Outcome == Deliver {
			a.TLS = worse(a.TLS, t.TLS)
		}
		if t.Why != "" && !slices.Contains(whys, t.Why) {
			whys = append(whys, t.Why)
		}
		for _, r := range t.Reports {
			if !slices.Contains(a.Reports, r) {
				a.Reports = append(a.Reports, r)
			}
		}
	}
	a.Why = strings.Join(whys, "; ")
	a.Outcome = best(count)
	if n := len(a.Tries) - count[Deliver]; n > 0 && a.Outcome == Deliver {
		a.Why = fmt.Sprintf("at %d of %d addresses: %s", n, len(a.Tries), a.Why)
	}
	if o := best(postfix); o != a.Outcome {
		a.Postfix = o
	}
	if a.Why == "" {
		a.Why = Fine
	}
}

// best is what becomes of a mail that is tried at several addresses.
func best(count map[Outcome]int) Outcome {
	for _, o := range []Outcome{Deliver, Unknown} {
		if count[o] > 0 {
			return o
		}
	}
	return Defer
}

// addressless is an MX host that no connection can be tried to.
func addressless(e rollout.Evidence, host string) (Outcome, string) {
	for _, f := range e.Findings {
		if f.Subject != host || f.Code != "M03" {
			continue
		}
		if f.Unknown {
			return Unknown, f.Title
		}
		return Defer, f.Title
	}
	return Unknown, "its addresses could not be seen from here"
}

// worse is the less safe of two ways to travel; the empty one is none yet.
func worse(a, b TLS) TLS {
	rank := []TLS{"", Verified, Unverified, Clear}
	if slices.Index(rank, b) > slices.Index(rank, a) {
		return b
	}
	return a
}

// how completes "takes the mail".
func (t TLS) how() string {
	switch t {
	case Verified:
		return "over verified TLS"
	case Unverified:
		return "over TLS that nobody could verify"
	}
	return "in clear text"
}
