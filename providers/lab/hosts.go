package lab

import (
	"fmt"
	"net/netip"
)

// A host is one machine of the lab: the key by which its faults and routes name
// it, and the last number of both its addresses.
type host struct {
	key    string
	number uint8
}

func (h host) ipv4() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, h.number}) }

// ipv6 writes the decimal number as if it were hexadecimal, so that 192.0.2.11
// and 2001:db8::11 are seen to belong together.
func (h host) ipv6() netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", h.number)) }

func (h host) addresses() []netip.Addr { return []netip.Addr{h.ipv4(), h.ipv6()} }

// The lab's machines. Senders have numbers from 101.
var (
	rootHost          = host{"root", 1}
	ns1Host           = host{"ns1", 2}
	ns2Host           = host{"ns2", 3}
	resolverHost      = host{"resolver", 9}
	policyHostAt      = host{"policy", 20}
	otherPolicyHostAt = host{"other", 21}
	controlHost       = host{"control", 99}
)

// mxHost is the i-th MX host, counted from 0.
func mxHost(i int) host { return host{fmt.Sprintf("mx%d", i+1), uint8(11 + i)} }

// controlName is a mail host of somebody else, known to answer on port 25.
const controlName = "mail.control.test"
