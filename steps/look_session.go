package steps

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"belay/rollout/finding"
	"belay/steps/probe"
)

// slowGreeting is how long a server may take to greet before belay says so.
const slowGreeting = 5 * time.Second

// portProof says, for each address family, whether silence on a port is the
// host's or this network's.
type portProof struct{ v4, v6 probe.Light }

func (p portProof) of(ip netip.Addr) probe.Light {
	if ip.Unmap().Is4() {
		return p.v4
	}
	return p.v6
}

// proofOf finds out whether port 25 can be reached from here at all, in each
// family in which an MX host was silent. Any MX host that answered, be it by a
// refusal, is proof; where none did, the control hosts are tried.
func (k *look) proofOf(hosts []hostSeen) portProof {
	var p portProof
	var silent4, silent6 netip.Addr // one of each family, if any
	for _, h := range hosts {
		for _, s := range h.sessions {
			switch {
			case s.Fate.Heard() && s.IP.Unmap().Is4():
				p.v4 = probe.Lit
			case s.Fate.Heard():
				p.v6 = probe.Lit
			case s.Fate == probe.Silent && s.IP.Unmap().Is4():
				silent4 = s.IP
			case s.Fate == probe.Silent:
				silent6 = s.IP
			}
		}
	}
	var trying sync.WaitGroup
	if p.v4 == "" && silent4.IsValid() {
		trying.Go(func() { p.v4 = k.view.Control(silent4, 25) })
	}
	if p.v6 == "" && silent6.IsValid() {
		trying.Go(func() { p.v6 = k.view.Control(silent6, 25) })
	}
	trying.Wait()
	return p
}

// judged is what the other hosts say about what one showed.
type judged struct {
	proof      portProof
	inspectors []string
}

// judgeSession says what one session with an MX host showed. Nothing is what the
// strictest sender would find.
func judgeSession(h hostSeen, s probe.Session, by judged) []finding.Finding {
	subject := probe.At(h.name, s.IP)
	about := func(code finding.Code, format string, args ...any) finding.Finding {
		return finding.New(code, subject, fmt.Sprintf(format, args...))
	}
	var fs []finding.Finding
	if s.Greeting > slowGreeting && s.Fate != probe.Deferred && s.Fate != probe.NotSpoken && s.Fate != probe.CutOff {
		fs = append(fs, about("M19", "greets only after %s", s.Greeting.Round(100*time.Millisecond)))
	}
	switch s.Fate {
	case probe.Unroutable:
		fs = append(fs, unknown(about("M04", "%s cannot be reached from here: no route to %s", s.IP, familyOf(s.IP)).
			Because("This machine has no route to the address, so nothing is known about it.").
			Mend("Check it from a network that has "+familyOf(s.IP)+", or record in writing that it was checked elsewhere.")))
	case probe.Silent:
		if by.proof.of(s.IP) == probe.Dark {
			fs = append(fs, unknown(about("M04", "no answer on port 25, and none from the control hosts over %s either", familyOf(s.IP))))
		} else {
			fs = append(fs, about(reachCode(h, s.IP), "no answer on port 25 within 10 s"))
		}
	case probe.Refused:
		fs = append(fs, about(reachCode(h, s.IP), "refuses the connection on port 25: %s", s.Said))
	case probe.NotSpoken:
		fs = append(fs, about("M05", "answers on port 25, yet speaks no SMTP: %s", s.Said))
	case probe.Deferred:
		fs = append(fs, unknown(about("M19", "defers before TLS begins: %s", s.Said)))
	case probe.Rejected:
		fs = append(fs, about("M05", "turns senders away in its greeting: %s", s.Said).
			Because("It may refuse this machine's address only; senders from elsewhere may fare better.").
			Mend("If the address of this machine is on a block list, check from another network."))
	case probe.NoSTARTTLS:
		fs = append(fs, about("M07", "does not offer STARTTLS: %s", s.Said))
	case probe.NotStarted:
		fs = append(fs, about("M08", "offers STARTTLS and then refuses it: %s", s.Said))
	case probe.Injected:
		fs = append(fs, about("M08", "sends clear text into the beginning of TLS: %s", s.Said))
	case probe.NoHandshake:
		fs = append(fs, about("M08", "TLS handshake fails: %s", s.Said))
	case probe.BrokenTLS:
		fs = append(fs, about("M08", "the session breaks behind TLS: %s", s.Said))
	case probe.OldTLS:
		fs = append(fs, about("M16", "speaks nothing newer than %s", s.TLSVersion))
	}
	if intercepted(s, by.inspectors) {
		return append(fs, unknown(about("M21", "the certificate comes from %s, and so does that of a control host", s.Certificates[0].Issuer)))
	}
	for _, flaw := range s.Flaws {
		fs = append(fs, judgeFlaw(about, flaw))
	}
	return fs
}

// judgeFlaw says what a flaw of an MX host's certificate means.
func judgeFlaw(about func(finding.Code, string, ...any) finding.Finding, flaw probe.Flaw) finding.Finding {
	code := map[probe.FlawKind]finding.Code{
		probe.OutOfDate: "M09", probe.EndsSoon: "M10", probe.WrongName: "M11", probe.Incomplete: "M12",
		probe.Untrusted: "M13", probe.CommonNameOnly: "M14", probe.WeakKey: "M23",
	}[flaw.Kind]
	f := about(code, "%s", flaw.Text)
	if flaw.Kind == probe.Incomplete {
		f = f.Because("Either the host does not send an intermediate certificate, or its certificate comes from a private authority. Under enforce senders refuse this host.").
			Mend("Configure the full chain, the host's certificate first; if the authority is private, use a public one.")
	}
	return f
}

// reachCode is M06 where the host can be reached in the other address family and
// at no address of this one, else M05.
func reachCode(h hostSeen, ip netip.Addr) finding.Code {
	same, other := false, false
	for _, s := range h.sessions {
		switch {
		case !s.Reachable:
		case s.IP.Unmap().Is4() == ip.Unmap().Is4():
			same = true
		default:
			other = true
		}
	}
	if other && !same {
		return "M06"
	}
	return "M05"
}

func familyOf(ip netip.Addr) string {
	if ip.Unmap().Is4() {
		return "IPv4"
	}
	return "IPv6"
}
