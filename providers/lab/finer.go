package lab

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// addFiner adds the faults that Faults does not list, because only a close look
// tells them apart from those it does.
func addFiner(add func(where, id, label string), domain string, mx []string) {
	certificate := func(where, key string) {
		add(where, key+".common-name", "certificate has its name in the common name only")
		add(where, key+".weak-key", "certificate has an RSA key of 1024 bits")
		add(where, key+".not-yet-valid", "certificate is valid from tomorrow on")
		add(where, key+".private-ca", "certificate comes from an authority nobody trusts")
		add(where, key+".expiring", "certificate ends in ten days")
		add(where, key+".no-handshake", "TLS handshakes are broken off")
	}
	for i, host := range mx {
		key := mxHost(i).key
		certificate(host, key)
		add(host, key+".shared-certificate", "certificate is for the policy host's name too")
		add(host, key+".needs-sni", "certificate is another's for who does not name the host")
		add(host, key+".sni-only", "handshakes without a name are broken off")
		add(host, key+".ipv6-differs", "certificate at the IPv6 address is another's")
		add(host, key+".deferring", "sessions are put off in the greeting")
		add(host, key+".slow-greeting", "the greeting comes late")
		add(host, key+".proxied", "an HTTP proxy answers for the host, and carries no mail")
	}
	host := "mta-sts." + domain
	certificate(host, "policy")
	add(host, "policy.old-tls", "nothing newer than TLS 1.1 is spoken")
	add(host, "policy.tls13-only", "nothing older than TLS 1.3 is spoken")
	add(host, "policy.refused", "connections are refused")
	add(host, "policy.no-ipv6", "connections to the IPv6 address are refused")
	add(host, "policy.http", "the policy is served over plain HTTP too")
	add(host, "policy.charset", "the policy is labelled with ISO 8859-1")
	add(host, "policy.gzip", "the policy is compressed unasked")
	add(host, "policy.cached-long", "a shared cache keeps bodies for a day")
	add("ns2."+domain, "ns2.refusing", "queries for the zone are refused")
	add("resolver", "resolver.bogus", "DNSSEC validation of "+domain+" fails")
	add("network", "network.inspected", "TLS on port 25 is intercepted on the way out")
}

// odd is a certificate for host that is lawful but for one thing.
func (c *certificates) odd(host, kind string) (*tls.Certificate, error) {
	const day = 24 * time.Hour
	now := c.clock.Now()
	template := c.ca.leafTemplate([]string{host}, now.Add(-day), now.Add(-day+CertificateLife))
	bits := 2048
	switch kind {
	case "common-name":
		template.DNSNames = nil
	case "weak-key":
		bits = 1024
	case "not-yet-valid":
		template.NotBefore = now.Add(day)
	case "expiring":
		template.NotBefore, template.NotAfter = now.Add(10*day-CertificateLife), now.Add(10*day)
	case "shared-certificate":
		template.DNSNames = append(template.DNSNames, "mta-sts."+parentOf(host))
	case "private-ca":
		return c.stranger.issue([]string{host}, template.NotBefore, template.NotAfter)
	default:
		return nil, fmt.Errorf("make a certificate for %s: there is no kind %q", host, kind)
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("make a key for %s: %w", host, err)
	}
	return c.ca.vouch(template, key)
}

// ofAnother is a good certificate that is not host's.
func (c *certificates) ofAnother(host string) (*tls.Certificate, error) {
	now := c.clock.Now()
	return c.ca.issue([]string{"shared-hosting." + parentOf(host)}, now.Add(-time.Hour), now.Add(CertificateLife))
}

// signed reports whether name lies in a mail domain whose parent has a DS record
// for it: the resolver then says that what it answers was validated.
func (l *Lab) signed(name string) bool {
	z := l.zones.closest(name, false)
	return z != nil && slices.ContainsFunc(l.top.all, func(top *zone) bool {
		return len(top.current().names.get(z.apex, dns.TypeDS)) > 0
	})
}

// bogus reports whether the resolver cannot validate what it hears about name.
func (l *Lab) bogus(name string) bool {
	return l.faults.on("resolver.bogus") && dns.IsSubDomain(dns.Fqdn(l.options.Domain), name)
}

// Issue makes a good certificate of the lab's authority for names, ready to be
// shown by a server that Lay puts into the lab.
func (l *Lab) Issue(names ...string) (tls.Certificate, error) {
	now := l.clock.Now()
	cert, err := l.ca.issue(names, now.Add(-time.Hour), now.Add(CertificateLife))
	if err != nil {
		return tls.Certificate{}, err
	}
	return *cert, nil
}
