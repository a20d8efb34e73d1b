package lab

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// exchangeFor bounds one name server's answer, in real time.
const exchangeFor = time.Second

// exchange asks one name server, over TCP again where the answer was cut short.
// recurse asks for recursion.
func (l *Lab) exchange(ctx context.Context, ip netip.Addr, q dns.Question, recurse bool) (*dns.Msg, error) {
	query := &dns.Msg{MsgHdr: dns.MsgHdr{Id: dns.Id(), RecursionDesired: recurse}, Question: []dns.Question{q}}
	query.SetEdns0(1232, false)
	for _, network := range []string{"udp", "tcp"} {
		m, err := l.exchangeOver(ctx, network, ip, query)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", ip, err)
		}
		if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
			return nil, fmt.Errorf("ask %s: it answered %s", ip, dns.RcodeToString[m.Rcode])
		}
		if !m.Truncated {
			return m, nil
		}
	}
	return nil, fmt.Errorf("ask %s: its answer is cut short over TCP too", ip)
}

func (l *Lab) exchangeOver(ctx context.Context, network string, ip netip.Addr, query *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeFor)
	defer cancel()
	conn, err := l.dialDirect(ctx, network, netip.AddrPortFrom(ip, 53))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := dns.Client{Net: network, UDPSize: 1232}
	m, _, err := client.ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: conn, UDPSize: 1232})
	return m, err
}

// lookup asks the recursive resolver for the records of one type at name. A name
// that has none is no error.
func (l *Lab) lookup(ctx context.Context, name string, typ uint16) ([]dns.RR, error) {
	q := dns.Question{Name: dns.CanonicalName(name), Qtype: typ, Qclass: dns.ClassINET}
	m, err := l.exchange(ctx, resolverHost.ipv4(), q, true)
	if err != nil {
		return nil, fmt.Errorf("look up %s %s: %w", name, dns.TypeToString[typ], err)
	}
	return slices.DeleteFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype != typ }), nil
}

func (l *Lab) lookupTXT(ctx context.Context, name string) ([]string, error) {
	rrs, err := l.lookup(ctx, name, dns.TypeTXT)
	var out []string
	for _, rr := range rrs {
		out = append(out, valueOf(rr))
	}
	return out, err
}

// lookupMX are the MX hosts of a mail domain in order of preference, by name where
// that is the same; the domain itself where there is no MX record (RFC 5321 section
// 5.1). A null MX (RFC 7505) is an error.
func (l *Lab) lookupMX(ctx context.Context, domain string) ([]string, error) {
	rrs, err := l.lookup(ctx, domain, dns.TypeMX)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rrs, func(a, b dns.RR) int {
		x, y := a.(*dns.MX), b.(*dns.MX)
		return cmp.Or(cmp.Compare(x.Preference, y.Preference), strings.Compare(x.Mx, y.Mx))
	})
	var hosts []string
	for _, rr := range rrs {
		hosts = append(hosts, strings.TrimSuffix(dns.CanonicalName(rr.(*dns.MX).Mx), "."))
	}
	switch {
	case len(hosts) == 0:
		return []string{domain}, nil
	case hosts[0] == "":
		return nil, fmt.Errorf("%s takes no mail (null MX)", domain)
	}
	return hosts, nil
}

// lookupHost are the addresses of a host, IPv4 first.
func (l *Lab) lookupHost(ctx context.Context, name string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		rrs, err := l.lookup(ctx, name, typ)
		if err != nil {
			return nil, err
		}
		for _, rr := range rrs {
			if ip, err := netip.ParseAddr(valueOf(rr)); err == nil {
				out = append(out, ip)
			}
		}
	}
	return out, nil
}
