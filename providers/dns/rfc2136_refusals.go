package dns

import (
	"encoding/hex"
	"fmt"
	"strings"

	"belay/rollout"

	"github.com/miekg/dns"
)

// rcodeError is a server's refusal, told as what is really wrong. The words of
// name servers mislead: NOTAUTH is "not authoritative" for a zone that is not
// there and "not authorized" for a signature (RFC 8945 section 5.2), and Knot
// answers a change that its access list does not allow like an unknown key.
type rcodeError struct {
	rcode int
	text  string
	// signature: it was refused, whatever was asked.
	signature bool
	// stale: a prerequisite did not hold.
	stale bool
	// denied: the key is known, and may not do this.
	denied bool
}

func (e *rcodeError) Error() string { return e.text }

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
	update := m.Opcode == dns.OpcodeUpdate
	if t := r.IsTsig(); t != nil && t.Error != dns.RcodeSuccess {
		// Knot says of a change that is not allowed that it does not know the key,
		// though it has just taken it for a query.
		if t.Error == dns.RcodeBadKey && update && s.keyTaken() {
			e.text, e.denied = s.notAllowed(m), true
			return e
		}
		e.text, e.signature = s.aboutSignature(t), true
		return e
	}
	zone, key := plainName(m.Question[0].Name), plainName(s.keyName)
	switch {
	case r.Rcode == dns.RcodeSuccess || r.Rcode == dns.RcodeNameError && !update:
		return nil
	case r.Rcode == dns.RcodeNotAuth && r.IsTsig() == nil && !s.keyTaken():
		// Servers that do not say what is wrong with a signature answer so, too.
		e.signature = true
		e.text = fmt.Sprintf("%s does not accept this, and does not say why. Check, in this order: the TSIG key %s (its name, secret and algorithm); that this is the primary server of %s; its access list", s.server, key, zone)
	case r.Rcode == dns.RcodeNotAuth:
		e.text = fmt.Sprintf("%s does not keep a zone %s, or is not its primary. Check, in this order: that this is the primary server, and not a secondary or a resolver; the zone's name", s.server, zone)
	case r.Rcode == dns.RcodeRefused && update:
		e.text, e.denied = s.notAllowed(m), true
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
		e.text = fmt.Sprintf("%s failed (SERVFAIL): its log says why. Most often the zone's file or journal cannot be written: check the folder's owner (BIND), or that the folder of database.storage is there (Knot)", s.server)
	default:
		e.text = fmt.Sprintf("%s answered %s", s.server, dns.RcodeToString[r.Rcode])
	}
	return e
}

// aboutSignature is what is wrong where the server refused the signature t.
func (s *signed) aboutSignature(t *dns.TSIG) string {
	key, alg := plainName(s.keyName), plainName(s.keyAlg)
	switch int(t.Error) {
	case dns.RcodeBadKey:
		return fmt.Sprintf("%s does not know a TSIG key %s with %s. Check, in this order: the key's name, letter by letter; its algorithm there; that this is the primary server, and that it has loaded the key", s.server, key, alg)
	case dns.RcodeBadSig:
		return fmt.Sprintf("%s knows the TSIG key %s with %s, but its secret is another one there: copy it anew, whole, from the server's key file", s.server, key, alg)
	case dns.RcodeBadTime:
		return s.server + " takes no signature from this machine, because their clocks are more than 5 minutes apart" + apart(t) + ": set both by NTP"
	}
	return fmt.Sprintf("%s does not take the signature with the TSIG key %s (%s)", s.server, key, dns.RcodeToString[int(t.Error)])
}

// apart says by how much the server's clock differs, which it tells beside
// BADTIME (RFC 8945 section 5.2.3).
func apart(t *dns.TSIG) string {
	raw, err := hex.DecodeString(t.OtherData)
	if err != nil || len(raw) != 6 {
		return ""
	}
	var there uint64
	for _, b := range raw {
		there = there<<8 | uint64(b)
	}
	by, way := int64(there)-int64(t.TimeSigned), "ahead"
	if by < 0 {
		by, way = -by, "behind"
	}
	return fmt.Sprintf(" (its clock is %d s %s)", by, way)
}

// notAllowed is what is wrong where the key is known and the change m is not
// allowed to it.
func (s *signed) notAllowed(m *dns.Msg) string {
	what := "this"
	if len(m.Ns) > 0 {
		h := m.Ns[0].Header()
		what = plainName(h.Name) + " " + dns.TypeToString[h.Rrtype]
	}
	zone := plainName(m.Question[0].Name)
	text := fmt.Sprintf("%s knows the key %s, but does not let it change %s: allow it in zone %s, in BIND by a grant of update-policy, in Knot by an acl item with action update that has this name and type",
		s.server, plainName(s.keyName), what, zone)
	if primary := s.primaryOf(zone); primary != "" {
		text += fmt.Sprintf("; or, if this server is a secondary, name the primary (the zone's SOA record says %s)", primary)
	}
	return text
}

// transferRefusal is why a transfer was not to be had where a query with the same
// key was answered a moment later.
func transferRefusal(err error) string {
	// libdns hands on only the words of the DNS library, which are those for a
	// wrong key.
	for _, words := range []string{dns.ErrAuth.Error(), dns.ErrSig.Error(), dns.ErrNoSig.Error(), "bad xfr rcode"} {
		if strings.Contains(err.Error(), words) {
			return "its access list does not allow one to this key"
		}
	}
	return err.Error()
}
