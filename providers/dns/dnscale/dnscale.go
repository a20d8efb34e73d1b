// Package dnscale changes DNS records at DNScale (dnscale.eu), through its public
// API (v1). It implements the interfaces of libdns and keeps their contract to the
// letter.
//
//	p := &dnscale.Provider{APIKey: key}
//	_, err := p.SetRecords(ctx, "example.com.", []libdns.Record{
//		libdns.TXT{Name: "_mta-sts", TTL: 5 * time.Minute, Text: "v=STSv1; id=20261101;"},
//	})
//
// # Credentials
//
// An API key with the scopes zones:read, records:read and records:write.
//
// # What it does
//
// DNScale keeps single records under ids made from their name, type and content,
// so that an id changes with its record. One TTL holds for all records of a name
// and type; whichever is written last gives it to all of them.
//
//   - SetRecords rewrites old records into new ones in place as far as they go
//     round, then adds what is missing, then deletes what is left over. So an RRset
//     is never empty on the way, but it is not changed at once: where a call fails,
//     the ones before it stand.
//   - AppendRecords adds records. An RRset that stands keeps its TTL, since another
//     one would change records that were not to be touched. What stands already is
//     not created again, and not returned.
//   - DeleteRecords deletes record by record. An empty type, TTL or value stands
//     for any.
//   - RewriteRecord and RemoveRecord change one record by the id that StandingAt has
//     told, and look at no other: for those who have read and compared before, and
//     want what has come in between to stay.
//   - GetRecords reads a zone, RecordsAt keeps one name of it. The API cannot be
//     asked for less than a zone; it tells 1000 records a call, and of a page only
//     what is wanted stays in memory. Where the zone changes under the reading it
//     begins anew. A record that libdns cannot parse is returned as a libdns.RR
//     instead of failing the rest.
//
// Disabled records are not in DNS. They are not returned and not deleted; one that
// SetRecords or AppendRecords wants is enabled.
//
// The TTLs of one RRset's records in the input should agree; the lowest counts.
// DNScale's documents name 120 s and 300 s as the least TTL: lower ones are raised
// to LeastTTL, which it takes either way, and higher ones than MostTTL lowered.
//
// A TXT value is plain text of any length, and so it is sent. Only a text that is
// nothing but quoted strings cannot be told from its own quotation, and comes back
// without its quotes. Host names in values are whole names:
// the final dot may be left out.
//
// # Calls
//
// Every call ends with its context, at most 30 s after it began, and after 16 MiB
// of an answer. Reading is tried again, up to three times in all, where the
// connection breaks or DNScale is out of order; anything is where DNScale says
// that there were too many calls and lets it try again within two seconds. A
// writing call whose fate is not known is never repeated. Redirects are not
// followed, for the key would go along. What DNScale refuses is an *Error.
//
// A Provider may be used by many goroutines; it makes one change of a zone at a
// time.
package dnscale

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/libdns/libdns"
)

// BaseURL is where DNScale's API stands.
const BaseURL = "https://api.dnscale.eu/v1"

// LeastTTL and MostTTL bound what this package writes.
const (
	LeastTTL = 300 * time.Second
	MostTTL  = 24 * time.Hour
)

// Provider is one login at DNScale. It is ready to use once APIKey is set, and
// must not be copied after its first use.
type Provider struct {
	// APIKey is required.
	APIKey string `json:"api_key,omitempty"`
	// BaseURL is where the API stands; empty means the constant BaseURL. An
	// address without a path gets /v1.
	BaseURL string `json:"base_url,omitempty"`
	// HTTPClient carries the calls; nil means one of its own. Its
	// CheckRedirect is not used.
	HTTPClient *http.Client `json:"-"`

	changing turns

	mu  sync.Mutex
	ids map[string]string // zone name -> id
}

// ListZones returns the zones that the key sees, with a final dot.
func (p *Provider) ListZones(ctx context.Context) ([]libdns.Zone, error) {
	known, err := p.list(ctx)
	if err != nil {
		return nil, err
	}
	return zonesOf(known), nil
}

// FirstZones returns the first of the zones that ListZones would, as one answer
// tells them: most at most, and never more than 100. others says that there are
// more, or may be, where DNScale does not number them.
func (p *Provider) FirstZones(ctx context.Context, most int) (zones []libdns.Zone, others bool, err error) {
	g, some, err := leaf[zone](ctx, p, "/zones", 0, min(most, zonesPage))
	if err != nil {
		return nil, false, fmt.Errorf("list the first zones: %w", err)
	}
	return zonesOf(some), !g.last(len(some), len(some)), nil
}

func zonesOf(known []zone) []libdns.Zone {
	zones := make([]libdns.Zone, 0, len(known))
	for _, z := range known {
		zones = append(zones, libdns.Zone{Name: zoneName(z.Name) + "."})
	}
	return zones
}

// GetRecords returns all records of the zone.
func (p *Provider) GetRecords(ctx context.Context, zone string) ([]libdns.Record, error) {
	found, err := p.read(ctx, zone, func(record) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("read the records of %s: %w", zoneName(zone), err)
	}
	return libdnsRecords(zoneName(zone), enabled(found)), nil
}

// RecordsAt returns the records of one name, of every type; none is no error. name
// is relative to the zone, "@" for the zone's own.
func (p *Provider) RecordsAt(ctx context.Context, zone, name string) ([]libdns.Record, error) {
	found, err := p.at(ctx, zone, name)
	if err != nil {
		return nil, err
	}
	return libdnsRecords(zoneName(zone), enabled(found)), nil
}

// SetRecords makes the records of the input the only ones of their names and types.
// It returns them as they were written; with an error, those written before it.
func (p *Provider) SetRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	return p.change(ctx, zone, "set", recs, p.replace)
}

// AppendRecords adds records and leaves all others as they are. It returns those
// that it created; with an error, those created before it.
func (p *Provider) AppendRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	return p.change(ctx, zone, "append to", recs, p.add)
}

// change carries out one kind of change for each RRset of recs. do is given what
// stands there and says what it wrote.
func (p *Provider) change(ctx context.Context, zone, verb string, recs []libdns.Record, do func(ctx context.Context, zone string, have []record, want rrset) ([]record, error)) ([]libdns.Record, error) {
	z := zoneName(zone)
	sets, err := grouped(z, recs)
	if err != nil || len(sets) == 0 {
		return nil, err
	}
	done, err := p.changing.take(ctx, z)
	if err != nil {
		return nil, fmt.Errorf("wait for an earlier change of %s: %w", z, err)
	}
	defer done()
	there, err := p.read(ctx, zone, func(r record) bool {
		return slices.ContainsFunc(sets, func(s rrset) bool { return s.has(z, r) })
	})
	if err != nil {
		return nil, fmt.Errorf("%s records of %s: read them first: %w", verb, z, err)
	}
	var out []libdns.Record
	for _, s := range sets {
		have := slices.DeleteFunc(slices.Clone(there), func(r record) bool { return !s.has(z, r) })
		wrote, err := do(ctx, z, have, s)
		out = append(out, libdnsRecords(z, wrote)...)
		if err != nil {
			return out, fmt.Errorf("%s %s %s in %s: %w", verb, s.name, s.typ, z, err)
		}
	}
	return out, nil
}

// replace makes want of what stands.
func (p *Provider) replace(ctx context.Context, zone string, have []record, want rrset) ([]record, error) {
	var kept, old, wrote []record
	missing := slices.Clone(want.contents)
	for _, r := range have {
		i := slices.IndexFunc(missing, func(c string) bool { return want.key(zone, c) == r.key(zone) })
		switch {
		case i < 0 && r.Disabled: // not in DNS, and nobody's business here
		case i < 0:
			old = append(old, r)
		default:
			kept = append(kept, r)
			missing = slices.Delete(missing, i, i+1)
		}
	}
	// A record that is to stay is written again only to enable it, or to bring
	// the TTL where no other record does.
	for i, r := range kept {
		stale := r.Disabled || i == 0 && len(missing) == 0 && r.TTL != want.ttl
		r.TTL, r.Disabled = want.ttl, false
		if stale {
			if err := p.put(ctx, zone, r.ID, r); err != nil {
				return wrote, err
			}
		}
		wrote = append(wrote, r)
	}
	for _, content := range missing {
		r := want.record(zone, content)
		var err error
		if len(old) > 0 {
			err = p.put(ctx, zone, old[0].ID, r)
			old = old[1:]
		} else {
			err = p.post(ctx, zone, r)
		}
		if err != nil {
			return wrote, err
		}
		wrote = append(wrote, r)
	}
	for _, r := range old {
		if err := p.remove(ctx, zone, r.ID); err != nil {
			return wrote, err
		}
	}
	return wrote, nil
}

// add writes what of want does not stand yet.
func (p *Provider) add(ctx context.Context, zone string, have []record, want rrset) ([]record, error) {
	if live := enabled(have); len(live) > 0 {
		want.ttl = live[0].TTL
	}
	var wrote []record
	for _, content := range want.contents {
		r := want.record(zone, content)
		i := slices.IndexFunc(have, func(h record) bool { return h.key(zone) == want.key(zone, content) })
		var err error
		switch {
		case i < 0:
			err = p.post(ctx, zone, r)
		case have[i].Disabled:
			err = p.put(ctx, zone, have[i].ID, r)
		default:
			continue
		}
		if err != nil {
			return wrote, err
		}
		wrote = append(wrote, r)
	}
	return wrote, nil
}

// DeleteRecords deletes the records that match one of the input, and returns those
// that it deleted; with an error, those deleted before it. What does not stand is
// passed over.
func (p *Provider) DeleteRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	z := zoneName(zone)
	unwanted, err := patterns(z, recs)
	if err != nil || len(unwanted) == 0 {
		return nil, err
	}
	done, err := p.changing.take(ctx, z)
	if err != nil {
		return nil, fmt.Errorf("wait for an earlier change of %s: %w", z, err)
	}
	defer done()
	there, err := p.read(ctx, zone, func(r record) bool { return !r.Disabled && r.matches(z, unwanted) })
	if err != nil {
		return nil, fmt.Errorf("delete from %s: read it first: %w", z, err)
	}
	var out []libdns.Record
	for _, r := range there {
		if err := p.remove(ctx, z, r.ID); err != nil {
			return out, fmt.Errorf("delete %s %s from %s: %w", r.name(z), r.Type, z, err)
		}
		out = append(out, r.libdns(z))
	}
	return out, nil
}

// Interface guards
var (
	_ libdns.RecordGetter   = (*Provider)(nil)
	_ libdns.RecordAppender = (*Provider)(nil)
	_ libdns.RecordSetter   = (*Provider)(nil)
	_ libdns.RecordDeleter  = (*Provider)(nil)
	_ libdns.ZoneLister     = (*Provider)(nil)
)
