//go:build google

package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout/finding"

	"github.com/libdns/googleclouddns"
	"github.com/libdns/libdns"
	gdns "google.golang.org/api/dns/v1"
	"google.golang.org/api/option"
)

// googleZones is a project at Google Cloud DNS. It writes through libdns and reads
// by its own calls with the same library below: libdns reads whole zones, cannot
// tell two public zones of one name apart (it takes the last), and does not see
// routing policies.
//
// libdns's library takes no HTTP client, so neither a base address nor a transport
// of the Options reaches it: like Google's own tools it goes where
// http.DefaultTransport leads. It also lists the zones, before its first write and
// then every 5 minutes, without the caller's context; the guard around every call
// is what bounds that.
type googleZones struct {
	login  googleLogin
	libdns *googleclouddns.Provider

	mu      sync.Mutex
	service *gdns.Service
}

// googlePages bounds the pages of zones or sets that are read for one question.
const googlePages = 20

func openGoogleCloudDNS(c credentials, o Options) (Source, error) {
	if o.BaseURL != "" || o.Transport != nil {
		return nil, errors.New("the library of Google takes no address or transport but its own")
	}
	login, err := readGoogleLogin(c)
	if err != nil {
		return nil, err
	}
	return &googleZones{
		login:  login,
		libdns: &googleclouddns.Provider{Project: login.project, ServiceAccountJSON: login.file},
	}, nil
}

func (g *googleZones) Label() string { return "Google Cloud DNS" }

// api is the client for reading. It is made at the first call, because without a
// key file Google's library looks for a metadata server.
func (g *googleZones) api(ctx context.Context) (*gdns.Service, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.service != nil {
		return g.service, nil
	}
	opts := []option.ClientOption{option.WithScopes(gdns.NdevClouddnsReadwriteScope)}
	if g.login.file != "" {
		opts = append(opts, option.WithCredentialsFile(g.login.file))
	}
	service, err := gdns.NewService(ctx, opts...)
	if err != nil {
		return nil, googleSaid(err)
	}
	g.service = service
	return service, nil
}

// Zone asks for each name that could be the zone's, longest first. Private zones
// answer nobody outside and do not count.
func (g *googleZones) Zone(ctx context.Context, name string) (Zone, error) {
	api, err := g.api(ctx)
	if err != nil {
		return Zone{}, err
	}
	var private []string
	for _, n := range suffixes(name) {
		var public []*gdns.ManagedZone
		answer, err := api.ManagedZones.List(g.login.project).DnsName(fqdn(n)).Context(ctx).Do()
		if err != nil {
			return Zone{}, fmt.Errorf("look for the managed zone %s: %w", n, googleSaid(err))
		}
		for _, z := range answer.ManagedZones {
			switch {
			case plainName(z.DnsName) != n:
			case z.Visibility == "public":
				public = append(public, z)
			default:
				private = append(private, z.Name)
			}
		}
		switch len(public) {
		case 0:
			continue
		case 1:
			return googleZone(n, public[0]), nil
		}
		return Zone{}, fmt.Errorf("the project %s has %d public zones %s (%s), and only one of them can be delegated to: belay cannot tell libdns which, so delete or move the others, or change the records by hand",
			g.login.project, len(public), n, finding.Clean(strings.Join(zoneNames(public), ", "), 200))
	}
	if len(private) > 0 {
		return Zone{}, fmt.Errorf("the project %s has only a private zone for %s (%s), which answers nobody outside its networks", g.login.project, name, finding.Clean(strings.Join(private, ", "), 200))
	}
	return Zone{}, fmt.Errorf("these credentials work, but the project %s has no zone for %s: the zone is in another project or account", g.login.project, name)
}

func zoneNames(zones []*gdns.ManagedZone) (out []string) {
	for _, z := range zones {
		out = append(out, z.Name)
	}
	return out
}

func googleZone(name string, z *gdns.ManagedZone) Zone {
	notes := []string{"Its managed zone there is " + finding.Clean(z.Name, 80) + "."}
	if len(z.NameServers) > 0 {
		notes = append(notes, "Its name servers there: "+finding.Clean(strings.Join(z.NameServers, ", "), 200)+".")
	}
	return Zone{Name: name, ID: z.Name, Notes: notes, NameServers: plainNames(z.NameServers)}
}

// Zones asks for the project's first page.
func (g *googleZones) Zones(ctx context.Context) ([]string, bool, error) {
	api, err := g.api(ctx)
	if err != nil {
		return nil, false, err
	}
	answer, err := api.ManagedZones.List(g.login.project).MaxResults(zonesAsked).Context(ctx).Do()
	if err != nil {
		return nil, false, googleSaid(err)
	}
	var out []string
	for _, z := range answer.ManagedZones {
		if z.Visibility == "public" {
			out = append(out, plainName(z.DnsName))
		}
	}
	return out, answer.NextPageToken != "", nil
}

// At reads the sets of one name.
func (g *googleZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	api, err := g.api(ctx)
	if err != nil {
		return nil, err
	}
	call := api.ResourceRecordSets.List(g.login.project, z.ID).Name(fqdn(name)).Context(ctx)
	var sets []RRset
	for range googlePages {
		answer, err := call.Do()
		if err != nil {
			return nil, googleSaid(err)
		}
		for _, s := range answer.Rrsets {
			if plainName(s.Name) == name {
				sets = append(sets, googleSet(name, s))
			}
		}
		if answer.NextPageToken == "" {
			return sets, nil
		}
		call.PageToken(answer.NextPageToken)
	}
	return nil, fmt.Errorf("the API tells of more than %d pages of records for one name", googlePages)
}

// googleSet keeps the data as the API told it, by which libdns finds it again.
func googleSet(name string, s *gdns.ResourceRecordSet) RRset {
	set := RRset{Name: name, Type: s.Type, TTL: uint32(s.Ttl), own: slices.Clone(s.Rrdatas)}
	for _, v := range s.Rrdatas {
		if s.Type == "TXT" {
			v = unquoteTXT(v, 10)
		}
		set.Values = append(set.Values, canonical(s.Type, v))
	}
	if s.RoutingPolicy != nil {
		set.Special = "a set with a routing policy, which belay does not change"
	}
	return set
}

// Replace creates the set, or where one stands patches it whole; both are atomic.
// A deletion names the records as libdns reads them, so that one which joined them
// meanwhile stays.
func (g *googleZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	if len(want.Values) == 0 {
		raw, _ := have.own.([]string)
		_, err := g.libdns.DeleteRecords(ctx, fqdn(z.Name), googleRecords(z, have, raw))
		return googleSaid(err)
	}
	var data []string
	for _, v := range want.Values {
		if want.Type == "TXT" {
			v = googleTXT(v)
		}
		data = append(data, presented(want.Type, v))
	}
	records := googleRecords(z, want, data)
	if want.Type == "TXT" {
		for i, r := range records { // libdns quotes only what has a space in it
			records[i] = libdns.TXT{Name: r.RR().Name, TTL: r.RR().TTL, Text: data[i]}
		}
	}
	_, err := g.libdns.SetRecords(ctx, fqdn(z.Name), records)
	return googleSaid(err)
}

// googleTXT is text as Cloud DNS takes it (RFC 1035 section 5.1) and as libdns
// leaves it: where there is a space in it, libdns takes all quotes off both ends
// and puts one on each, so no other may stand there. A quote within is written by
// its number.
func googleTXT(text string) string {
	parts := txtStrings(text)
	for i, p := range parts {
		parts[i] = `"` + strings.NewReplacer(`\\`, `\\`, `\"`, `\034`).Replace(p) + `"`
	}
	return strings.Join(parts, " ")
}

// googleRecords are a set's data as libdns reads them back: without outer quotes.
func googleRecords(z Zone, set RRset, data []string) []libdns.Record {
	var out []libdns.Record
	for _, v := range data {
		rr := libdns.RR{
			Name: relative(set.Name, z.Name),
			Type: set.Type,
			Data: strings.Trim(v, `"`),
			TTL:  time.Duration(set.TTL) * time.Second,
		}
		if parsed, err := rr.Parse(); err == nil {
			out = append(out, parsed)
			continue
		}
		out = append(out, rr)
	}
	return out
}
