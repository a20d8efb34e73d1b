package probe

import (
	"net/netip"
	"sync"

	"github.com/miekg/dns"
)

// unvalidated asks the resolvers that answered SERVFAIL again, this time without
// validation. What they then know they hold back from their clients because
// DNSSEC says that it is forged: the look goes on with it, and Bogus tells.
func (v *View) unvalidated(got []*reply, name string, qtype uint16) (*dns.Msg, bool) {
	for i, r := range got {
		if r.err != nil || r.msg.Rcode != dns.RcodeServerFailure {
			continue
		}
		again := v.ask("", question{server: v.world.Network.Resolvers[i], recurse: true, unchecked: true, name: name, qtype: qtype})
		if again.err == nil && rcodeError(again.msg) == nil {
			return again.msg, true
		}
	}
	return nil, false
}

// Bogus are the resolvers for which a zone fails DNSSEC validation: they answer
// SERVFAIL for it, and know the answer when they are asked not to validate.
func (v *View) Bogus(apex string) []netip.Addr {
	resolvers := v.world.Network.Resolvers
	fails := make([]bool, len(resolvers))
	var all sync.WaitGroup
	for i, at := range resolvers {
		all.Go(func() {
			q := question{server: at, recurse: true, name: apex, qtype: dns.TypeSOA}
			r := v.ask("", q)
			if r.err != nil || r.msg.Rcode != dns.RcodeServerFailure {
				return
			}
			q.unchecked = true
			again := v.ask("", q)
			fails[i] = again.err == nil && rcodeError(again.msg) == nil
		})
	}
	all.Wait()
	var out []netip.Addr
	for i, at := range resolvers {
		if fails[i] {
			out = append(out, at.Addr())
		}
	}
	return out
}
