package world

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

// publicResolvers are asked where the machine names none of its own.
var publicResolvers = []netip.AddrPort{
	netip.MustParseAddrPort("9.9.9.9:53"),
	netip.MustParseAddrPort("1.1.1.1:53"),
}

// knownControls are MX hosts that have answered on port 25 for decades.
var knownControls = []string{
	"gmail-smtp-in.l.google.com",
	"mx1.mailbox.org",
	"in1-smtp.messagingengine.com",
}

// System is the real world: the machine's clock and network, the resolvers of
// resolv.conf (or well-known public ones where there are none), the system's
// trusted roots.
func System() World {
	resolvers := resolvConf("/etc/resolv.conf")
	if len(resolvers) == 0 {
		resolvers = append(resolvers, publicResolvers...)
	}
	return World{
		Clock: SystemClock(),
		Network: Network{
			Dial:      dialSystem,
			Resolvers: resolvers,
			Controls:  append([]string(nil), knownControls...),
		},
	}
}

func dialSystem(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, addr.String())
}

// TrustAlso returns the system's roots and the certificates of the PEM file
// together. It fails where the file cannot be read or holds no certificate.
func TrustAlso(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read extra trusted roots: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read extra trusted roots from %s: no PEM certificate in it", file)
	}
	return pool, nil
}

// ParseResolver reads ADDR or ADDR:PORT as the address of a resolver; the port
// defaults to 53.
func ParseResolver(s string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap, nil
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("resolver %q is no IP address; give one like 9.9.9.9 or [2620:fe::fe]:53", s)
	}
	return netip.AddrPortFrom(a, 53), nil
}

func resolvConf(path string) []netip.AddrPort {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []netip.AddrPort
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if ap, err := ParseResolver(fields[1]); err == nil {
			out = append(out, ap)
		}
	}
	return out
}
