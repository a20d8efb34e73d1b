package lab

import (
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Options say how a lab is built. The zero value builds the lab of `belay demo`.
type Options struct {
	// Start is the time at which the lab's clock begins; zero means 2 November
	// 2026, 08:00 UTC.
	Start time.Time
	// Still makes a clock that stands until it is wound. Else it runs on with
	// real time.
	Still bool
	// Domain is the mail domain; empty means corp.test. It must end in ".test".
	Domain string
	// Extra are further mail domains, each a zone of its own on the same name
	// servers, with the same MX hosts and policy host.
	Extra []string
	// Foreign are zones of somebody else's, wherever in the tree, with nothing in them
	// but who serves them; SetRRset puts records there.
	Foreign []string
	// MX is how many MX hosts there are, 1 to 9; 0 means 2.
	MX int
	// Latency is added, in real time, to every round trip over World's network.
	// A round trip is a TCP handshake, a greeting, or a request and its answer
	// on a connection or over UDP.
	Latency time.Duration
	// SecondaryLag is how much later, in real time, the second name server hears
	// of a change.
	SecondaryLag time.Duration
	// Dir is where the lab makes its own folder; empty means the system's folder
	// for temporary files.
	Dir string
}

// defaultStart is when a lab begins whose options do not say.
var defaultStart = time.Date(2026, time.November, 2, 8, 0, 0, 0, time.UTC)

// withDefaults fills in what was left open and refuses what cannot be built.
func (o Options) withDefaults() (Options, error) {
	if o.Start.IsZero() {
		o.Start = defaultStart
	}
	if o.Domain == "" {
		o.Domain = "corp.test"
	}
	if o.MX == 0 {
		o.MX = 2
	}
	if o.MX < 0 || o.MX > 9 {
		return o, fmt.Errorf("build a lab with %d MX hosts: 1 to 9 have addresses", o.MX)
	}
	seen := map[string]bool{}
	for _, domain := range o.domains() {
		if !dns.IsSubDomain("test.", dns.Fqdn(domain)) || dns.CountLabel(domain) < 2 {
			return o, fmt.Errorf("build a lab for %q: the domain must be below test", domain)
		}
		if seen[domain] {
			return o, fmt.Errorf("build a lab for %q: it is named twice", domain)
		}
		seen[domain] = true
	}
	return o, nil
}

func (o Options) domains() []string { return append([]string{o.Domain}, o.Extra...) }
