package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"belay/rollout/world"

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

// DefaultStart is when a lab begins whose options do not say.
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
	for i, domain := range o.domains() {
		if !dns.IsSubDomain("test.", dns.Fqdn(domain)) || dns.CountLabel(domain) < 2 {
			return o, fmt.Errorf("build a lab for %q: the domain must be below test", domain)
		}
		if slices.Contains(o.domains()[:i], domain) {
			return o, fmt.Errorf("build a lab for %q: it is named twice", domain)
		}
	}
	return o, nil
}

func (o Options) domains() []string { return append([]string{o.Domain}, o.Extra...) }

// Lab is a running internet in a box. Its methods may be called from any
// goroutine.
type Lab struct {
	options      Options
	clock        *clock
	faults       *faults
	ca           *authority
	certificates *certificates
	routes       *routes
	folder       *folder
	mx           []string // names of the MX hosts
	key          tsigKey
	top, zones   []*zone // the root and test.; the mail domains'

	slowness        atomic.Int64 // time.Duration
	refuseTransfers atomic.Bool
	updates         updateLog
	delivered       deliveryLog

	passing sync.Mutex // held while a day passes, and by Close
	senders []*sender

	running context.Context // ends at Close
	stop    context.CancelFunc
	dns     []*dnsServer
	mail    []*mailHost
	policy  *policyHost
	closing sync.Once
	closed  error
}

// New builds a lab and starts it. It takes a few milliseconds. The caller must
// Close it.
func New(o Options) (*Lab, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Lab{options: o, clock: newClock(o.Start, o.Still), routes: newRoutes()}
	l.running, l.stop = context.WithCancel(context.Background())
	for i := range o.MX {
		l.mx = append(l.mx, fmt.Sprintf("mx%d.%s", i+1, o.Domain))
	}
	l.faults = newFaults(o.Domain, l.mx)
	l.SetSlowness(5 * time.Second)
	if err := l.build(); err != nil {
		return nil, errors.Join(fmt.Errorf("build the lab: %w", err), l.Close())
	}
	return l, nil
}

func (l *Lab) build() (err error) {
	if l.folder, err = makeFolder(l.options.Dir, l.options.domains()); err != nil {
		return err
	}
	if l.ca, err = newAuthority(l.options.Start); err != nil {
		return err
	}
	l.certificates = newCertificates(l.ca, l.clock, l.faults)
	l.key = newTSIGKey(l.options.Domain)
	if l.senders, err = newSenders(l); err != nil {
		return err
	}
	if err = l.makeZones(); err != nil {
		return err
	}
	if err = l.startNameServers(); err != nil {
		return err
	}
	if err = l.startMail(); err != nil {
		return err
	}
	return l.startPolicyHost()
}

func (l *Lab) startNameServers() error {
	newest := (*zone).current
	late := func(z *zone) *version { return z.lagging(l.options.SecondaryLag) }
	secrets := map[string]string{l.key.name: l.key.secret}
	for _, s := range []struct {
		host    host
		handler dns.Handler
	}{
		{rootHost, &nameServer{lab: l, zones: l.top, version: newest}},
		{ns1Host, &nameServer{lab: l, zones: l.zones, version: newest, primary: true}},
		{ns2Host, &nameServer{lab: l, zones: l.zones, version: late}},
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
		config:  l.serverTLS(func(string) string { return name }),
		offers:  func() bool { return !l.faults.on(at.key + ".no-starttls") },
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

func (l *Lab) startPolicyHost() error {
	roots := map[string]string{}
	for _, domain := range l.options.domains() {
		roots["mta-sts."+domain] = l.folder.web(domain)
		if err := l.certificates.start("mta-sts." + domain); err != nil {
			return err
		}
	}
	first := "mta-sts." + l.options.Domain
	l.policy = newPolicyHost(l, roots, l.serverTLS(func(name string) string {
		if roots[name] == "" {
			return first
		}
		return name
	}))
	for _, ip := range policyHostAt.addresses() {
		loopback, err := l.policy.listen()
		if err != nil {
			return err
		}
		l.routes.add("tcp", ip, 443, policyHostAt.key, loopback)
	}
	return nil
}

// serverTLS shows the certificate of the host that a client asks for; which maps
// the name that the client sent, maybe none, to one of the hosts here.
func (l *Lab) serverTLS(which func(name string) string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		Time:       l.clock.Now,
		// A session that is resumed would show no certificate.
		SessionTicketsDisabled: true,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			name := which(hello.ServerName)
			return l.certificates.shown(name, l.faultKey(name))
		},
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

// World is the lab as the operator's machine sees it: the lab's clock, its
// Network over documentation addresses, its resolver and its root.
func (l *Lab) World() world.World {
	return world.World{
		Clock: l.clock,
		Network: world.Network{
			Dial:      l.dial,
			Resolvers: []netip.AddrPort{netip.AddrPortFrom(resolverHost.ipv4(), 53)},
			Roots:     l.ca.pool(),
			Controls:  []string{controlName},
		},
	}
}

// RootsPEM is the lab's root certificate in PEM, for programs that take a file.
func (l *Lab) RootsPEM() []byte { return l.ca.pem() }

// Now is what time it is in the lab.
func (l *Lab) Now() time.Time { return l.clock.Now() }

// Wind moves the lab's clock by d, which may be negative, and renews the
// certificates of which two thirds are over then.
func (l *Lab) Wind(d time.Duration) error {
	l.clock.wind(d)
	if err := l.certificates.renewDue(l.faultKey); err != nil {
		return fmt.Errorf("wind the lab's clock: %w", err)
	}
	return nil
}

// Domain is the mail domain.
func (l *Lab) Domain() string { return l.options.Domain }

// MX are the names of the MX hosts in order of preference.
func (l *Lab) MX() []string { return slices.Clone(l.mx) }

// PolicyAddresses are the addresses of the policy host, IPv4 first: what
// mta-sts.DOMAIN is to point at.
func (l *Lab) PolicyAddresses() []netip.Addr { return policyHostAt.addresses() }

// WebRoot is the folder that the policy host serves for the mail domain.
func (l *Lab) WebRoot() string { return l.folder.web(l.options.Domain) }

// WebRootOf is the folder that the policy host serves for one of the lab's mail
// domains.
func (l *Lab) WebRootOf(domain string) string { return l.folder.web(domain) }

// Inbox is the Maildir that holds the mail for tlsrpt@ the lab's mail domains.
func (l *Lab) Inbox() string { return l.folder.inbox() }

// Close stops every server and sender, waits for them, and removes the lab's
// folder. Calling it again does nothing.
func (l *Lab) Close() error {
	l.closing.Do(func() { l.closed = l.shut() })
	return l.closed
}

// shutdownTime bounds how long name servers may take to end, in real time.
const shutdownTime = 5 * time.Second

func (l *Lab) shut() error {
	l.stop()
	l.passing.Lock()
	defer l.passing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	var errs []error
	if l.policy != nil {
		errs = append(errs, l.policy.close())
	}
	for _, h := range l.mail {
		h.close()
	}
	for _, s := range l.dns {
		errs = append(errs, s.close(ctx))
	}
	if l.folder != nil {
		errs = append(errs, l.folder.remove())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the lab: %w", err)
	}
	return nil
}
