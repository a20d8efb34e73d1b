package lab

import (
	"net/netip"
	"slices"
	"time"

	"belay/rollout/tlsrpt"
)

// A tally counts what a sender met on one UTC day at one mail domain: the makings
// of a report.
type tally struct {
	day      time.Time // 00:00 UTC
	domain   string
	policies []*tlsrpt.Policy
}

// tallyOf is the sender's tally of today for domain.
func (s *sender) tallyOf(domain string) *tally {
	today := s.lab.clock.Now().UTC().Truncate(24 * time.Hour)
	for _, t := range s.tallies {
		if t.domain == domain && t.day.Equal(today) {
			return t
		}
	}
	t := &tally{day: today, domain: domain}
	s.tallies = append(s.tallies, t)
	return t
}

// add counts one session with mx under policy. trouble is what went wrong with the
// fetch of a newer policy.
func (t *tally) add(policy *held, trouble *tlsrpt.Failure, from netip.Addr, mx string, met encounter) {
	var p *tlsrpt.Policy
	var failures []tlsrpt.Failure
	if trouble != nil {
		failures = append(failures, *trouble)
	}
	if met.problem != "" {
		failures = append(failures, tlsrpt.Failure{Type: met.problem, SendingIP: from, ReceivingMX: mx, ReceivingIP: met.ip, ReasonCode: met.why})
	}
	failed := met.problem != ""
	switch {
	case policy.lines != nil:
		p = t.under(tlsrpt.STS, policy.lines, policy.policy.MX)
	case trouble != nil:
		// There is a policy, and the sender has none of it: this session went
		// out unprotected.
		p, failed = t.under(tlsrpt.STS, nil, nil), true
	default:
		p = t.under(tlsrpt.NoPolicyFound, nil, nil)
	}
	if failed {
		p.Failed++
	} else {
		p.Successful++
	}
	for _, f := range failures {
		count(p, f)
	}
}

// under is the entry of one policy.
func (t *tally) under(typ tlsrpt.PolicyType, lines, mx []string) *tlsrpt.Policy {
	for _, p := range t.policies {
		if p.Type == typ && slices.Equal(p.Strings, lines) {
			return p
		}
	}
	p := &tlsrpt.Policy{Type: typ, Domain: t.domain, Strings: lines, MXHosts: mx}
	t.policies = append(t.policies, p)
	return p
}

// count adds one session to the failures of its kind.
func count(p *tlsrpt.Policy, f tlsrpt.Failure) {
	f.Sessions = 0
	for i := range p.Failures {
		same := p.Failures[i]
		same.Sessions = 0
		if same == f {
			p.Failures[i].Sessions++
			return
		}
	}
	f.Sessions = 1
	p.Failures = append(p.Failures, f)
}
