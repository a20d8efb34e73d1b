package probe

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// Light is what the control hosts tell about a port, in one address family.
type Light string

// The lights. Unlit says that no control has an address in the family, or that
// there is no control: then their silence proves nothing.
const (
	Lit   Light = "lit"   // a control answers, so the network carries the port
	Dark  Light = "dark"  // controls resolve, and none answers
	Unlit Light = "unlit" // there is nothing to try
)

// controlled is what Control tries: a port over one address family.
type controlled struct {
	v4   bool
	port uint16
}

// Control tries the control hosts on port, in the address family of ip, once in a
// look: all at once, each address for as long as an MX host is given to connect. Only a
// connection counts: hosts that are known to answer do not refuse, so a refusal
// comes from a filter on the way.
//
// Where the look ends meanwhile, nothing is proved, which is Dark.
func (v *View) Control(ip netip.Addr, port uint16) Light {
	is4 := ip.Unmap().Is4()
	light := v.controls.do(controlled{is4, port}, func() Light { return v.control(is4, port) })
	if v.Err() != nil && light != Lit {
		return Dark
	}
	return light
}

func (v *View) control(is4 bool, port uint16) Light {
	var tried, connected atomic.Bool
	var all sync.WaitGroup
	for _, host := range v.world.Network.Controls {
		all.Go(func() {
			addresses, err := v.ResolveAddresses(host)
			if err != nil {
				return
			}
			for _, at := range addresses {
				if at.Unmap().Is4() != is4 {
					continue
				}
				tried.Store(true)
				conn, _, err := v.connect(v.ctx, netip.AddrPortFrom(at, port))
				if err == nil {
					connected.Store(true)
					conn.hangUp()
				}
				return // one address a host and family
			}
		})
	}
	all.Wait()
	switch {
	case connected.Load():
		return Lit
	case tried.Load():
		return Dark
	}
	return Unlit
}
