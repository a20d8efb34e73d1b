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

const (
	// digitalOceanBase is where DigitalOcean's API stands.
	digitalOceanBase = "https://api.digitalocean.com/v2"
	// digitalOceanLeastTTL is the shortest TTL that it takes, in seconds.
	digitalOceanLeastTTL = 30
	// digitalOceanPage is the most records a page has, digitalOceanPages the most
	// pages that are read for one name.
	digitalOceanPage  = 200
	digitalOceanPages = 10
)

// digitalOceanZones is an account at DigitalOcean. Its API keeps single records with
// ids, and answers for one name alone. belay makes its calls itself, and not through
// github.com/libdns/digitalocean, which cannot change or delete a record that it has
// not listed before ("strconv.Atoi"), lists whole zones, 20 records a call, and
// hands no client on: the one below it repeats a creation that failed at the
// gateway, so that the record stands twice.
type digitalOceanZones struct {
	api *rest.API
}

func openDigitalOcean(c credentials, o Options) (Source, error) {
	token, err := c.need("api_token", "the API token")
	if err != nil {
		return nil, err
	}
	api, err := openAPI("DigitalOcean", digitalOceanBase, "Bearer", token, o)
	if err != nil {
		return nil, err
	}
	api.Words, api.Mend = digitalOceanWords, digitalOceanMend
	return &digitalOceanZones{api: api}, nil
}

func (d *digitalOceanZones) Label() string { return "DigitalOcean" }

// Zone asks for each name that could be the zone's, longest first.
func (d *digitalOceanZones) Zone(ctx context.Context, name string) (Zone, error) {
	for _, n := range suffixes(name) {
		var found struct {
			Domain digitalOceanDomain `json:"domain"`
		}
		err := d.api.Call(ctx, http.MethodGet, "/domains/"+url.PathEscape(n), nil, &found)
		if rest.Refused(err, http.StatusNotFound) {
			continue
		}
		if err != nil {
			return Zone{}, fmt.Errorf("look for the domain %s: %w", n, err)
		}
		if plainName(found.Domain.Name) != n {
			return Zone{}, unframed("DigitalOcean", "name of the domain "+n)
		}
		z := Zone{Name: n, LeastTTL: digitalOceanLeastTTL}
		apex, err := d.At(ctx, z, n)
		if err != nil {
			return Zone{}, fmt.Errorf("read the name servers of %s: %w", n, err)
		}
		z.NameServers = pick(apex, n, "NS").Values
		return z, nil
	}
	return Zone{}, fmt.Errorf("the token is valid, but its team has no domain for %s: the zone is in another account or team", name)
}

// digitalOceanLinks are where the other pages of a list stand. They are not followed:
// the token goes to no address that an answer names.
type digitalOceanLinks struct {
	Pages struct {
		// Next is empty on the last page.
		Next string `json:"next"`
	} `json:"pages"`
}

// digitalOceanDomain is a zone as the API tells it.
type digitalOceanDomain struct {
	Name string `json:"name"`
}

// Zones asks DigitalOcean for the first page of the team's domains.
func (d *digitalOceanZones) Zones(ctx context.Context) ([]string, bool, error) {
	var found struct {
		Domains []digitalOceanDomain `json:"domains"`
		Links   digitalOceanLinks    `json:"links"`
	}
	if err := d.api.Call(ctx, http.MethodGet, fmt.Sprintf("/domains?per_page=%d", zonesAsked), nil, &found); err != nil {
		return nil, false, fmt.Errorf("list the domains: %w", err)
	}
	if found.Domains == nil {
		return nil, false, unframed("DigitalOcean", "list of domains")
	}
	var out []string
	for _, z := range found.Domains {
		out = append(out, plainName(z.Name))
	}
	return out, found.Links.Pages.Next != "", nil
}

// digitalOceanRecord is one record as the API tells it: Name is relative, Data plain
// text for TXT, a host name without final dot for CNAME, "@" for the domain itself.
type digitalOceanRecord struct {
	ID   int64  `json:"id,omitempty"`
	Type string `json:"type"`
	Name string `json:"name"`
	Data string `json:"data"`
	TTL  uint32 `json:"ttl"`
}

// At reads the records of one name, page by page.
func (d *digitalOceanZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	var sets []RRset
	for page := 1; page <= digitalOceanPages; page++ {
		var answer struct {
			Records []digitalOceanRecord `json:"domain_records"`
			Links   digitalOceanLinks    `json:"links"`
		}
		path := fmt.Sprintf("%s?name=%s&per_page=%d&page=%d", digitalOceanPath(z), url.QueryEscape(name), digitalOceanPage, page)
		if err := d.api.Call(ctx, http.MethodGet, path, nil, &answer); err != nil {
			return nil, err
		}
		if answer.Records == nil {
			return nil, unframed("DigitalOcean", "list of records")
		}
		for _, r := range answer.Records {
			if r.Name == relative(name, z.Name) {
				sets = digitalOceanGather(sets, z, name, r)
			}
		}
		if answer.Links.Pages.Next == "" {
			return sets, nil
		}
	}
	return nil, fmt.Errorf("the API tells of more than %d pages of records for one name", digitalOceanPages)
}

// digitalOceanGather adds a record to its set. Every record there has a TTL of its
// own; resolvers keep the set for no longer than the longest.
func digitalOceanGather(sets []RRset, z Zone, name string, r digitalOceanRecord) []RRset {
	if r.Data == "@" && (r.Type == "CNAME" || r.Type == "NS") {
		r.Data = z.Name
	}
	sets = gather(sets, name, r.Type, r.TTL, r.Data)
	set := &sets[slices.IndexFunc(sets, func(s RRset) bool { return s.Type == r.Type })]
	set.TTL = max(set.TTL, r.TTL)
	stands, _ := set.own.([]stored)
	set.own = append(stands, stored{id: strconv.FormatInt(r.ID, 10), value: set.Values[len(set.Values)-1], ttl: r.TTL})
	return sets
}

// Replace changes records one by one, in an order in which a set that holds
// something is never empty.
func (d *digitalOceanZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	for _, v := range want.Values {
		if want.Type == "TXT" && strings.Contains(v, `\`) {
			return rest.Unsent(fmt.Errorf("DigitalOcean keeps no backslash in a TXT record; nothing was sent of %s", finding.Quote(v, 100)))
		}
	}
	stands, _ := have.own.([]stored)
	return movesTo(stands, want).carryOut(ctx, d, z, want)
}

func (d *digitalOceanZones) create(ctx context.Context, z Zone, want RRset, value string) error {
	return d.api.Call(ctx, http.MethodPost, digitalOceanPath(z), digitalOceanWanted(z, want, value), nil)
}

func (d *digitalOceanZones) rewrite(ctx context.Context, z Zone, want RRset, id, value string) error {
	return d.api.Call(ctx, http.MethodPut, digitalOceanPath(z)+"/"+url.PathEscape(id), digitalOceanWanted(z, want, value), nil)
}

func (d *digitalOceanZones) remove(ctx context.Context, z Zone, id string) error {
	return d.api.Call(ctx, http.MethodDelete, digitalOceanPath(z)+"/"+url.PathEscape(id), nil, nil)
}

func digitalOceanWanted(z Zone, want RRset, value string) digitalOceanRecord {
	return digitalOceanRecord{Type: want.Type, Name: relative(want.Name, z.Name), Data: presented(want.Type, value), TTL: want.TTL}
}

func digitalOceanPath(z Zone) string { return "/domains/" + url.PathEscape(z.Name) + "/records" }

// Prove has nothing left to test: a token's scopes are shown to nobody.
func (d *digitalOceanZones) Prove(context.Context, Zone, string) ([]string, error) {
	return []string{"The token reads the domain's records; whether it has domain:create, domain:update and domain:delete is only proved by the first write."}, nil
}

// digitalOceanWords are the message and the kind of a refusal.
func digitalOceanWords(body []byte) string {
	var answer struct {
		ID      string `json:"id"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.ID == "" && answer.Message == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s)", answer.Message, answer.ID)
}

// digitalOceanMend is what DigitalOcean's refusals ask for where the general word
// is not enough.
func digitalOceanMend(status int, method, _, _ string) string {
	switch {
	case status == http.StatusUnauthorized:
		return "the token is wrong, expired or revoked; make one in the control panel: API, Personal access tokens"
	case status == http.StatusForbidden && method == http.MethodGet:
		return "the token may not read domains; give it the scope domain:read"
	case status == http.StatusForbidden:
		scope := map[string]string{http.MethodPost: "domain:create", http.MethodPut: "domain:update", http.MethodDelete: "domain:delete"}[method]
		return "the token may not do this; give it the scope " + scope
	case status == http.StatusUnprocessableEntity:
		return "DigitalOcean does not take the record"
	}
	return ""
}
