package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"belay/rollout/finding"
	"belay/rollout/world"
)

// Pair names an operator's certificate: PEM files of the chain, leaf first, and of
// its key.
type Pair struct{ Cert, Key string }

// Own are certificates that an operator keeps in files, by whatever means. A file
// that was replaced is read at the next handshake, at most a second later; one that
// cannot be used is said in the log, and what it replaced goes on being shown. One
// handshake reads, and no other waits for it.
type Own struct {
	log *slog.Logger

	looking sync.Mutex // held by who looks at the files
	pairs   []*ownPair // what is in them is whose who looks

	mu     sync.RWMutex
	byName map[string][]*tls.Certificate // by the names in them, wildcards included
	looked world.Stopwatch               // since the files were looked at
}

// lookEvery is how often files are looked at, in handshakes that come anyway: with
// very many files less often.
func (o *Own) lookEvery() time.Duration {
	return max(time.Second, time.Duration(len(o.pairs))*10*time.Millisecond)
}

// ownPair is one pair as it was last read.
type ownPair struct {
	Pair
	cert *tls.Certificate
	was  [2]fs.FileInfo // of the files, when they were last tried
}

// OwnCertificates reads the pairs. It fails where one cannot be used.
func OwnCertificates(pairs []Pair, log *slog.Logger) (*Own, error) {
	o := &Own{log: log, looked: world.Start()}
	for _, p := range pairs {
		own := &ownPair{Pair: p}
		if err := own.read(); err != nil {
			return nil, err
		}
		o.pairs = append(o.pairs, own)
	}
	o.byName = o.index()
	return o, nil
}

// index is the certificates by the names in them.
func (o *Own) index() map[string][]*tls.Certificate {
	byName := map[string][]*tls.Certificate{}
	for _, p := range o.pairs {
		for _, name := range p.cert.Leaf.DNSNames {
			name = strings.ToLower(name)
			byName[name] = append(byName[name], p.cert)
		}
	}
	return byName
}

// of are the certificates that are good for host.
func (o *Own) of(host string) []*tls.Certificate {
	if found := o.byName[host]; found != nil {
		return found
	}
	_, parent, _ := strings.Cut(host, ".")
	return o.byName["*."+parent]
}

// read reads the pair as it stands now.
func (p *ownPair) read() error {
	now, err := p.stat()
	if err != nil {
		return err
	}
	p.was = now // tried, however it ends: not again until something changed
	cert, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", p.Cert, p.Key, err)
	}
	p.cert = &cert
	return nil
}

func (p *ownPair) stat() (now [2]fs.FileInfo, err error) {
	for i, name := range [...]string{p.Cert, p.Key} {
		if now[i], err = os.Stat(name); err != nil {
			return now, fmt.Errorf("certificate: %w", err)
		}
	}
	return now, nil
}

// changed reports whether the files are others than were last tried.
func (p *ownPair) changed() bool {
	now, err := p.stat()
	if err != nil {
		return false // in the midst of being replaced
	}
	return !same(now[0], p.was[0]) || !same(now[1], p.was[1])
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Certificate is the first pair for the host that is good for this client, or the last.
func (o *Own) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	o.refresh()
	o.mu.RLock()
	defer o.mu.RUnlock()
	found := o.of(plainName(hello.ServerName))
	if len(found) == 0 {
		return nil, fmt.Errorf("none of the certificate files is for %s", finding.Clean(hello.ServerName, 100))
	}
	for _, cert := range found[:len(found)-1] {
		if hello.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	return found[len(found)-1], nil
}

// refresh reads what changed, if nobody looked for a while and nobody looks now.
func (o *Own) refresh() {
	if o.due() && o.looking.TryLock() {
		defer o.looking.Unlock()
		o.lookIfDue()
	}
}

// due reports whether nobody looked at the files for a while.
func (o *Own) due() bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.looked.Elapsed() >= o.lookEvery()
}

// lookIfDue looks unless somebody did while o.looking was being taken, which must be
// held.
func (o *Own) lookIfDue() {
	if o.due() {
		o.look()
	}
}

// Reload reads at once what changed.
func (o *Own) Reload() {
	o.looking.Lock()
	defer o.looking.Unlock()
	o.look()
}

// look reads what changed; o.looking must be held. What is shown changes only when
// all is read.
func (o *Own) look() {
	looked := world.Start()
	for _, p := range o.pairs {
		if !p.changed() {
			continue
		}
		if err := p.read(); err != nil {
			o.log.Error("the certificate is kept that was read before", "error", finding.Clean(err.Error(), 400))
			continue
		}
		o.log.Info("certificate read anew", "file", p.Cert, "until", p.cert.Leaf.NotAfter.UTC())
	}
	byName := o.index()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.byName, o.looked = byName, looked
}

// HTTPChallenge leaves everything to next: no CA asks anything here.
func (o *Own) HTTPChallenge(next http.Handler) http.Handler { return next }

// Manage says for which hosts there is no certificate. There is nothing else to do.
func (o *Own) Manage(_ context.Context, hosts []string) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var errs []error
	for _, host := range hosts {
		if len(o.of(host)) == 0 {
			errs = append(errs, fmt.Errorf("none of the certificate files is for %s", host))
		}
	}
	return errors.Join(errs...)
}
