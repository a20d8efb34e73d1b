// Package dns changes records through the systems that keep a zone: one adapter
// for whole RRsets in front of very different providers.
//
// No provider is believed. What libdns promises (SetRecords leaves exactly the
// records given) half of its providers do not keep: they append, keep the last
// of several values, swallow errors or report success for nothing. So an Account
// always walks the same way: it reads the name, refuses where that is not what
// the plan saw, lets the provider write by the strategy that suits it, reads
// again and compares. What the second reading shows decides; what the call
// returned is only the explanation.
//
// A provider is one small Source: which zone holds a name, what stands at a name,
// make this RRset so, prove the credential. The calls run guarded: each in its
// own goroutine with a deadline and a recover, one at a time per account, so that
// a library that hangs or panics costs one edit and not the terminal.
//
// Only the places that rollout.Writable names can be written, whoever asks.
package dns

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"belay/rollout"
)

// Account is one login at one provider, opened for one policy domain. It is the
// record half of rollout.Writer. An Account may be used by many goroutines; its
// provider sees one call at a time.
type Account interface {
	// Read says what stands at e.Name and e.Type. Where something stands there
	// that a Value cannot tell (a Route 53 alias, a record behind Cloudflare's
	// proxy), it returns a Held whose Err says so, and no error.
	Read(ctx context.Context, e rollout.Edit) (rollout.Held, error)
	// Apply carries out e as rollout.Writer says. The outcome is Found, Applied,
	// Waiting (manual only), Refused (the world is not what the plan saw, or e
	// is not writable), Failed (nothing was changed) or Unknown (written or
	// half written, and not seen as wanted).
	Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error)
	// Try proves the credential and the zone for domain by reading alone. The
	// error is one sentence an operator can act on.
	Try(ctx context.Context, domain string) (rollout.Trial, error)
}

// A ZoneFinder says from outside which zone a name lies in: the apex, in lower
// case without final dot.
type ZoneFinder interface {
	ZoneOf(ctx context.Context, name string) (string, error)
}

// A Seer sees one edit from outside, at every authoritative server; it is the
// part of rollout.Looker that manual edits need. What a wildcard answers in place
// of e.After does not stand at the name: there nothing is seen.
type Seer interface {
	See(ctx context.Context, e rollout.Edit, emit rollout.Sink) (rollout.Value, rollout.Evidence, error)
}

// Options are what an account is opened with beside its credentials.
type Options struct {
	// Domain is the policy domain, in A-labels without final dot. Nothing
	// outside its three names is ever written. Required.
	Domain string
	// Finder finds zones from outside. With nil the provider's word is taken;
	// for manual, the zone that the edit names.
	Finder ZoneFinder
	// Delegation says who answers for a zone. With nil the provider's name servers
	// are compared with nobody's.
	Delegation Delegation
	// Seer is how manual edits are looked for; required for manual. For a provider
	// with an API it is what its data is compared with.
	Seer Seer
	// BaseURL replaces the API's address: for Cloudflare
	// https://api.cloudflare.com/client/v4. For tests, and for proxies that
	// stand before the API. Route 53 has AWS_ENDPOINT_URL_ROUTE_53 for this.
	BaseURL string
	// Transport carries the provider's HTTPS; nil means the default one.
	Transport http.RoundTripper
	// Patience is the longest one call at the provider may take, in real time;
	// zero means 30 s.
	Patience time.Duration
}

// Open opens an account at the provider with this catalogue id. creds maps the
// catalogue's field keys to their values; unknown keys are ignored. It asks
// nobody anything: it fails only where the credential cannot be one (a required
// field is empty, a secret is not base64). Such an error never holds a secret.
func Open(provider string, creds map[string]string, o Options) (Account, error) {
	if o.Domain == "" {
		return nil, fmt.Errorf("open the DNS account at %s: no policy domain was given", provider)
	}
	if o.Patience <= 0 {
		o.Patience = 30 * time.Second
	}
	if provider == "manual" {
		return openManual(o)
	}
	open, ok := sources()[provider]
	if !ok {
		return nil, fmt.Errorf("open the DNS account: belay speaks with no provider %q; manual works with every one", provider)
	}
	c := credentials{}
	for k, v := range creds {
		c[k] = v
	}
	src, err := open(c, o)
	if err != nil {
		return nil, fmt.Errorf("open the DNS account at %s: %w", provider, err)
	}
	return &remote{source: src, o: o, secrets: c.secrets(), seat: make(seat, 1), zones: map[string]Zone{}, waiting: map[string]*reading{}}, nil
}

// sources are the providers behind the adapter, by catalogue id.
func sources() map[string]func(credentials, Options) (Source, error) {
	return map[string]func(credentials, Options) (Source, error){
		"cloudflare":     openCloudflare,
		"route53":        openRoute53,
		"rfc2136":        openRFC2136,
		"desec":          openDeSEC,
		"hetzner":        openHetzner,
		"digitalocean":   openDigitalOcean,
		"ovh":            openOVH,
		"gandi":          openGandi,
		"dnscale":        openDNScale,
		"porkbun":        openPorkbun,
		"linode":         openLinode,
		"googleclouddns": openGoogleCloudDNS, // under the build tag google
	}
}

var (
	_ Account = (*remote)(nil)
	_ Account = (*manual)(nil)
)
