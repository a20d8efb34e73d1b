package lab

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// makeZones writes the lab's zones as they stand at first: no trace of MTA-STS.
func (l *Lab) makeZones() error {
	serial := l.options.Start.Format("20060102") + "01"
	soa := func(primary, hostmaster string) string {
		return fmt.Sprintf("@ 3600 SOA %s %s %s 3600 600 1209600 300\n", primary, hostmaster, serial)
	}
	root := soa("a.nic.test.", "hostmaster.nic.test.") + "@ 86400 NS a.nic.test.\ntest. 86400 NS a.nic.test.\n" + address("a.nic.test.", rootHost)
	test := soa("a.nic.test.", "hostmaster.nic.test.") + "@ 86400 NS a.nic.test.\n" + address("a.nic.test.", rootHost)
	test += address(controlName+".", controlHost) + "control.test. 3600 MX 10 " + controlName + ".\n"
	for _, s := range l.senders {
		test += s.records()
	}

	ns1, ns2 := "ns1."+l.options.Domain+".", "ns2."+l.options.Domain+"."
	glue := address(ns1, ns1Host) + address(ns2, ns2Host)
	test += glue
	for i, domain := range l.options.domains() {
		servers := fmt.Sprintf("%[1]s. 3600 NS %[2]s\n%[1]s. 3600 NS %[3]s\n", domain, ns1, ns2)
		test += servers
		zone := soa(ns1, "hostmaster."+domain+".") + servers
		for n, mx := range l.mx {
			zone += fmt.Sprintf("@ 3600 MX %d %s.\n", 10*(n+1), mx)
			if i == 0 {
				zone += address(mx+".", mxHost(n))
			}
		}
		if i == 0 {
			zone += glue
		}
		if err := l.addZone(&l.zones, domain+".", zone); err != nil {
			return err
		}
	}
	for _, apex := range l.options.Foreign {
		root += dns.Fqdn(apex) + " 86400 NS a.nic.test.\n"
		if err := l.addZone(&l.top, dns.Fqdn(apex), soa("a.nic.test.", "hostmaster.nic.test.")+"@ 86400 NS a.nic.test.\n"); err != nil {
			return err
		}
	}
	if err := l.addZone(&l.top, "test.", test); err != nil {
		return err
	}
	return l.addZone(&l.top, ".", root)
}

// address is the A and AAAA record of a host.
func address(name string, h host) string {
	return fmt.Sprintf("%[1]s 3600 A %[2]s\n%[1]s 3600 AAAA %[3]s\n", name, h.ipv4(), h.ipv6())
}

func (l *Lab) addZone(to *zones, apex, text string) error {
	parser := dns.NewZoneParser(strings.NewReader(text), apex, "")
	var rrs []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		rrs = append(rrs, rr)
	}
	if err := parser.Err(); err != nil {
		return fmt.Errorf("write the zone %s: %w", apex, err)
	}
	to.add(newZone(apex, rrs))
	return nil
}
