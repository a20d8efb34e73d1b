package lab

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"
)

func (l *Lab) startNameServers() error {
	newest := (*zone).current
	late := func(z *zone) *version { return z.lagging(l.options.SecondaryLag) }
	secrets := map[string]string{l.key.name: l.key.secret}
	for _, s := range []struct {
		host    host
		handler dns.Handler
	}{
		{rootHost, &nameServer{lab: l, zones: &l.top, version: newest}},
		{ns1Host, &nameServer{lab: l, zones: &l.zones, version: newest, primary: true}},
		{ns2Host, &nameServer{lab: l, zones: &l.zones, version: late}},
		{resolverHost, newResolver(l, rootHost.ipv4(), rootHost.ipv6())},
	} {
		server, err := listenDNS(s.handler, secrets)
		if err != nil {
			return err
		}
		l.dns = append(l.dns, server)
		for _, ip := range s.host.addresses() {
			l.routes.add("udp", ip, 53, s.host.key, server.address)
			l.routes.add("tcp", ip, 53, s.host.key, server.address)
		}
	}
	return nil
}

func (l *Lab) startMail() error {
	for i, name := range l.mx {
		if err := l.startMailHost(mxHost(i), name); err != nil {
			return err
		}
	}
	return l.startMailHost(controlHost, controlName)
}

func (l *Lab) startMailHost(at host, name string) error {
	if err := l.certificates.start(name); err != nil {
		return err
	}
	h := &mailHost{
		name:    name,
		config:  l.serverTLS(at.key, func(string) string { return name }),
		offers:  func() bool { return !l.faults.on(at.key + ".no-starttls") },
		defers:  func() bool { return l.faults.on(at.key + ".deferring") },
		pauses:  func() { l.pauseGreeting(at.key) },
		accepts: l.acceptsMail,
		deliver: func(to []string, message []byte) error { return l.take(name, to, message) },
	}
	l.mail = append(l.mail, h)
	for _, ip := range at.addresses() {
		loopback, err := h.listen()
		if err != nil {
			return err
		}
		l.routes.add("tcp", ip, 25, at.key, loopback)
	}
	return nil
}

func (l *Lab) startPolicyHosts() (err error) {
	for _, domain := range l.options.domains() {
		if err := l.certificates.start("mta-sts." + domain); err != nil {
			return err
		}
	}
	if l.policy, err = l.startPolicyHost(policyHostAt, l.folder.web); err != nil {
		return err
	}
	l.other, err = l.startPolicyHost(otherPolicyHostAt, l.folder.otherWeb)
	return err
}

func (l *Lab) startPolicyHost(at host, web func(domain string) string) (*policyHost, error) {
	roots := map[string]string{}
	for _, domain := range l.options.domains() {
		roots["mta-sts."+domain] = web(domain)
	}
	first := "mta-sts." + l.options.Domain
	p := newPolicyHost(l, at.key, roots, l.serverTLS(at.key, func(name string) string {
		if roots[name] == "" {
			return first
		}
		return name
	}))
	for _, ip := range at.addresses() {
		loopback, err := p.listen(ip)
		if err != nil {
			return p, err
		}
		l.routes.add("tcp", ip, 443, at.key, loopback)
	}
	return p, nil
}

// serverTLS shows the certificate of the host that a client asks for; which maps
// the name that the client sent, maybe none, to one of the hosts here, and key
// names the machine's faults.
func (l *Lab) serverTLS(key string, which func(name string) string) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		Time:       l.clock.Now,
		// A session that is resumed would show no certificate.
		SessionTicketsDisabled: true,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			host := which(hello.ServerName)
			if l.mistaken(hello, key, host) {
				return l.certificates.ofAnother(host)
			}
			return l.certificates.shown(host, key)
		},
	}
	old := config.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	new := config.Clone()
	new.MinVersion = tls.VersionTLS13
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		switch {
		case l.faults.on(key + ".no-handshake"), hello.ServerName == "" && l.faults.on(key+".sni-only"):
			return nil, errors.New("the lab breaks this handshake off")
		case l.faults.on(key + ".old-tls"):
			return old, nil
		case l.faults.on(key + ".tls13-only"):
			return new, nil
		}
		return nil, nil
	}
	return config
}

// mistaken reports whether a host shows another's certificate to this client.
func (l *Lab) mistaken(hello *tls.ClientHelloInfo, key, host string) bool {
	if l.faults.on(key+".needs-sni") && hello.ServerName != host {
		return true
	}
	return l.faults.on(key+".ipv6-differs") && l.overIPv6(hello.Conn)
}

// overIPv6 reports whether a connection came to the IPv6 address of its host.
func (l *Lab) overIPv6(conn net.Conn) bool {
	l.routes.mu.RLock()
	defer l.routes.mu.RUnlock()
	for at, to := range l.routes.to {
		if to == conn.LocalAddr().String() {
			return at.addr.Addr().Is6()
		}
	}
	return false
}

// pauseGreeting waits, in real time, as long as a mail host keeps who calls
// waiting.
func (l *Lab) pauseGreeting(key string) {
	if l.faults.on(key + ".slow-greeting") {
		pause(l.running, time.Duration(l.slowness.Load()))
	}
}

// faultKey is what the ids of a host's faults begin with.
func (l *Lab) faultKey(name string) string {
	if i := slices.Index(l.mx, name); i >= 0 {
		return mxHost(i).key
	}
	if name == controlName {
		return controlHost.key
	}
	return policyHostAt.key
}
