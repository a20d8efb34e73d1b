package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"belay/rollout/world"
)

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
	top, zones   zones // the root and test.; the mail domains'

	slowness        atomic.Int64 // time.Duration
	refuseTransfers atomic.Bool
	loseUpdates     atomic.Bool
	updates         updateLog
	delivered       deliveryLog
	asked           questionLog

	passing sync.Mutex // held while a day passes, and by Close
	senders []*sender

	running context.Context // ends at Close
	stop    context.CancelFunc
	dns     []*dnsServer
	mail    []*mailHost
	policy  *policyHost
	other   *policyHost
	front   *front // what stands on port 80
	shared  *share // nil until Share
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
	if l.ca, err = newAuthority("Lab", l.options.Start); err != nil {
		return err
	}
	stranger, err := newAuthority("Stranger", l.options.Start)
	if err != nil {
		return err
	}
	l.certificates = newCertificates(l.ca, stranger, l.clock, l.faults)
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
	if err = l.startPolicyHosts(); err != nil {
		return err
	}
	return l.startFront()
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

// OtherPolicyHost is a second machine that could be the policy host: its addresses,
// IPv4 first, and the folder it serves for the mail domain. It has no faults.
func (l *Lab) OtherPolicyHost() (addresses []netip.Addr, webRoot string) {
	return otherPolicyHostAt.addresses(), l.folder.otherWeb(l.options.Domain)
}

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
	if l.shared != nil {
		l.shared.close()
	}
	for _, p := range []*policyHost{l.policy, l.other} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	if l.front != nil {
		errs = append(errs, l.front.close())
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
