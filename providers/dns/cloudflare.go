package dns

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"

	"github.com/libdns/cloudflare"
	"github.com/libdns/libdns"
)

// cloudflareZones is an account at Cloudflare. It writes through libdns and reads
// by its own calls, for two reasons: libdns can only read whole zones, and it
// drops the one field that matters most, whether a record is behind the proxy.
//
// libdns changes single records, not sets: SetRecords is right only where one
// record stands and one shall. Replace makes every other change of those.
type cloudflareZones struct {
	libdns *cloudflare.Provider
	api    *cloudflareAPI
}

// cloudflareTTL bounds a TTL in seconds: 1 stands for "automatic", which is
// served as 300; below 60 is for enterprise zones alone.
const (
	cloudflareAutomatic    = 1
	cloudflareAutomaticTTL = 300
	cloudflareLeastTTL     = 60
)

// cloudflareMayEdit is the note of a zone for which Cloudflare lists the right to
// change records.
const cloudflareMayEdit = "The token has DNS:Edit for it."

func openCloudflare(c credentials, o Options) (Source, error) {
	token, err := c.need("api_token", "the API token (not the Global API Key)")
	if err != nil {
		return nil, err
	}
	base := o.BaseURL
	if base == "" {
		base = cloudflareBase
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the API address %s is no http or https URL", finding.Quote(base, 200))
	}
	api := &cloudflareAPI{
		base:      u,
		token:     token,
		zoneToken: c.get("zone_token"),
		client: &http.Client{
			Transport: o.Transport, Timeout: 20 * time.Second,
			// The token would go along.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	return &cloudflareZones{
		api:    api,
		libdns: &cloudflare.Provider{APIToken: token, ZoneToken: api.zoneToken, HTTPClient: api},
	}, nil
}

func (c *cloudflareZones) Label() string { return "Cloudflare" }

// Zone asks for each name that could be the zone's, longest first.
func (c *cloudflareZones) Zone(ctx context.Context, name string) (Zone, error) {
	for _, n := range suffixes(name) {
		var zones []cloudflareZone
		if err := c.api.get(ctx, "/zones?name="+url.QueryEscape(n), &zones); err != nil {
			return Zone{}, fmt.Errorf("look for the zone %s: %w", n, err)
		}
		i := slices.IndexFunc(zones, func(z cloudflareZone) bool { return plainName(z.Name) == n })
		if i < 0 {
			continue
		}
		return zones[i].zone()
	}
	return Zone{}, fmt.Errorf("the token is valid, but sees no zone for %s: the zone is in another account, or the token lacks Zone:Read for it (zone resources: include this zone)", name)
}

// cloudflareZone is what the API tells of a zone.
type cloudflareZone struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Status      string   `json:"status"`
	NameServers []string `json:"name_servers"`
	// Vanity are the names of its own that a zone may have for them.
	Vanity      []string `json:"vanity_name_servers"`
	Permissions []string `json:"permissions"`
}

func (z cloudflareZone) zone() (Zone, error) {
	name := plainName(z.Name)
	if z.Status != "" && z.Status != "active" {
		return Zone{}, fmt.Errorf("the zone %s is %s at Cloudflare, not active: what is written there is not seen until its name servers (%s) are set at the registrar", name, finding.Quote(z.Status, 40), finding.Clean(strings.Join(z.NameServers, ", "), 200))
	}
	if slices.Contains(z.Permissions, "#dns_records:read") && !slices.Contains(z.Permissions, "#dns_records:edit") {
		return Zone{}, fmt.Errorf("the token may read the zone %s, but lacks DNS:Edit for it", name)
	}
	var notes []string
	if slices.Contains(z.Permissions, "#dns_records:edit") {
		notes = append(notes, cloudflareMayEdit)
	}
	if len(z.NameServers) > 0 {
		notes = append(notes, "Its name servers there: "+finding.Clean(strings.Join(z.NameServers, ", "), 200)+".")
	}
	return Zone{Name: name, ID: z.ID, Notes: notes, NameServers: plainNames(append(z.NameServers, z.Vanity...))}, nil
}

// cloudflareRecord is one record as the API tells it.
type cloudflareRecord struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"`
	TTL     uint32 `json:"ttl"`
	Proxied bool   `json:"proxied"`
	Meta    struct {
		// ReadOnly is set for what Cloudflare made itself.
		ReadOnly bool `json:"read_only"`
	} `json:"meta"`
}

// served is the TTL that DNS answers the record with, in seconds.
func (r cloudflareRecord) served() uint32 {
	if r.TTL == cloudflareAutomatic {
		return cloudflareAutomaticTTL
	}
	return r.TTL
}

// At reads the records of one name. Their own contents are kept, because a
// record is only deleted by the content it was read with.
func (c *cloudflareZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	var found []cloudflareRecord
	path := fmt.Sprintf("/zones/%s/dns_records?name=%s", url.PathEscape(z.ID), url.QueryEscape(name))
	if err := c.api.list(ctx, path, &found); err != nil {
		return nil, err
	}
	var sets []RRset
	for _, r := range found {
		if plainName(r.Name) != name {
			continue
		}
		value, ttl := r.Content, r.served()
		if r.Type == "TXT" {
			value = unquoteTXT(value, 10)
		}
		sets = gather(sets, name, r.Type, ttl, value)
		set := &sets[slices.IndexFunc(sets, func(s RRset) bool { return s.Type == r.Type })]
		set.TTL = max(set.TTL, ttl) // each record has its own; resolvers keep the set for no longer than the longest
		raw, _ := set.own.([]cloudflareRecord)
		set.own = append(raw, r)
		switch {
		case r.Meta.ReadOnly:
			set.Fronted, set.Special = true, "made by Cloudflare for a Worker, whose custom domain the name is: it goes when that goes"
		case r.Proxied:
			set.Fronted, set.Special = true, "behind Cloudflare's proxy: senders meet Cloudflare's addresses and certificate there, and the API cannot take it off through belay; set it to \"DNS only\" in the dashboard"
		}
	}
	return sets, nil
}

// Replace changes as little as it can: what is wanted already stays, one record
// is rewritten in place where one makes room for one, the rest is deleted and
// added, in this order. A record that stays as a value and has another TTL is
// written anew too, for the records of a set have one TTL (RFC 2181 section 5.2).
func (c *cloudflareZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	c.api.begin()
	want.TTL = max(want.TTL, cloudflareLeastTTL)
	raw, _ := have.own.([]cloudflareRecord)
	if have.outside {
		raw = cloudflareRecords(have)
	}
	gone, add := change(raw, have, want)
	rewrite := len(gone) == len(raw) && len(gone) > 0 && len(add) > 0
	if rewrite {
		gone = gone[:len(gone)-1]
	}
	for _, r := range gone {
		_, err := c.libdns.DeleteRecords(ctx, z.Name, []libdns.Record{c.record(z, r.Type, r.Name, r.Content, r.TTL)})
		if err := c.api.ended(err); err != nil {
			return fmt.Errorf("delete the record %s: %w", finding.Quote(r.Content, 100), err)
		}
	}
	for i, v := range add {
		rec := c.wanted(z, want, v)
		var err error
		if rewrite && i == 0 {
			_, err = c.libdns.SetRecords(ctx, z.Name, []libdns.Record{rec})
		} else {
			_, err = c.libdns.AppendRecords(ctx, z.Name, []libdns.Record{rec})
		}
		if err := c.api.ended(err); err != nil {
			return fmt.Errorf("write the record %s: %w", finding.Quote(v, 100), err)
		}
	}
	return nil
}

// cloudflareRecords are the records of a set that only the name servers showed, as
// the API most likely has them: enough for libdns to find them by.
func cloudflareRecords(set RRset) []cloudflareRecord {
	var out []cloudflareRecord
	for _, v := range set.Values {
		if set.Type == "TXT" {
			v = quoteTXT(v)
		}
		out = append(out, cloudflareRecord{Type: set.Type, Name: set.Name, Content: v, TTL: set.TTL})
	}
	return out
}

// change is which of the records that stand are to go, and which values to come. A
// value that only gets another TTL does both. Such ones go last and come first: so the
// record that is rewritten in place is one of them.
func change(raw []cloudflareRecord, have, want RRset) (gone []cloudflareRecord, add []string) {
	var stays, again []string
	var anew []cloudflareRecord
	for i, r := range raw {
		v := have.Values[i]
		switch {
		case !slices.Contains(want.Values, v), slices.Contains(have.Values[:i], v):
			gone = append(gone, r)
		case !have.outside && r.served() != want.TTL:
			anew, again = append(anew, r), append([]string{v}, again...)
		default:
			stays = append(stays, v)
		}
	}
	for _, v := range want.Values {
		if !slices.Contains(stays, v) && !slices.Contains(again, v) {
			add = append(add, v)
		}
	}
	return append(gone, anew...), append(again, add...)
}

func (c *cloudflareZones) wanted(z Zone, want RRset, v string) libdns.Record {
	if want.Type == "TXT" {
		// libdns hands on what is quoted already; its own quoting leaves long
		// values whole.
		v = quoteTXT(v)
	}
	return c.record(z, want.Type, want.Name, presented(want.Type, v), want.TTL)
}

func (c *cloudflareZones) record(z Zone, typ, name, data string, ttl uint32) libdns.Record {
	rr := libdns.RR{Name: relative(plainName(name), z.Name), Type: typ, Data: data, TTL: time.Duration(ttl) * time.Second}
	if parsed, err := rr.Parse(); err == nil {
		return parsed
	}
	return rr
}
