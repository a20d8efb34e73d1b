package probe

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"belay/rollout"

	"github.com/miekg/dns"
)

// Resolved is what the recursive resolvers say of one question: the records at
// the end of whatever aliases lead there.
type Resolved struct {
	// Values are in the canonical form of rollout.Value.
	Values []string
	TTL    uint32 // seconds; for a negative answer the negative TTL
	// Missing is true where the name does not exist at all (NXDOMAIN).
	Missing bool
	// Alias is where a CNAME at the name itself leads.
	Alias string
	// Secure is true where the resolver says that it validated the answer by
	// DNSSEC.
	Secure bool
	// Err says that no resolver gave an answer that tells anything.
	Err error
}

// headStart is how long the better resolvers are waited for before a lesser
// one's answer is taken.
const headStart = 400 * time.Millisecond

// Resolve asks the recursive resolvers, all at once, and takes the answer of the
// best one that has one. typ is a record type such as "MX".
func (v *View) Resolve(name, typ string) Resolved {
	m, err := v.recursive(name, dns.StringToType[typ])
	if err != nil {
		return Resolved{Err: err}
	}
	return resolved(m, name, dns.StringToType[typ])
}

// resolved reads a resolver's answer, following the aliases inside it.
func resolved(m *dns.Msg, name string, qtype uint16) Resolved {
	out := Resolved{Missing: m.Rcode == dns.RcodeNameError, Alias: aliasAt(m.Answer, name), Secure: m.AuthenticatedData}
	at := name
	for range maxAliases {
		next := aliasAt(m.Answer, at)
		if next == "" || qtype == dns.TypeCNAME {
			break
		}
		at = next
	}
	out.Values, out.TTL = valuesAt(m.Answer, at, qtype)
	if len(out.Values) == 0 {
		out.TTL = negativeTTL(m.Ns)
	}
	return out
}

// maxAliases is how many CNAMEs in a row are followed.
const maxAliases = 8

// recursive returns the answer of the first resolver, in their order, that gives
// one which tells something. A better resolver that is silent is waited for only
// as long as headStart.
func (v *View) recursive(name string, qtype uint16) (*dns.Msg, error) {
	resolvers := v.world.Network.Resolvers
	if len(resolvers) == 0 {
		return nil, errors.New("there is no resolver to ask")
	}
	type numbered struct {
		i int
		reply
	}
	replies := make(chan numbered, len(resolvers))
	for i, at := range resolvers {
		v.owned.Go(func() {
			replies <- numbered{i, v.ask("", question{server: at, recurse: true, name: name, qtype: qtype})}
		})
	}
	got := make([]*reply, len(resolvers))
	impatient := time.NewTimer(headStart)
	defer impatient.Stop()
	hurried := false
	for left := len(resolvers); left > 0; {
		select {
		case r := <-replies:
			got[r.i] = &r.reply
			left--
		case <-impatient.C:
			hurried = true
		}
		if m, ok := bestReply(got, hurried || left == 0); ok {
			return m, nil
		}
	}
	if m, ok := v.unvalidated(got, name, qtype); ok {
		return m, nil
	}
	var why error
	for _, r := range got {
		if r.err == nil {
			r.err = fmt.Errorf("resolve %s %s: %w", name, dns.TypeToString[qtype], rcodeError(r.msg))
		}
		why = errors.Join(why, r.err)
	}
	return nil, why
}

// bestReply is the first reply in order that tells something; one that has not
// come yet is passed over only in a hurry.
func bestReply(got []*reply, hurry bool) (*dns.Msg, bool) {
	for _, r := range got {
		if r == nil {
			if hurry {
				continue
			}
			return nil, false
		}
		if r.err == nil && rcodeError(r.msg) == nil {
			return r.msg, true
		}
	}
	return nil, false
}

// Recursive is what every resolver says of one question, one sighting each. It
// must not be called for a name that does not exist yet: the question itself would
// plant a negative answer.
func (v *View) Recursive(name, typ string) []rollout.Sighting {
	resolvers := v.world.Network.Resolvers
	out := make([]rollout.Sighting, len(resolvers))
	var all sync.WaitGroup
	for i, at := range resolvers {
		all.Go(func() {
			qtype := dns.StringToType[typ]
			r := v.ask("", question{server: at, recurse: true, name: name, qtype: qtype})
			s := rollout.Sighting{Where: at.Addr().String(), IP: at.Addr(), Took: r.took}
			if r.err == nil {
				r.err = rcodeError(r.msg)
			}
			if r.err != nil {
				s.Err = r.err.Error()
			} else {
				said := resolved(r.msg, name, qtype)
				s.Answered, s.Value, s.TTL = true, rollout.Records(said.Values...), said.TTL
			}
			out[i] = s
		})
	}
	all.Wait()
	return out
}
