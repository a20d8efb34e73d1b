package dns

import (
	"fmt"

	"belay/rollout"

	"github.com/miekg/dns"
)

// rcodeError is a server's refusal, told as what is really wrong. The words of
// name servers mislead: a wrong zone is "bad authentication" at one, an access
// list at another.
type rcodeError struct {
	rcode int
	tsig  uint16
	text  string
	stale bool
}

func (e *rcodeError) Error() string { return e.text }

// aboutKey reports whether the server refused the signature, whatever was asked.
func (e *rcodeError) aboutKey() bool { return e.tsig != 0 || e.rcode == dns.RcodeNotAuth }

// Unwrap makes a failed prerequisite rollout.ErrStale: the place is no longer
// what was read.
func (e *rcodeError) Unwrap() error {
	if e.stale {
		return rollout.ErrStale
	}
	return nil
}

// judge says what the answer r to m refuses; nil where it refuses nothing. It
// looks at the answer before its signature is believed, because a server that
// does not know the key cannot sign.
func (s *signed) judge(r *dns.Msg, m *dns.Msg) error {
	if r == nil || r.Id != m.Id {
		return nil
	}
	e := &rcodeError{rcode: r.Rcode}
	if t := r.IsTsig(); t != nil {
		e.tsig = t.Error
	}
	update := m.Opcode == dns.OpcodeUpdate
	zone, key := plainName(m.Question[0].Name), plainName(s.keyName)
	switch {
	case e.tsig == dns.RcodeBadKey:
		e.text = fmt.Sprintf("%s does not know the TSIG key %s with %s: check the key's name and algorithm, and that the server has it", s.server, key, plainName(s.keyAlg))
	case e.tsig == dns.RcodeBadSig:
		e.text = fmt.Sprintf("%s knows the TSIG key %s, but not with this secret or algorithm: check both", s.server, key)
	case e.tsig == dns.RcodeBadTime:
		e.text = fmt.Sprintf("the clock of this machine and that of %s are more than 5 minutes apart: set them right", s.server)
	case r.Rcode == dns.RcodeSuccess || r.Rcode == dns.RcodeNameError && !update:
		return nil
	case r.Rcode == dns.RcodeNotAuth:
		e.text = fmt.Sprintf("%s does not accept this: either it is not the primary of %s, or it does not take the key %s (name, secret, algorithm, access list)", s.server, zone, key)
	case r.Rcode == dns.RcodeRefused && update:
		e.text = fmt.Sprintf("%s knows the key %s, but does not let it change this in %s: allow it there (BIND update-policy, Knot acl)", s.server, key, zone)
	case r.Rcode == dns.RcodeRefused:
		e.text = fmt.Sprintf("%s refuses to answer for %s: it does not keep that zone, or does not let the key %s ask", s.server, zone, key)
	case r.Rcode == dns.RcodeNXRrset || r.Rcode == dns.RcodeYXRrset || r.Rcode == dns.RcodeYXDomain || r.Rcode == dns.RcodeNameError:
		e.stale = true
		e.text = fmt.Sprintf("%s changed nothing (%s), because what was read no longer stands there, or a CNAME stands beside it", s.server, dns.RcodeToString[r.Rcode])
	case r.Rcode == dns.RcodeNotZone:
		e.text = fmt.Sprintf("%s says that the name is not in zone %s", s.server, zone)
	case r.Rcode == dns.RcodeNotImplemented:
		e.text = fmt.Sprintf("%s takes no dynamic updates: name the primary server, and allow updates there", s.server)
	case r.Rcode == dns.RcodeServerFailure:
		e.text = fmt.Sprintf("%s failed (SERVFAIL): its log says why; often its zone file or journal cannot be written", s.server)
	default:
		e.text = fmt.Sprintf("%s answered %s", s.server, dns.RcodeToString[r.Rcode])
	}
	return e
}
