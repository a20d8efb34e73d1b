package dns

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"belay/providers/rest"
)

// desecBase is where deSEC's API stands.
const desecBase = "https://desec.io/api/v1"

// desecZones is an account at deSEC. Its API keeps whole RRsets, so that one call
// replaces a set and nothing else. belay makes that call itself, and not through
// github.com/libdns/desec, which cannot be held: it speaks only through the
// process's HTTP client; when it is throttled it waits as long as it is told; it
// raises every TTL to 3600 s without a word, also where the domain takes less;
// it prints to standard output; it reads a TXT value of several strings with their
// quotes, so that deleting it succeeds without effect, and one value with \DDD in it
// hides the whole zone.
type desecZones struct {
	api *rest.API
}

func openDeSEC(c credentials, o Options) (Source, error) {
	token, err := c.need("token", "the API token")
	if err != nil {
		return nil, err
	}
	api, err := openAPI("deSEC", desecBase, "Token", token, o)
	if err != nil {
		return nil, err
	}
	api.Words, api.Mend = desecWords, desecMend
	return &desecZones{api: api}, nil
}

func (d *desecZones) Label() string { return "deSEC" }

// desecDomain is a zone as the API tells it.
type desecDomain struct {
	Name       string `json:"name"`
	MinimumTTL uint32 `json:"minimum_ttl"`
}

// Zone asks deSEC itself which of the account's domains holds name.
func (d *desecZones) Zone(ctx context.Context, name string) (Zone, error) {
	var found []desecDomain
	if err := d.api.Call(ctx, http.MethodGet, "/domains/?owns_qname="+url.QueryEscape(name), nil, &found); err != nil {
		return Zone{}, fmt.Errorf("look for the domain that holds %s: %w", name, err)
	}
	if found == nil {
		return Zone{}, unframed("deSEC", "list of domains")
	}
	if len(found) == 0 {
		return Zone{}, fmt.Errorf("the token is valid, but its account has no domain for %s: the zone is in another account", name)
	}
	z := Zone{Name: plainName(found[0].Name), LeastTTL: found[0].MinimumTTL}
	sets, err := d.At(ctx, z, z.Name)
	if err != nil {
		return Zone{}, fmt.Errorf("read the name servers of %s: %w", z.Name, err)
	}
	z.NameServers = pick(sets, z.Name, "NS").Values
	return z, nil
}

// desecPage is how many domains deSEC lists at a time, whatever is asked for.
const desecPage = 500

// Zones asks deSEC for its first page, by an empty cursor: without one it refuses to
// list the domains of an account that has more. Behind a full page others are
// supposed.
func (d *desecZones) Zones(ctx context.Context) ([]string, bool, error) {
	var found []desecDomain
	if err := d.api.Call(ctx, http.MethodGet, "/domains/?cursor=", nil, &found); err != nil {
		return nil, false, fmt.Errorf("list the domains: %w", err)
	}
	if found == nil {
		return nil, false, unframed("deSEC", "list of domains")
	}
	var out []string
	for _, z := range found {
		out = append(out, plainName(z.Name))
	}
	return out, len(found) >= desecPage, nil
}

// desecSet is an RRset as the API has it, records in presentation format.
type desecSet struct {
	Subname string   `json:"subname"`
	Type    string   `json:"type"`
	TTL     uint32   `json:"ttl"`
	Records []string `json:"records"`
}

// At reads the sets of one name, whatever their types.
func (d *desecZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	sub := desecSubname(name, z.Name)
	var found []desecSet
	if err := d.api.Call(ctx, http.MethodGet, desecPath(z)+"?subname="+url.QueryEscape(sub), nil, &found); err != nil {
		return nil, err
	}
	if found == nil {
		return nil, unframed("deSEC", "list of record sets")
	}
	var sets []RRset
	for _, s := range found {
		if s.Subname != sub {
			continue
		}
		for _, v := range s.Records {
			if s.Type == "TXT" {
				v = unquoteTXT(v, 10)
			}
			sets = gather(sets, name, s.Type, s.TTL, v)
		}
	}
	return sets, nil
}

// Replace makes the set by one atomic call; a set without records is deleted.
func (d *desecZones) Replace(ctx context.Context, z Zone, _, want RRset) error {
	set := desecSet{Subname: desecSubname(want.Name, z.Name), Type: want.Type, TTL: want.TTL, Records: []string{}}
	for _, v := range want.Values {
		if want.Type == "TXT" {
			v = quoteTXT(v)
		}
		set.Records = append(set.Records, presented(want.Type, v))
	}
	return d.api.Call(ctx, http.MethodPut, desecPath(z), []desecSet{set}, nil)
}

// desecSubname is name within zone, empty for the apex.
func desecSubname(name, zone string) string {
	if name == zone {
		return ""
	}
	return relative(name, zone)
}

func desecPath(z Zone) string { return "/domains/" + url.PathEscape(z.Name) + "/rrsets/" }

// Prove has nothing left to test: every token reads everything, and only a token
// that manages tokens could see what it may write.
func (d *desecZones) Prove(context.Context, Zone, string) ([]string, error) {
	return []string{"The token reads the domain's records; the right to change them is only proved by the first write."}, nil
}

// desecWords are the texts in a refusal. Their shape depends on what is wrong: an
// object with "detail", an object of fields with lists of texts, or a list of
// such objects, one for each set that was sent.
func desecWords(body []byte) string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	return strings.Join(desecTexts("", v), "; ")
}

// desecTexts are the texts in v, each behind the field that it is about.
func desecTexts(field string, v any) []string {
	switch v := v.(type) {
	case string:
		if field == "" || field == "detail" || field == "non_field_errors" {
			return []string{v}
		}
		return []string{field + ": " + v}
	case []any:
		var out []string
		for _, one := range v {
			out = append(out, desecTexts(field, one)...)
		}
		return out
	case map[string]any:
		var out []string
		for _, key := range sortedKeys(v) {
			out = append(out, desecTexts(key, v[key])...)
		}
		return out
	}
	return nil
}

func sortedKeys(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// desecMend is what deSEC's refusals ask for where the general word is not enough.
func desecMend(status int, method, _, _ string) string {
	switch {
	case status == http.StatusUnauthorized:
		return "the token is wrong or expired, or may not be used from this address; make one under Token Management at desec.io"
	case status == http.StatusForbidden && method == http.MethodPut:
		return "the token's policies do not let it write this record; add a policy with perm_write for it"
	case status == http.StatusForbidden:
		return "the token may not do this; see its policies and allowed subnets under Token Management at desec.io"
	case status == http.StatusBadRequest:
		return "deSEC does not take the record"
	}
	return ""
}
