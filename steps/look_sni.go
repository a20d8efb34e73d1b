package steps

import (
	"context"
	"fmt"
	"net/netip"

	"belay/rollout/finding"
	"belay/steps/probe"
)

// mannersSeen is what one address of an MX host showed to clients that give it no
// name, or a foreign one.
type mannersSeen struct{ nameless, misnamed aside[probe.Glance] }

func (k *look) glanceAt(host string, ip netip.Addr) mannersSeen {
	return mannersSeen{
		nameless: beside(k.view, func() probe.Glance { return k.view.Glance(host, ip, probe.Nameless) }),
		misnamed: beside(k.view, func() probe.Glance { return k.view.Glance(host, ip, probe.Misnamed) }),
	}
}

// judgeSNI says whether an address that fits senders who name the host fits those
// who do not as well (RFC 8461 7.1: a server must not break off over the name).
func judgeSNI(late context.Context, h hostSeen, i int) []finding.Finding {
	s := h.sessions[i]
	if s.Fate != probe.Fine || len(s.Certificates) == 0 || flawed(s, probe.WrongName) {
		return nil // what it shows to senders is the fault to mend first
	}
	manners := []struct {
		how string
		a   aside[probe.Glance]
	}{{"without a server name (SNI)", h.manners[i].nameless}, {"with a foreign server name", h.manners[i].misnamed}}
	var fs []finding.Finding
	for _, m := range manners {
		g, ok := m.a.take(late)
		switch {
		case !ok || !g.Met:
		case g.Why != "":
			fs = append(fs, finding.New("M15", probe.At(h.name, s.IP), fmt.Sprintf("breaks the TLS handshake off %s: %s", m.how, g.Why)).
				Because("RFC 8461 asks a server to go on whatever name is given. Senders that give none, such as Postfix unless told otherwise, get no TLS here."))
		case g.Leaf != nil && !g.Fits && g.Leaf.Fingerprint != s.Certificates[0].Fingerprint:
			fs = append(fs, finding.New("M15", probe.At(h.name, s.IP), fmt.Sprintf("shows another certificate %s: %s", m.how, subjectOf(*g.Leaf))))
		}
	}
	if len(fs) > 1 {
		fs = fs[:1] // one cause, one finding: without a name is the commoner case
	}
	return fs
}

func flawed(s probe.Session, kind probe.FlawKind) bool {
	for _, f := range s.Flaws {
		if f.Kind == kind {
			return true
		}
	}
	return false
}
