package sender

import (
	"fmt"
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// walk is a delivery as a sender tries it that goes by policy, nil for none: the MX
// hosts in order of preference, the first that takes the mail ends it. Every host is
// met all the same, because the day will come when the first is down.
func walk(e rollout.Evidence, policy *mtasts.Policy) View {
	v := View{Policy: policy, Attempts: []Attempt{}}
	for _, m := range e.MX {
		v.Attempts = append(v.Attempts, meet(e, m, policy))
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
	var told []string
	for _, a := range passed {
		told = append(told, a.Host+" is passed over: "+a.Why)
	}
	unseen := slices.ContainsFunc(v.Attempts, func(a Attempt) bool { return a.Outcome == Unknown })
	switch {
	case took >= 0:
		a := v.Attempts[took]
		v.Outcome, v.To = Deliver, a.Host
		told = append(told, a.Host+" takes it "+a.TLS.how())
	case unseen:
		v.Outcome = Unknown
		told = append(told, "whether any other host takes it cannot be seen from here")
	default:
		v.Outcome = Defer
		told = append(told, "no MX host is left, and the mail waits")
	}
	v.Why = finding.Clean(strings.Join(told, "; "), 1000)
	if v.Outcome != Deliver && slices.ContainsFunc(v.Attempts, func(a Attempt) bool { return a.Postfix == Deliver }) {
		v.Postfix = Deliver
	}
	return v
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
func meet(e rollout.Evidence, m rollout.MXHost, policy *mtasts.Policy) Attempt {
	a := Attempt{Host: m.Host, Preference: m.Preference, Tries: []Try{}}
	if policy != nil {
		a.Matched, _ = policy.Matches(m.Host)
	}
	for _, at := range m.Addresses {
		a.Tries = append(a.Tries, show(m.Host, at, e.Findings).try(policy))
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
	count := map[Outcome]int{}
	var whys []string
	for _, t := range a.Tries {
		count[t.Outcome]++
		if t.Outcome == Deliver {
			a.TLS = worse(a.TLS, t.TLS)
		}
		if t.Why != "" && !slices.Contains(whys, t.Why) {
			whys = append(whys, t.Why)
		}
		if t.Postfix == Deliver {
			a.Postfix = Deliver
		}
		for _, r := range t.Reports {
			if !slices.Contains(a.Reports, r) {
				a.Reports = append(a.Reports, r)
			}
		}
	}
	a.Why = strings.Join(whys, "; ")
	switch {
	case count[Deliver] > 0:
		a.Outcome, a.Postfix = Deliver, ""
		if n := len(a.Tries) - count[Deliver]; n > 0 {
			a.Why = fmt.Sprintf("at %d of %d addresses: %s", n, len(a.Tries), a.Why)
		}
	case count[Unknown] > 0:
		a.Outcome = Unknown
	default:
		a.Outcome = Defer
	}
	if a.Why == "" {
		a.Why = Fine
	}
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
