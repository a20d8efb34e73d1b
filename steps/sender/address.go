package sender

import (
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// showing is what one address of an MX host shows any sender, whatever policy it
// goes by.
type showing struct {
	host   string
	at     rollout.MXAddress
	unseen string // why nothing is known of it; empty where something is
	dead   string // why no sender gets as far as EHLO
	noTLS  string // why there is no TLS: not offered, refused, broken off, too old
	broken bool   // of noTLS: TLS is offered, and fails
	// bars are the faults of TLS that a sender finds which verifies.
	bars []finding.Finding
}

// show reads what the look says of one address.
func show(host string, at rollout.MXAddress, fs []finding.Finding) showing {
	s := showing{host: host, at: at}
	subject := host + " [" + at.IP.String() + "]"
	for _, f := range fs {
		if f.Subject != subject || f.Code[0] != 'M' || f.Severity != finding.Fail && !f.Unknown {
			continue
		}
		switch {
		case f.Unknown && (f.Code == "M04" || f.Code == "M19"):
			s.unseen = f.Title
		case f.Unknown:
		case f.Code == "M05" || f.Code == "M06":
			s.dead = f.Title
		case f.Code == "M07":
			s.noTLS = f.Title
		case f.Code == "M08" || f.Code == "M16":
			s.noTLS, s.broken = f.Title, true
		default:
			s.bars = append(s.bars, f)
		}
	}
	switch {
	case s.unseen != "" || s.dead != "":
	case at.NoRoute:
		s.unseen = "there is no route to it from here"
	case at.Verdict == finding.Unknown && at.TLSVersion == "":
		s.unseen = "the look ended before it answered"
	case !at.Reachable:
		s.dead = "it cannot be reached"
	}
	return s
}

// try is what a sender meets there that goes by policy, which is nil for none, and
// Postfix where it was told.
func (s showing) try(policy *mtasts.Policy, told answer) Try {
	t := s.byPolicy(policy)
	if o := s.postfix(told); o != t.Outcome {
		t.Postfix = o
	}
	return t
}

// byPolicy is what a sender meets that goes by policy to the letter.
func (s showing) byPolicy(policy *mtasts.Policy) Try {
	t := Try{IP: s.at.IP}
	switch {
	case s.unseen != "":
		t.Outcome, t.Why = Unknown, s.unseen
		return t
	case s.dead != "":
		t.Outcome, t.Why = Defer, s.dead
		return t
	}
	matched := true
	if policy != nil && policy.Mode != mtasts.None {
		_, matched = policy.Matches(s.host)
	}
	faults := s.faults(matched)
	t.TLS = s.travels()
	t.Outcome, t.Why = Deliver, strings.Join(faults, "; ")
	if s.broken {
		t.Why += "; Postfix sends the mail in clear text, at its second attempt at the latest; others may never"
	}
	if policy == nil || policy.Mode == mtasts.None {
		if !s.broken {
			t.Why = "" // a sender without a policy looks at no certificate
		}
		return t
	}
	t.Reports = s.reports(matched)
	if policy.Mode != mtasts.Enforce || len(faults) == 0 {
		return t
	}
	t.Outcome, t.TLS, t.Why = Defer, "", strings.Join(faults, "; ")
	return t
}

// faults are the reasons for which a sender that enforces passes the host over.
func (s showing) faults(matched bool) []string {
	var out []string
	if !matched {
		out = append(out, "no mx pattern of the policy covers it")
	}
	if s.noTLS != "" {
		return append(out, s.noTLS)
	}
	for _, f := range s.bars {
		out = append(out, f.Title)
	}
	return out
}

// travels is how a mail that goes out travels.
func (s showing) travels() TLS {
	switch {
	case s.noTLS != "":
		return Clear
	case len(s.bars) > 0:
		return Unverified
	}
	return Verified
}

// reports are the failures that a sender under a policy reports (RFC 8460 4.3). No
// type exists for a host that the policy does not cover; validation-failure is what
// most senders use.
func (s showing) reports(matched bool) []tlsrpt.ResultType {
	var out []tlsrpt.ResultType
	add := func(r tlsrpt.ResultType) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if !matched {
		add(tlsrpt.ValidationFailure)
	}
	switch {
	case s.noTLS != "" && s.broken:
		add(tlsrpt.ValidationFailure)
	case s.noTLS != "":
		add(tlsrpt.StartTLSNotSupported)
	}
	for _, f := range s.bars {
		switch f.Code {
		case "M09":
			add(tlsrpt.CertificateExpired)
		case "M11", "M14":
			add(tlsrpt.CertificateHostMismatch)
		case "M12", "M13":
			add(tlsrpt.CertificateNotTrusted)
		default:
			add(tlsrpt.ValidationFailure)
		}
	}
	return out
}
