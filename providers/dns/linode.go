package dns

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"belay/providers/rest"
	"belay/rollout/finding"
)

// linodeZones is an account at Linode, now Akamai's. All its calls are its own, for
// libdns/linode cannot be made to write safely:
//
//   - its SetRecords deletes the whole set and then creates it: where the creation
//     is refused, nothing stands there any more;
//   - its AppendRecords says nothing of any error;
//   - its first call replaces the process's default logger by one that prints to
//     standard output, over the screen, and the default HTTP client's transport;
//   - it reads whole zones, and a zone with a PTR record not at all.
//
// The API changes single records by their ids, and so does Replace: nothing is
// deleted before what comes in its place stands.
type linodeZones struct{ api *rest.API }

const (
	linodeBase = "https://api.linode.com/v4"
	// linodeDefaultTTL is what a record without a TTL has in a domain without
	// one, in seconds.
	linodeDefaultTTL = 86400
	// linodePage and linodePages bound the records read for one name.
	linodePage, linodePages = 500, 20
)

func openLinode(c credentials, o Options) (Source, error) {
	token, err := c.need("api_token", "the personal access token")
	if err != nil {
		return nil, err
	}
	api, err := openAPI("Linode", linodeBase, "Bearer", token, o)
	if err != nil {
		return nil, err
	}
	api.Words, api.Mend = linodeWords, linodeMend
	return &linodeZones{api: api}, nil
}

func (l *linodeZones) Label() string { return "Linode" }

// linodeDomain is a zone as the API tells it.
type linodeDomain struct {
	ID     int    `json:"id"`
	Domain string `json:"domain"`
	Type   string `json:"type"`
	Status string `json:"status"`
	TTL    uint32 `json:"ttl_sec"`
}

// Zone asks at once for all names that could be the zone's.
func (l *linodeZones) Zone(ctx context.Context, name string) (Zone, error) {
	names := suffixes(name)
	var either []map[string]string
	for _, n := range names {
		either = append(either, map[string]string{"domain": n})
	}
	var answer struct {
		Data []linodeDomain `json:"data"`
	}
	if err := l.filtered(map[string]any{"+or": either}).Call(ctx, http.MethodGet, "/domains?page_size=100", nil, &answer); err != nil {
		return Zone{}, fmt.Errorf("look for the zone of %s: %w", name, err)
	}
	if answer.Data == nil {
		return Zone{}, unframed("Linode", "list of domains")
	}
	for _, n := range names {
		i := slices.IndexFunc(answer.Data, func(d linodeDomain) bool { return plainName(d.Domain) == n })
		if i >= 0 {
			return answer.Data[i].zone(n)
		}
	}
	return Zone{}, fmt.Errorf("the token is valid, but sees no domain for %s: it is in another account, or its user has no grant for it", name)
}

func (d linodeDomain) zone(name string) (Zone, error) {
	switch {
	case d.Type == "slave":
		return Zone{}, fmt.Errorf("%s is a secondary zone at Linode, a copy of another server's: change it at its primary", name)
	case d.Status == "has_errors":
		return Zone{}, fmt.Errorf("the domain %s has errors at Linode, which keeps it from being served as it stands: mend them in the Cloud Manager", name)
	case d.Status != "" && d.Status != "active":
		return Zone{}, fmt.Errorf("the domain %s is %s at Linode, not active: what is written there is not served until it is made active in the Cloud Manager", name, finding.Quote(d.Status, 40))
	}
	z := Zone{Name: name, ID: strconv.Itoa(d.ID), DefaultTTL: d.TTL}
	if z.DefaultTTL == 0 {
		z.DefaultTTL = linodeDefaultTTL
	}
	return z, nil
}

// Zones asks for the first page of domains.
func (l *linodeZones) Zones(ctx context.Context) ([]string, bool, error) {
	var answer struct {
		Data  []linodeDomain `json:"data"`
		Pages int            `json:"pages"`
	}
	if err := l.api.Call(ctx, http.MethodGet, fmt.Sprintf("/domains?page_size=%d", zonesAsked), nil, &answer); err != nil {
		return nil, false, fmt.Errorf("list the domains: %w", err)
	}
	if answer.Data == nil {
		return nil, false, unframed("Linode", "list of domains")
	}
	var out []string
	for _, d := range answer.Data {
		out = append(out, plainName(d.Domain))
	}
	return out, answer.Pages > 1, nil
}

// linodeRecord is one record as the API has it.
type linodeRecord struct {
	ID     int    `json:"id,omitempty"`
	Type   string `json:"type,omitempty"`
	Name   string `json:"name"`
	Target string `json:"target"`
	TTL    uint32 `json:"ttl_sec"`
}

// At reads the records of one name, by the API's own filter.
func (l *linodeZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	sub := linodeSub(name, z)
	api := l.filtered(map[string]any{"name": sub})
	var sets []RRset
	for page := 1; page <= linodePages; page++ {
		var answer struct {
			Data  []linodeRecord `json:"data"`
			Pages int            `json:"pages"`
		}
		path := fmt.Sprintf("%s?page_size=%d&page=%d", linodePath(z, "records"), linodePage, page)
		if err := api.Call(ctx, http.MethodGet, path, nil, &answer); err != nil {
			return nil, err
		}
		if answer.Data == nil {
			return nil, unframed("Linode", "list of records")
		}
		for _, r := range answer.Data {
			if strings.EqualFold(r.Name, sub) {
				sets = r.keep(sets, z, name)
			}
		}
		if page >= answer.Pages {
			return sets, nil
		}
	}
	return nil, fmt.Errorf("the API tells of more than %d records at one name", linodePage*linodePages)
}

// keep adds a record to its set. TXT stands as it is, without quotes.
func (r linodeRecord) keep(sets []RRset, z Zone, name string) []RRset {
	ttl := r.TTL
	if ttl == 0 {
		ttl = z.DefaultTTL
	}
	sets = gather(sets, name, r.Type, ttl, r.Target)
	set := &sets[slices.IndexFunc(sets, func(s RRset) bool { return s.Type == r.Type })]
	own, _ := set.own.([]stored)
	set.own = append(own, stored{id: strconv.Itoa(r.ID), value: canonical(r.Type, r.Target), ttl: ttl})
	return sets
}

// Replace changes the records one by one, by their ids.
func (l *linodeZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	want.TTL = linodeTTL(want.TTL)
	stands, _ := have.own.([]stored)
	return movesTo(stands, want).carryOut(ctx, l, z, want)
}

// linodeTTL is the TTL nearest to this one that Linode has; between two, the
// shorter.
func linodeTTL(seconds uint32) uint32 {
	distance := func(valid uint32) uint32 { return max(valid, seconds) - min(valid, seconds) }
	nearest := uint32(30)
	for _, valid := range []uint32{120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200} {
		if distance(valid) < distance(nearest) {
			nearest = valid
		}
	}
	return nearest
}

func (l *linodeZones) create(ctx context.Context, z Zone, want RRset, value string) error {
	r := linodeRecord{Type: want.Type, Name: linodeSub(want.Name, z), Target: value, TTL: want.TTL}
	return l.api.Call(ctx, http.MethodPost, linodePath(z, "records"), r, nil)
}

func (l *linodeZones) rewrite(ctx context.Context, z Zone, want RRset, id, value string) error {
	r := linodeRecord{Name: linodeSub(want.Name, z), Target: value, TTL: want.TTL}
	return l.api.Call(ctx, http.MethodPut, linodePath(z, "records/"+id), r, nil)
}

func (l *linodeZones) remove(ctx context.Context, z Zone, id string) error {
	return l.api.Call(ctx, http.MethodDelete, linodePath(z, "records/"+id), nil, nil)
}

// Prove looks at the scopes of the token, which every answer names.
func (l *linodeZones) Prove(ctx context.Context, z Zone, _ string) ([]string, error) {
	answer, err := l.api.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/domains/" + url.PathEscape(z.ID), Accept: rest.JSON})
	if err != nil {
		return nil, err
	}
	has := strings.Fields(strings.ReplaceAll(answer.Header.Get("X-OAuth-Scopes"), ",", " "))
	switch {
	case len(has) == 0:
		return []string{"The token reads the domain's records; the right to change them is only proved by the first write."}, nil
	case !slices.Contains(has, "*") && !slices.Contains(has, "domains:read_write"):
		return nil, fmt.Errorf("the token may read the domain %s, but not change it: it has the scopes %s, and lacks Domains: Read/Write", z.Name, finding.Clean(strings.Join(has, ", "), 200))
	}
	return []string{"The token may change domains; its user needs a grant for this one.", "Linode's name servers take a change over some minutes after it is made."}, nil
}

// filtered is the API with a filter on what it lists, which goes by a header of
// its own.
func (l *linodeZones) filtered(filter map[string]any) *rest.API {
	api := *l.api
	api.Sign = func(req *http.Request, _ []byte) error {
		by, err := json.Marshal(filter)
		if err != nil {
			return err
		}
		req.Header.Set("X-Filter", string(by))
		return nil
	}
	return &api
}

func linodePath(z Zone, below string) string {
	return "/domains/" + url.PathEscape(z.ID) + "/" + below
}

// linodeSub is a name within its zone as the API has it: the apex is empty.
func linodeSub(name string, z Zone) string {
	if name == z.Name {
		return ""
	}
	return relative(name, z.Name)
}

// linodeWords are the reasons of a refusal, each with the field it is about.
func linodeWords(body []byte) string {
	var said struct {
		Errors []struct{ Field, Reason string } `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	var out []string
	for _, e := range said.Errors {
		if e.Field != "" {
			e.Reason += " (" + e.Field + ")"
		}
		out = append(out, e.Reason)
	}
	return strings.Join(out, "; ")
}

// linodeMend says what a refusal asks for.
func linodeMend(status int, method, _, words string) string {
	barred := strings.Contains(words, "not authorized")
	switch {
	case status == http.StatusUnauthorized && !barred:
		return "the personal access token is wrong, expired or revoked; make one with Domains: Read/Write"
	case barred && method == http.MethodGet:
		return "the token may not read domains; make one with Domains: Read/Write"
	case barred, status == http.StatusForbidden:
		return "the token may not change this domain: it needs Domains: Read/Write, and its user a grant for the domain"
	}
	return ""
}

var _ recorder = (*linodeZones)(nil)
