// Package gandi changes DNS records at Gandi, through its LiveDNS API (v5). It
// implements the interfaces of libdns and keeps their contract to the letter.
//
//	p := &gandi.Provider{BearerToken: token}
//	_, err := p.SetRecords(ctx, "example.com.", []libdns.Record{
//		libdns.TXT{Name: "_mta-sts", TTL: 5 * time.Minute, Text: "v=STSv1; id=20261101;"},
//	})
//
// # Credentials
//
// A personal access token (organization, Sharing, Create a token) with the
// permission to manage the technical configuration of domains, limited to the
// domains it is for. Gandi's old API keys are not supported.
//
// # What it does
//
// LiveDNS keeps whole RRsets: all records of one name and type, with one TTL.
//
//   - SetRecords replaces each RRset of the input by one PUT, so each is changed
//     at once or not at all. Several RRsets are several calls, in the order of the
//     input; where one fails, the earlier ones stay changed.
//   - AppendRecords adds to what stands. An RRset that stands keeps its TTL, since
//     another one would change records that were not to be touched. What stands
//     already is not created again, and not returned.
//   - DeleteRecords takes records out of their RRsets and leaves the rest as it is.
//     An empty type, TTL or value stands for any.
//   - GetRecords reads a zone, RecordsAt one name of it, which costs one call
//     whatever the size of the zone. Where a list changes under the reading it
//     begins anew. A record that libdns cannot parse is returned as a libdns.RR
//     instead of failing the rest. Records of DNSSEC and the SOA are Gandi's own and
//     not among them.
//
// The TTLs of one RRset's records in the input should agree; the lowest counts.
// Gandi takes no TTL below LeastTTL; a lower one is raised to it.
//
// A TXT value is plain text of any length; quoting, escaping and cutting it into
// strings of 255 bytes are done here. A host name in a value without its final dot
// is relative to the zone, as in zone files and at Gandi.
//
// # Calls
//
// Every call ends with its context, at most 30 s after it began, and after 16 MiB
// of an answer. Reading is tried again, up to three times in all, where the
// connection breaks or Gandi is out of order; anything is where Gandi says that
// there were too many calls and lets it try again within two seconds. A writing
// call whose fate is not known is never repeated. Redirects are not followed, for
// the token would go along. What Gandi refuses is an *Error.
//
// A Provider may be used by many goroutines; it makes one change of a zone at a
// time. Gandi has no way to compare before it writes, so two programs that append
// to one RRset at the same moment can still overwrite each other.
package gandi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/libdns/libdns"
)

// BaseURL is where Gandi's LiveDNS API stands.
const BaseURL = "https://api.gandi.net/v5/livedns"

// LeastTTL is the shortest TTL that Gandi takes.
const LeastTTL = 300 * time.Second

// Provider is one login at Gandi. It is ready to use once BearerToken is set, and
// must not be copied after its first use.
type Provider struct {
	// BearerToken is a personal access token. Required.
	BearerToken string `json:"bearer_token,omitempty"`
	// SharingID is the organization whose domains are meant, where the token's
	// owner belongs to several; empty for all of them.
	SharingID string `json:"sharing_id,omitempty"`
	// BaseURL is where the API stands; empty means the constant BaseURL.
	// https://api.sandbox.gandi.net/v5/livedns is Gandi's sandbox.
	BaseURL string `json:"base_url,omitempty"`
	// HTTPClient carries the calls; nil means one of its own. Its
	// CheckRedirect is not used.
	HTTPClient *http.Client `json:"-"`

	zones turns
}

// ListZones returns the domains whose zones the token sees, with a final dot.
func (p *Provider) ListZones(ctx context.Context) ([]libdns.Zone, error) {
	domains, err := pages[domain](ctx, p, "/domains", listPage)
	if err != nil {
		return nil, fmt.Errorf("list the domains: %w", err)
	}
	return zonesOf(domains), nil
}

// FirstZones returns the first of the zones that ListZones would, as one answer tells
// them: most is how many are asked for, and Gandi may tell fewer. others says that
// there are more.
func (p *Provider) FirstZones(ctx context.Context, most int) (zones []libdns.Zone, others bool, err error) {
	domains, header, err := page[domain](ctx, p, "/domains", most, 1)
	if err != nil {
		return nil, false, fmt.Errorf("list the domains: %w", err)
	}
	return zonesOf(domains), more(header, len(domains)), nil
}

// NameServers returns the names of the servers that Gandi would answer for the
// zone from, without final dot. Whether the zone is delegated to them is another
// matter.
func (p *Provider) NameServers(ctx context.Context, zone string) ([]string, error) {
	var names []string
	if _, err := p.call(ctx, http.MethodGet, zonePath(zone)+"/nameservers", nil, nil, &names); err != nil {
		return nil, fmt.Errorf("read the name servers of %s: %w", zoneName(zone), err)
	}
	if names == nil {
		return nil, fmt.Errorf("read the name servers of %s: %w", zoneName(zone), errNoList)
	}
	for i, n := range names {
		names[i] = zoneName(n)
	}
	return names, nil
}

// GetRecords returns all records of the zone.
func (p *Provider) GetRecords(ctx context.Context, zone string) ([]libdns.Record, error) {
	sets, err := pages[rrset](ctx, p, zonePath(zone)+"/records", listPage)
	if err != nil {
		return nil, fmt.Errorf("read the records of %s: %w", zoneName(zone), err)
	}
	return records(zoneName(zone), sets), nil
}

// RecordsAt returns the records of one name, of every type; none is no error. name
// is relative to the zone, "@" for the zone's own.
func (p *Provider) RecordsAt(ctx context.Context, zone, name string) ([]libdns.Record, error) {
	sets, err := p.setsAt(ctx, zone, name)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", name, zoneName(zone), err)
	}
	return records(zoneName(zone), sets), nil
}

// SetRecords makes the records of the input the only ones of their names and types.
// It returns them as they were written; with an error, those written before it.
func (p *Provider) SetRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	return p.change(ctx, zone, "set", recs, func(want rrset) ([]string, int, error) {
		return want.Values, want.TTL, p.put(ctx, zone, want)
	})
}

// AppendRecords adds records and leaves all others as they are. It returns those
// that it created; with an error, those created before it.
func (p *Provider) AppendRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	return p.change(ctx, zone, "append to", recs, func(want rrset) ([]string, int, error) {
		return p.append(ctx, zone, want)
	})
}

// change carries out one kind of change for each RRset of recs. do says which
// values it wrote, with which TTL.
func (p *Provider) change(ctx context.Context, zone, verb string, recs []libdns.Record, do func(rrset) ([]string, int, error)) ([]libdns.Record, error) {
	sets, err := grouped(zoneName(zone), recs)
	if err != nil {
		return nil, err
	}
	done, err := p.zones.take(ctx, zoneName(zone))
	if err != nil {
		return nil, fmt.Errorf("wait for an earlier change of %s: %w", zoneName(zone), err)
	}
	defer done()
	var out []libdns.Record
	for _, s := range sets {
		if s.Values, s.TTL, err = do(s); err != nil {
			return out, fmt.Errorf("%s %s %s in %s: %w", verb, s.Name, s.Type, zoneName(zone), err)
		}
		out = append(out, s.records(zoneName(zone))...)
	}
	return out, nil
}

// append adds the values that are not in the RRset yet. Where there is none it is
// created by POST, which refuses where one has come to be in between.
func (p *Provider) append(ctx context.Context, zone string, add rrset) ([]string, int, error) {
	for try := 1; ; try++ {
		have, err := p.set(ctx, zone, add.Name, add.Type)
		if err != nil {
			return nil, 0, err
		}
		if len(have.Values) == 0 {
			_, err := p.call(ctx, http.MethodPost, setPath(zone, add), nil, add.body(), nil)
			if isStatus(err, http.StatusConflict) && try < attempts {
				continue
			}
			return add.Values, add.TTL, err
		}
		missing := slices.DeleteFunc(slices.Clone(add.Values), func(v string) bool { return have.holds(zoneName(zone), v) })
		if len(missing) == 0 {
			return nil, have.TTL, nil
		}
		have.Values = append(have.Values, missing...)
		return missing, have.TTL, p.put(ctx, zone, have)
	}
}

// DeleteRecords removes the records that match one of the input, and returns those
// that it removed; with an error, those removed before it. What does not stand is
// passed over.
func (p *Provider) DeleteRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	z := zoneName(zone)
	unwanted, names, err := patterns(z, recs)
	if err != nil {
		return nil, err
	}
	done, err := p.zones.take(ctx, z)
	if err != nil {
		return nil, fmt.Errorf("wait for an earlier change of %s: %w", z, err)
	}
	defer done()
	var out []libdns.Record
	for _, name := range names {
		sets, err := p.setsAt(ctx, zone, name)
		if err != nil {
			return out, fmt.Errorf("delete from %s in %s: read it first: %w", name, z, err)
		}
		for _, s := range sets {
			gone, err := p.remove(ctx, zone, s, unwanted)
			if err != nil {
				return out, fmt.Errorf("delete from %s %s in %s: %w", s.Name, s.Type, z, err)
			}
			out = append(out, gone.records(z)...)
		}
	}
	return out, nil
}

// remove takes what matches out of one RRset and returns it.
func (p *Provider) remove(ctx context.Context, zone string, s rrset, unwanted []libdns.RR) (rrset, error) {
	keep, gone := s, s
	keep.Values, gone.Values = nil, nil
	for _, v := range s.Values {
		if s.matches(zoneName(zone), v, unwanted) {
			gone.Values = append(gone.Values, v)
			continue
		}
		keep.Values = append(keep.Values, v)
	}
	switch {
	case len(gone.Values) == 0:
		return gone, nil
	case len(keep.Values) > 0:
		return gone, p.put(ctx, zone, keep)
	}
	_, err := p.call(ctx, http.MethodDelete, setPath(zone, s), nil, nil, nil)
	if !isStatus(err, http.StatusNotFound) {
		return gone, err
	}
	// Somebody else may have removed it; then there is nothing to complain of.
	if now, again := p.set(ctx, zone, s.Name, s.Type); again != nil || len(now.Values) > 0 {
		return gone, err
	}
	return rrset{}, nil
}

// put makes the RRset so.
func (p *Provider) put(ctx context.Context, zone string, s rrset) error {
	_, err := p.call(ctx, http.MethodPut, setPath(zone, s), nil, s.body(), nil)
	return err
}

// set reads one RRset; one that is not there has no values. That the zone is not
// there shows at the change that follows.
func (p *Provider) set(ctx context.Context, zone, name, typ string) (rrset, error) {
	s := rrset{Name: name, Type: typ}
	_, err := p.call(ctx, http.MethodGet, setPath(zone, s), nil, nil, &s)
	switch {
	case isStatus(err, http.StatusNotFound):
		err = nil
	case err == nil && s.Values == nil:
		err = fmt.Errorf("GET %s: %w", setPath(zone, s), errNoList)
	}
	s.Name, s.Type = name, typ
	return s, err
}

// setsAt reads the RRsets of one name.
func (p *Provider) setsAt(ctx context.Context, zone, name string) ([]rrset, error) {
	name, err := relative(name, zoneName(zone))
	if err != nil {
		return nil, err
	}
	sets, err := pages[rrset](ctx, p, zonePath(zone)+"/records/"+url.PathEscape(name), 0)
	if isStatus(err, http.StatusNotFound) {
		// Nothing stands there, or there is no such zone.
		if _, missing := p.call(ctx, http.MethodGet, zonePath(zone), nil, nil, nil); missing != nil {
			return nil, errors.Join(err, missing)
		}
		return nil, nil
	}
	return slices.DeleteFunc(sets, func(s rrset) bool { return !strings.EqualFold(s.Name, name) }), err
}

// Interface guards
var (
	_ libdns.RecordGetter   = (*Provider)(nil)
	_ libdns.RecordAppender = (*Provider)(nil)
	_ libdns.RecordSetter   = (*Provider)(nil)
	_ libdns.RecordDeleter  = (*Provider)(nil)
	_ libdns.ZoneLister     = (*Provider)(nil)
)
