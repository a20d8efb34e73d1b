package dns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"belay/providers/dns/gandi"
	"belay/providers/rest"
)

// gandiZones is an account at Gandi, through a library of belay's own: the one at
// github.com/libdns/gandi appends in SetRecords, so that a new id would leave the old
// one beside it, and senders take two records for none (RFC 8461 section 3.1); and
// it does not delete one TXT value of two.
//
// LiveDNS keeps whole RRsets: one call replaces a set and nothing else.
type gandiZones struct{ api *gandi.Provider }

func openGandi(c credentials, o Options) (Source, error) {
	token, err := c.need("token", "the personal access token")
	if err != nil {
		return nil, err
	}
	client, err := owned(o)
	if err != nil {
		return nil, err
	}
	return &gandiZones{api: &gandi.Provider{BearerToken: token, SharingID: c.get("sharing_id"), BaseURL: o.BaseURL, HTTPClient: client}}, nil
}

func (g *gandiZones) Label() string { return "Gandi" }

// Zone looks among the domains that the token sees.
func (g *gandiZones) Zone(ctx context.Context, name string) (Zone, error) {
	zones, err := g.api.ListZones(ctx)
	if err != nil {
		return Zone{}, g.said(err)
	}
	held, ok := holding(zones, name)
	if !ok {
		return Zone{}, fmt.Errorf("the token is valid, but sees no domain for %s (it sees %d): the domain is in another organization, does not use LiveDNS, or is not among the token's resources", name, len(zones))
	}
	servers, err := g.api.NameServers(ctx, held)
	if err != nil {
		return Zone{}, g.said(err)
	}
	apex, err := g.api.RecordsAt(ctx, held, "@") // which may give them names of its own
	if err != nil {
		return Zone{}, g.said(err)
	}
	return Zone{Name: held, Notes: serversNote(servers), NameServers: joined(servers, nameServersAt(apex)), LeastTTL: uint32(gandi.LeastTTL / time.Second)}, nil
}

// Zones asks Gandi for its first page.
func (g *gandiZones) Zones(ctx context.Context) ([]string, bool, error) {
	zones, more, err := g.api.FirstZones(ctx, zonesAsked)
	if err != nil {
		return nil, false, g.said(err)
	}
	var out []string
	for _, z := range zones {
		out = append(out, plainName(z.Name))
	}
	return out, more, nil
}

// At reads the sets of one name by one call.
func (g *gandiZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	found, err := g.api.RecordsAt(ctx, z.Name, relative(name, z.Name))
	if err != nil {
		return nil, g.said(err)
	}
	return setsOf(name, found), nil
}

// Replace makes the set by one call. To leave nothing, only what has been read is
// deleted: what has come since stays, and is seen.
func (g *gandiZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	if len(want.Values) == 0 {
		have.TTL = 0 // whatever it is
		_, err := g.api.DeleteRecords(ctx, z.Name, recordsOf(z, have))
		return g.said(err)
	}
	_, err := g.api.SetRecords(ctx, z.Name, recordsOf(z, want))
	return g.said(err)
}

// Prove has nothing left to test: Gandi does not tell what a token may do.
func (g *gandiZones) Prove(context.Context, Zone, string) ([]string, error) {
	return []string{"The token reads the domain's records; the right to change them is only proved by the first write."}, nil
}

// said is a refusal by Gandi as what to do.
func (g *gandiZones) said(err error) error {
	e, ok := errors.AsType[*gandi.Error](err)
	if !ok {
		return err
	}
	mend := ""
	switch {
	case e.Status == http.StatusUnauthorized:
		mend = "the personal access token is wrong; make one in the organization's Sharing tab (old API keys are not taken)"
	case e.Status == http.StatusForbidden && e.Method == http.MethodGet:
		mend = "the personal access token is wrong or has expired, or may not see this; make one with \"Manage domain name technical configurations\" for the domain"
	case e.Status == http.StatusForbidden:
		mend = "the token may not change this domain's records; give it \"Manage domain name technical configurations\" for the domain"
	case e.Status == http.StatusBadRequest:
		mend = "Gandi does not take the record"
	}
	return rest.Refuse("Gandi", g.api.BearerToken, e.Status, e.Message, e.ContentType, e.RetryAfter, mend)
}
