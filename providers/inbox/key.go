package inbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// LookupTXT asks for the TXT records of name, each with its strings joined. A
// name that does not exist, or has no TXT record, is no error but no records; an
// error means that it could not be asked just now. A *net.DNSError that says
// "not found" is taken for no records too.
type LookupTXT func(ctx context.Context, name string) ([]string, error)

const (
	keyTimeout = 10 * time.Second // for one lookup
	maxKeys    = 10_000           // names remembered during an import
	// Lookups that fail in one import, of one organisation and of all that are no known
	// senders, before no more are made: whoever lets them time out, or makes up new
	// names, must neither hold up the import nor keep a known sender's key from being
	// asked for. What was not asked stays pending.
	maxFailedOfOne = 2
	maxFailed      = 12
)

// keys remembers the DKIM keys of one import, so that each is asked for once,
// also where it could not be had. Only keys that would align are asked for: no
// mail makes belay query a name of the sender's choosing outside the sender's
// own organisation.
type keys struct {
	lookup LookupTXT
	knows  func(org string) bool // nil knows nobody
	mu     sync.Mutex
	known  map[string]*key
	failed map[string]int // lookups, by organisational domain; "" counts all strangers
}

type key struct {
	once    sync.Once
	records []string
	err     error
}

func newKeys(lookup LookupTXT, knows func(org string) bool) *keys {
	return &keys{lookup: lookup, knows: knows, known: make(map[string]*key), failed: make(map[string]int)}
}

// get returns the key records of name as a DKIM verifier of reports must read
// them. An error is a temporary failure.
func (k *keys) get(ctx context.Context, name string) ([]string, error) {
	if k.lookup == nil {
		return nil, notNow{fmt.Errorf("look up DKIM key %s: no resolver was given", name)}
	}
	k.mu.Lock()
	entry := k.known[name]
	if entry == nil {
		if len(k.known) >= maxKeys {
			k.mu.Unlock()
			return nil, notNow{fmt.Errorf("look up DKIM key %s: more than %d keys in one import", name, maxKeys)}
		}
		entry = new(key)
		k.known[name] = entry
	}
	k.mu.Unlock()
	entry.once.Do(func() { entry.records, entry.err = k.ask(ctx, name) })
	return entry.records, entry.err
}

func (k *keys) ask(ctx context.Context, name string) ([]string, error) {
	_, domain, _ := strings.Cut(name, "._domainkey.")
	org := orgDomain(domain)
	stranger := k.knows == nil || !k.knows(org)
	k.mu.Lock()
	enough := k.failed[org] >= maxFailedOfOne || stranger && k.failed[""] >= maxFailed
	k.mu.Unlock()
	if enough {
		return nil, notNow{fmt.Errorf("look up DKIM key %s: too many lookups failed before it", name)}
	}
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	records, err := k.lookup(ctx, name)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil, nil
	}
	if err != nil {
		k.mu.Lock()
		k.failed[org]++
		if stranger {
			k.failed[""]++
		}
		k.mu.Unlock()
		return nil, notNow{fmt.Errorf("look up DKIM key %s: %w", name, err)}
	}
	var out []string
	for _, r := range records {
		if r, ok := forReports(r); ok {
			out = append(out, r)
		}
	}
	if len(out) == 0 && len(records) > 0 {
		return nil, errOtherService
	}
	return out, nil
}

// errOtherService says that the key at a name may sign other mail, but no reports.
var errOtherService = errors.New("the key is for other services than tlsrpt")

// forReports reads the service tag of a DKIM key record for reports: s= that
// names tlsrpt or * (or no s=) may sign them, s=email alone may not (RFC 8460
// section 3). go-msgauth knows the service "email" only, so the tag is taken out
// once it has been judged.
func forReports(record string) (string, bool) {
	var kept []string
	ok := true
	for tag := range strings.SplitSeq(record, ";") {
		name, value, _ := strings.Cut(tag, "=")
		if strings.TrimSpace(name) != "s" {
			kept = append(kept, tag)
			continue
		}
		ok = false
		for service := range strings.SplitSeq(value, ":") {
			service = strings.TrimSpace(service)
			ok = ok || service == "*" || strings.EqualFold(service, "tlsrpt")
		}
	}
	return strings.Join(kept, ";"), ok
}

// notNow is a temporary failure in the form go-msgauth recognises.
type notNow struct{ error }

func (n notNow) Unwrap() error   { return n.error }
func (n notNow) Timeout() bool   { return true }
func (n notNow) Temporary() bool { return true }
