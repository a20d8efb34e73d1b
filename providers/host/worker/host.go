// Package worker has Cloudflare serve a policy: one Worker script a policy domain,
// and the custom domain mta-sts.DOMAIN that leads to it. There is no server to run;
// Cloudflare makes the record of mta-sts and the certificate. The token is the one
// that the zone's records are changed with, with one more right.
//
// A script that is not as belay wrote it, a custom domain that leads to another
// Worker and a record that stands at mta-sts are never written over: they are named.
// A new body is one call.
package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"belay/providers/host/remote"
	"belay/providers/rest"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// BaseURL is where Cloudflare's API is.
const BaseURL = "https://api.cloudflare.com/client/v4"

// Options are what a Host is opened with.
type Options struct {
	// Domain is the policy domain, in A-labels. Required.
	Domain string
	// Token is the API token. Required.
	Token string
	// ZoneToken is a second one that finds the zone, where the first may not.
	ZoneToken string
	// AccountID is Cloudflare's account; empty means the zone's.
	AccountID string
	// BaseURL replaces the API's address.
	BaseURL string
	// Transport carries the calls; nil is the default one.
	Transport http.RoundTripper
}

// Host is the Worker of one policy domain.
type Host struct {
	domain, account string
	api, zones      *rest.API
}

// Open asks nobody anything.
func Open(o Options) (*Host, error) {
	if o.Domain == "" || strings.TrimSpace(o.Token) == "" {
		return nil, errors.New("open the Worker at Cloudflare: the policy domain or the API token is missing")
	}
	if o.ZoneToken == "" {
		o.ZoneToken = o.Token
	}
	if o.BaseURL == "" {
		o.BaseURL = BaseURL
	}
	h := &Host{domain: o.Domain, account: strings.TrimSpace(o.AccountID)}
	var err error
	if h.api, err = client(o.BaseURL, o.Token, o.Transport); err == nil {
		h.zones, err = client(o.BaseURL, o.ZoneToken, o.Transport)
	}
	if err != nil {
		return nil, fmt.Errorf("open the Worker at Cloudflare: %w", err)
	}
	return h, nil
}

// Read says which policy the Worker serves at the custom domain. A script that
// nothing leads to serves nobody: nothing stands there then.
func (h *Host) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	if err := remote.CheckPolicy(e); err != nil {
		return rollout.Held{Account: e.Account, Name: e.Name, Type: e.Type, Err: err.Error()}, err
	}
	return remote.Hold(ctx, &place{Host: h}, e)
}

// Apply puts a body into the script, and leads the custom domain to it where it does
// not lead there yet.
func (h *Host) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	if err := remote.CheckPolicy(e); err != nil {
		return rollout.Receipt{EditID: e.ID, Outcome: rollout.Failed, Detail: err.Error()}, err
	}
	r, err := remote.Put(ctx, &place{Host: h}, e, e.After.SamePolicy)
	if err == nil && r.Outcome == rollout.Applied && !e.Before.Exists {
		r.Detail = "Cloudflare makes the record of " + mtasts.PolicyHost(h.domain) + " and its certificate now, which takes some minutes"
	}
	return r, err
}

// Try says, by reading alone, whether the Worker can be made and what is in its way.
func (h *Host) Try(ctx context.Context, domain string) (rollout.Trial, error) {
	z, err := h.zone(ctx)
	if err != nil {
		return rollout.Trial{}, err
	}
	name := scriptName(domain)
	t := rollout.Trial{Zone: z.Name, Lines: []string{fmt.Sprintf("Cloudflare keeps the zone %s in the account %s.", z.Name, finding.Clean(z.words(), 100))}}
	held, err := h.look(ctx, z)
	if err != nil {
		return t, err
	}
	host := mtasts.PolicyHost(domain)
	switch {
	case held.value().Exists:
		t.Lines = append(t.Lines, fmt.Sprintf("The Worker %s answers at %s.", name, host))
	case held.found:
		t.Lines = append(t.Lines, fmt.Sprintf("The Worker %s is there; nothing leads to it yet.", name))
	default:
		t.Lines = append(t.Lines, fmt.Sprintf("The Worker %s will be made, and %s with its record and certificate by Cloudflare.", name, host))
	}
	records, err := h.records(ctx, z)
	if err != nil {
		return t, err
	}
	for _, r := range records {
		t.Lines = append(t.Lines, r.inTheWay())
	}
	t.Lines = append(t.Lines, "The token reads Workers; the right to change them (Account: Workers Scripts: Edit) is only proved by the first write.")
	return t, nil
}

// String names the place.
func (h *Host) String() string { return "the Worker " + scriptName(h.domain) + " at Cloudflare" }

// place is the Worker as remote puts a body there, for one edit.
type place struct {
	*Host
	read standing // what Read found
}

// Read is what the Worker serves at the custom domain.
func (p *place) Read(ctx context.Context) (rollout.Value, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return rollout.Absent(), err
	}
	p.read, err = p.look(ctx, z)
	return p.read.value(), err
}

// Write uploads the script, and leads the custom domain to it. Cloudflare takes an
// upload from whoever comes last, so what stands there is read once more right
// before, the script that nothing leads to as well: another's is left alone.
func (p *place) Write(ctx context.Context, _, v rollout.Value) error {
	z, err := p.zone(ctx)
	if err != nil {
		return rest.Unsent(err)
	}
	held, err := p.look(ctx, z)
	if err != nil {
		return rest.Unsent(err)
	}
	if held != p.read {
		return fmt.Errorf("the script or its custom domain was changed by somebody else at this moment: %w", rollout.ErrStale)
	}
	if !held.found || held.body != v.Body {
		if err := p.upload(ctx, z, script(p.domain, v.Body)); err != nil {
			return fmt.Errorf("upload the script: %w", err)
		}
	}
	if held.attached {
		return nil
	}
	if err := p.attach(ctx, z); err != nil {
		return fmt.Errorf("the script is there and nothing leads to it yet: lead %s to it: %w", mtasts.PolicyHost(p.domain), err)
	}
	return nil
}
