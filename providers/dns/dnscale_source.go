package dns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/providers/dns/dnscale"
	"belay/providers/rest"
	"belay/rollout/finding"
)

// dnscaleZones is an account at DNScale, through a library of belay's own; there is
// no other for libdns.
//
// DNScale keeps single records and can only be asked for a whole zone: reading a
// name is a walk over its pages, of which only that name is kept.
type dnscaleZones struct {
	api *dnscale.Provider

	mu sync.Mutex
	// known are the zones that have been looked at, by name: their name servers
	// stand among their records, and are read once.
	known map[string]Zone
}

func openDNScale(c credentials, o Options) (Source, error) {
	key, err := c.need("api_key", "the API key")
	if err != nil {
		return nil, err
	}
	client, err := owned(o)
	if err != nil {
		return nil, err
	}
	return &dnscaleZones{
		api:   &dnscale.Provider{APIKey: key, BaseURL: o.BaseURL, HTTPClient: client},
		known: map[string]Zone{},
	}, nil
}

func (d *dnscaleZones) Label() string { return "DNScale" }

// Zone looks among the zones that the key sees.
func (d *dnscaleZones) Zone(ctx context.Context, name string) (Zone, error) {
	zones, err := d.api.ListZones(ctx)
	if err != nil {
		return Zone{}, d.said(err)
	}
	held, ok := holding(zones, name)
	if !ok {
		return Zone{}, fmt.Errorf("the API key is valid, but its account has no zone for %s (it has %d): the zone is in another account", name, len(zones))
	}
	d.mu.Lock()
	z, ok := d.known[held]
	d.mu.Unlock()
	if ok {
		return z, nil
	}
	status, err := d.api.Status(ctx, held)
	if err != nil {
		return Zone{}, d.said(err)
	}
	if status != "" && status != "active" {
		return Zone{}, fmt.Errorf("the zone %s is %s at DNScale, not active: what is written there is not answered until it is set to active in the dashboard", held, finding.Quote(status, 40))
	}
	apex, err := d.api.RecordsAt(ctx, held, "@")
	if err != nil {
		return Zone{}, d.said(err)
	}
	servers := nameServersAt(apex)
	z = Zone{Name: held, Notes: serversNote(servers), NameServers: servers, LeastTTL: uint32(dnscale.LeastTTL / time.Second)}
	d.mu.Lock()
	d.known[held] = z
	d.mu.Unlock()
	return z, nil
}

// Zones asks for the first page of zones.
func (d *dnscaleZones) Zones(ctx context.Context) ([]string, bool, error) {
	first, more, err := d.api.FirstZones(ctx, zonesAsked)
	if err != nil {
		return nil, false, d.said(err)
	}
	var out []string
	for _, z := range first {
		out = append(out, plainName(z.Name))
	}
	return out, more, nil
}

// At reads the records of one name. Disabled ones are not in DNS, and not here.
func (d *dnscaleZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	found, err := d.api.StandingAt(ctx, z.Name, relative(name, z.Name))
	if err != nil {
		return nil, d.said(err)
	}
	var sets []RRset
	for _, s := range found {
		if rr := s.Record.RR(); !s.Disabled {
			sets = gather(sets, name, rr.Type, uint32(rr.TTL/time.Second), rr.Data)
		}
	}
	for i := range sets {
		sets[i].own = dnscaleStanding(found, sets[i].Type)
	}
	return sets, nil
}

// dnscaleStanding are the records of one type, those in DNS first. A disabled one
// has no TTL here, so that it is written, and thereby enabled, where it is wanted.
func dnscaleStanding(found []dnscale.Standing, typ string) []dnscaleRecord {
	var live, off []dnscaleRecord
	for _, s := range found {
		rr := s.Record.RR()
		switch r := (dnscaleRecord{stored{id: s.ID, value: canonical(typ, rr.Data)}, s.Disabled}); {
		case rr.Type != typ:
		case s.Disabled:
			off = append(off, r)
		default:
			r.ttl = uint32(rr.TTL / time.Second)
			live = append(live, r)
		}
	}
	return append(live, off...)
}

// dnscaleRecord is one record that has been read.
type dnscaleRecord struct {
	stored
	disabled bool
}

// Replace changes the records that have been read, by their ids, and creates what is
// missing: what has come since stays, and is seen. A disabled record is nobody's
// business, unless it is wanted and no other has its value.
func (d *dnscaleZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	want.TTL = min(want.TTL, uint32(dnscale.MostTTL/time.Second))
	read, _ := have.own.([]dnscaleRecord)
	var stands []stored
	for _, r := range read {
		same := func(s stored) bool { return s.value == r.value }
		if r.disabled && (!slices.Contains(want.Values, r.value) || slices.ContainsFunc(stands, same)) {
			continue
		}
		stands = append(stands, r.stored)
	}
	return d.said(movesTo(stands, want).carryOut(ctx, d, z, want))
}

// create adds the record. It does not touch those beside it, and enables one that
// stands already and is disabled.
func (d *dnscaleZones) create(ctx context.Context, z Zone, want RRset, value string) error {
	want.Values = []string{value}
	_, err := d.api.AppendRecords(ctx, z.Name, recordsOf(z, want))
	return err
}

func (d *dnscaleZones) rewrite(ctx context.Context, z Zone, want RRset, id, value string) error {
	want.Values = []string{value}
	return d.api.RewriteRecord(ctx, z.Name, id, recordsOf(z, want)[0])
}

func (d *dnscaleZones) remove(ctx context.Context, z Zone, id string) error {
	return d.api.RemoveRecord(ctx, z.Name, id)
}

// Prove has nothing left to test: DNScale does not tell a key's scopes.
func (d *dnscaleZones) Prove(context.Context, Zone, string) ([]string, error) {
	return []string{"The key reads the zone's records; the scope records:write is only proved by the first write."}, nil
}

// said is a refusal by DNScale as what to do.
func (d *dnscaleZones) said(err error) error {
	e, ok := errors.AsType[*dnscale.Error](err)
	if !ok {
		return err
	}
	mend := ""
	switch {
	case e.Status == http.StatusUnauthorized:
		mend = "the API key is wrong, expired or revoked; make one in the dashboard, with the scopes zones:read, records:read and records:write"
	case e.Status == http.StatusForbidden && e.Method != http.MethodGet:
		mend = "the API key may not change records; give it the scope records:write"
	case e.Status == http.StatusForbidden && strings.HasSuffix(e.Path, "/records"):
		mend = "the API key may not read records; give it the scope records:read"
	case e.Status == http.StatusForbidden:
		mend = "the API key may not list zones; give it the scope zones:read"
	case e.Status == http.StatusConflict:
		mend = "DNScale holds something there that the record cannot stand beside"
	case e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity:
		mend = "DNScale does not take the record"
	}
	return rest.Refuse("DNScale", d.api.APIKey, e.Status, e.Message, e.ContentType, e.RetryAfter, mend)
}
