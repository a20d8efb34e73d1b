package dns

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"belay/providers/rest"
	"belay/rollout/finding"
)

// hetznerBase is where the Hetzner Cloud API stands, which has DNS since October
// 2025. The API of dns.hetzner.com is another one, with other tokens.
const hetznerBase = "https://api.hetzner.cloud/v1"

// hetznerLeastTTL is the shortest TTL that Hetzner takes, in seconds.
const hetznerLeastTTL = 60

// hetznerZones is an account at Hetzner. Its API keeps whole RRsets and overwrites
// the records of one in a single call. belay makes that call itself, and not
// through github.com/libdns/hetzner, whose SetRecords deletes the set and creates
// it anew: between the two calls nothing answers, and where the second fails,
// nothing stands. That library also panics without a token and with two values
// without a TTL, reads whole zones, escapes no quote in a TXT value and cuts no
// long one, and speaks through the process's HTTP client, with up to five retries.
type hetznerZones struct {
	api *rest.API
}

func openHetzner(c credentials, o Options) (Source, error) {
	token, err := c.need("api_token", "the API token of the Hetzner Cloud project")
	if err != nil {
		return nil, err
	}
	api, err := openAPI("Hetzner", hetznerBase, "Bearer", token, o)
	if err != nil {
		return nil, err
	}
	api.Words, api.Mend = hetznerWords, hetznerMend
	return &hetznerZones{api: api}, nil
}

func (h *hetznerZones) Label() string { return "Hetzner" }

// hetznerZone is a zone as the API tells it.
type hetznerZone struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	TTL    uint32 `json:"ttl"`
	Mode   string `json:"mode"`
	Status string `json:"status"`
	Served struct {
		Assigned []string `json:"assigned"`
		Status   string   `json:"delegation_status"`
	} `json:"authoritative_nameservers"`
}

// Zone asks for each name that could be the zone's, longest first.
func (h *hetznerZones) Zone(ctx context.Context, name string) (Zone, error) {
	for _, n := range suffixes(name) {
		var found struct {
			Zones []hetznerZone `json:"zones"`
		}
		if err := h.api.Call(ctx, http.MethodGet, "/zones?name="+url.QueryEscape(n), nil, &found); err != nil {
			return Zone{}, fmt.Errorf("look for the zone %s: %w", n, err)
		}
		if found.Zones == nil {
			return Zone{}, unframed("Hetzner", "list of zones")
		}
		i := slices.IndexFunc(found.Zones, func(z hetznerZone) bool { return plainName(z.Name) == n })
		if i >= 0 {
			return h.named(ctx, found.Zones[i])
		}
	}
	return Zone{}, fmt.Errorf("the token is valid, but its project has no zone for %s: the zone is in another project or account, or still at the old dns.hetzner.com, from where it can be moved", name)
}

// named is the zone with all its name servers: those that Hetzner gives it, and those
// that it names itself, which may have names of its own.
func (h *hetznerZones) named(ctx context.Context, found hetznerZone) (Zone, error) {
	z, err := found.zone()
	if err != nil {
		return Zone{}, err
	}
	apex, err := h.At(ctx, z, z.Name)
	if err != nil {
		return Zone{}, fmt.Errorf("read the name servers of %s: %w", z.Name, err)
	}
	z.NameServers = joined(z.NameServers, pick(apex, z.Name, "NS").Values)
	return z, nil
}

func (z hetznerZone) zone() (Zone, error) {
	name := plainName(z.Name)
	if z.Mode == "secondary" {
		return Zone{}, fmt.Errorf("the zone %s is a secondary at Hetzner: change it at its primary server", name)
	}
	var notes []string
	if z.Status != "" && z.Status != "ok" {
		notes = append(notes, fmt.Sprintf("Its status there is %s.", finding.Quote(z.Status, 40)))
	}
	switch z.Served.Status {
	case "lame", "unregistered", "invalid", "partially-valid":
		notes = append(notes, fmt.Sprintf("Hetzner finds its delegation %s.", z.Served.Status))
	}
	return Zone{
		Name: name, ID: fmt.Sprint(z.ID), Notes: notes, NameServers: plainNames(z.Served.Assigned),
		LeastTTL: hetznerLeastTTL, DefaultTTL: z.TTL,
	}, nil
}

// Zones asks Hetzner for the first page of the token's project, which is all of the
// account that a token sees.
func (h *hetznerZones) Zones(ctx context.Context) ([]string, bool, error) {
	var found struct {
		Zones []hetznerZone `json:"zones"`
		Meta  struct {
			Pagination struct {
				Next *int `json:"next_page"`
			} `json:"pagination"`
		} `json:"meta"`
	}
	if err := h.api.Call(ctx, http.MethodGet, fmt.Sprintf("/zones?per_page=%d", zonesAsked), nil, &found); err != nil {
		return nil, false, fmt.Errorf("list the zones: %w", err)
	}
	if found.Zones == nil {
		return nil, false, unframed("Hetzner", "list of zones")
	}
	var out []string
	for _, z := range found.Zones {
		out = append(out, plainName(z.Name))
	}
	return out, found.Meta.Pagination.Next != nil, nil
}

// hetznerSet is an RRset as the API has it, records in presentation format. A set
// without a TTL has the zone's.
type hetznerSet struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	TTL        *uint32         `json:"ttl"`
	Records    []hetznerRecord `json:"records"`
	Protection struct {
		Change bool `json:"change"`
	} `json:"protection"`
}

type hetznerRecord struct {
	Value   string `json:"value"`
	Comment string `json:"comment,omitempty"`
}

// hetznerSets is the most sets that are asked for; a name has one a type.
const hetznerSets = 50

// At reads the sets of one name.
func (h *hetznerZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	sub := relative(name, z.Name)
	var found struct {
		Sets []hetznerSet `json:"rrsets"`
	}
	path := fmt.Sprintf("%s?name=%s&per_page=%d", hetznerPath(z), url.QueryEscape(sub), hetznerSets)
	if err := h.api.Call(ctx, http.MethodGet, path, nil, &found); err != nil {
		return nil, err
	}
	if found.Sets == nil {
		return nil, unframed("Hetzner", "list of record sets")
	}
	var sets []RRset
	for _, s := range found.Sets {
		if s.Name != sub {
			continue
		}
		set := RRset{Name: name, Type: s.Type, TTL: z.DefaultTTL, own: s}
		if s.TTL != nil {
			set.TTL = *s.TTL
		}
		if s.Protection.Change {
			set.Special = "protected from changes; lift its protection in the Hetzner Console first"
		}
		for _, r := range s.Records {
			set.Values = append(set.Values, canonical(s.Type, hetznerValue(s.Type, r.Value)))
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func hetznerValue(typ, v string) string {
	if typ == "TXT" {
		return unquoteTXT(v, 10)
	}
	return v
}

// Replace creates, overwrites or deletes the set, each by one call. A set that
// stands gets another TTL by a call of its own, which changes no record and is
// made only where the TTL differs.
func (h *hetznerZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	stands, _ := have.own.(hetznerSet)
	set := hetznerPath(z) + "/" + url.PathEscape(relative(want.Name, z.Name)) + "/" + url.PathEscape(want.Type)
	switch {
	case len(want.Values) == 0:
		return h.act(ctx, http.MethodDelete, set, nil)
	case len(have.Values) == 0:
		return h.act(ctx, http.MethodPost, hetznerPath(z), map[string]any{
			"name": relative(want.Name, z.Name), "type": want.Type, "ttl": want.TTL, "records": hetznerRecords(stands, want),
		})
	}
	if err := h.act(ctx, http.MethodPost, set+"/actions/set_records", map[string]any{"records": hetznerRecords(stands, want)}); err != nil {
		return err
	}
	if have.TTL == want.TTL {
		return nil
	}
	if err := h.act(ctx, http.MethodPost, set+"/actions/change_ttl", map[string]any{"ttl": want.TTL}); err != nil {
		return fmt.Errorf("the records were written, but with the TTL %d: %w", have.TTL, err)
	}
	return nil
}

// hetznerRecords are the wanted values; a value that stands keeps its comment.
func hetznerRecords(stands hetznerSet, want RRset) []hetznerRecord {
	var out []hetznerRecord
	for _, v := range want.Values {
		i := slices.IndexFunc(stands.Records, func(r hetznerRecord) bool {
			return canonical(want.Type, hetznerValue(want.Type, r.Value)) == v
		})
		if i >= 0 {
			out = append(out, stands.Records[i])
			continue
		}
		if want.Type == "TXT" {
			v = quoteTXT(v)
		}
		out = append(out, hetznerRecord{Value: presented(want.Type, v)})
	}
	return out
}

func hetznerPath(z Zone) string {
	return "/zones/" + url.PathEscape(strings.TrimSpace(z.ID)) + "/rrsets"
}

// Prove has nothing left to test: a token's right to write is shown to nobody.
func (h *hetznerZones) Prove(context.Context, Zone, string) ([]string, error) {
	return []string{"The token reads the zone's records; whether it is one of Read & Write is only proved by the first write."}, nil
}
