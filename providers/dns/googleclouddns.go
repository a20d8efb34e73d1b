//go:build google

package dns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"belay/rollout/finding"

	gdns "google.golang.org/api/dns/v1"
	"google.golang.org/api/option"
	"google.golang.org/api/option/internaloption"
	htransport "google.golang.org/api/transport/http"
)

// googleZones is a project at Google Cloud DNS, spoken to through Google's own
// library and not through github.com/libdns/googleclouddns, which calls the same
// library: that one patches a set whole, or deletes it by its name, comparing
// nothing; it reads whole zones, takes the last of two public zones of one name,
// does not see routing policies, and takes the quotes off a text's ends.
//
// It goes where http.DefaultTransport leads, as Google's own tools do: neither a
// base address nor a transport of the Options is taken.
type googleZones struct {
	login googleLogin

	mu      sync.Mutex
	service *gdns.Service
}

const (
	// googleBase is where the API stands; the library puts the universe in, which is
	// googleapis.com for nearly everybody.
	googleBase = "https://dns.UNIVERSE_DOMAIN/"
	// googlePages bounds the pages of zones or sets that are read for one question.
	googlePages = 20
)

func openGoogleCloudDNS(c credentials, o Options) (Source, error) {
	if o.BaseURL != "" || o.Transport != nil {
		return nil, errors.New("the library of Google takes no address or transport but its own")
	}
	login, err := readGoogleLogin(c)
	if err != nil {
		return nil, err
	}
	return &googleZones{login: login}, nil
}

func (g *googleZones) Label() string { return "Google Cloud DNS" }

// api is the client. It is made at the first call, because without a
// key file Google's library looks for a metadata server. It follows no redirect: the
// library puts the token on every request, wherever that goes.
func (g *googleZones) api(ctx context.Context) (*gdns.Service, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.service != nil {
		return g.service, nil
	}
	opts := []option.ClientOption{
		option.WithScopes(gdns.NdevClouddnsReadwriteScope),
		internaloption.WithDefaultEndpointTemplate(googleBase), internaloption.EnableNewAuthLibrary(), // as gdns has them
	}
	if g.login.file != "" {
		opts = append(opts, option.WithCredentialsFile(g.login.file))
	}
	client, endpoint, err := htransport.NewClient(ctx, opts...)
	if err != nil {
		return nil, googleSaid(err)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	service, err := gdns.NewService(ctx, option.WithHTTPClient(client), option.WithEndpoint(endpoint))
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
		if answer == nil || answer.Kind == "" {
			return Zone{}, unframed("Google Cloud DNS", "kind")
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
			z := googleZone(n, public[0])
			apex, err := g.At(ctx, z, n) // which may give its name servers names of its own
			if err != nil {
				return Zone{}, fmt.Errorf("read the name servers of %s: %w", n, err)
			}
			z.NameServers = joined(z.NameServers, pick(apex, n, "NS").Values)
			return z, nil
		}
		return Zone{}, fmt.Errorf("the project %s has %d public zones %s (%s), and only one of them can be delegated to: delete or move the others, or change the records by hand",
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
	if answer == nil || answer.Kind == "" {
		return nil, false, unframed("Google Cloud DNS", "kind")
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
		if answer == nil || answer.Kind == "" {
			return nil, unframed("Google Cloud DNS", "kind")
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

// googleSet keeps the set as the API told it, by which a change names it.
func googleSet(name string, s *gdns.ResourceRecordSet) RRset {
	set := RRset{Name: name, Type: s.Type, TTL: uint32(s.Ttl), own: s}
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

// Replace makes the set by one change of the zone, which Cloud DNS carries out whole
// or not at all, and compares: what it deletes must stand exactly as the change names
// it, TTL and all, and where it adds a set none may stand. A value that came after
// belay's last reading is so refused as drift, and not lost.
func (g *googleZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	api, err := g.api(ctx)
	if err != nil {
		return err
	}
	change := &gdns.Change{}
	if stands, ok := have.own.(*gdns.ResourceRecordSet); ok {
		change.Deletions = []*gdns.ResourceRecordSet{stands}
	}
	if len(want.Values) > 0 {
		change.Additions = []*gdns.ResourceRecordSet{googleWanted(want)}
	}
	_, err = api.Changes.Create(g.login.project, z.ID, change).Context(ctx).Do()
	return googleRefused(err)
}

// googleWanted is a set as the API takes it.
func googleWanted(set RRset) *gdns.ResourceRecordSet {
	out := &gdns.ResourceRecordSet{Name: fqdn(set.Name), Type: set.Type, Ttl: int64(set.TTL), ForceSendFields: []string{"Ttl"}}
	for _, v := range set.Values {
		if set.Type == "TXT" {
			v = quoteTXT(v)
		}
		out.Rrdatas = append(out.Rrdatas, presented(set.Type, v))
	}
	return out
}
