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

// porkbunZones is an account at Porkbun. All its calls are its own, for
// libdns/porkbun cannot be made to write safely:
//
//   - it makes its HTTP client itself, without a deadline, ignores its context,
//     reads without bound and ends the process where a body does not close;
//   - it knows sets by name and type alone: setting one value makes every record
//     of the set that value, setting two leaves the last one twice or adds to
//     what stands, and deleting one value deletes them all;
//   - it leaves out of its reading whatever it does not understand.
//
// The API can change single records by their ids, and so does Replace.
type porkbunZones struct {
	api *rest.API
	// login is part of every request's body.
	login porkbunLogin
}

const (
	porkbunBase = "https://api.porkbun.com/api/json/v3"
	// porkbunLeastTTL is the shortest TTL that Porkbun has, in seconds.
	porkbunLeastTTL = 600
	// porkbunPage is how many domains Porkbun lists at a time.
	porkbunPage = 1000
)

type porkbunLogin struct {
	APIKey string `json:"apikey"`
	Secret string `json:"secretapikey"`
}

func openPorkbun(c credentials, o Options) (Source, error) {
	key, err := c.need("api_key", "the API key (pk1_...)")
	if err != nil {
		return nil, err
	}
	secret, err := c.need("secret_api_key", "the secret API key (sk1_...)")
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(key, "sk1_") && strings.HasPrefix(secret, "pk1_") {
		return nil, fmt.Errorf("the API key and the secret API key are in each other's place: the secret one begins with sk1_")
	}
	api, err := openAPI("Porkbun", porkbunBase, "", "", o) // the body has the login
	if err != nil {
		return nil, err
	}
	api.Secrets = []string{key, secret}
	api.Denies, api.Words, api.Mend = porkbunDenies, porkbunWords, porkbunMend
	return &porkbunZones{api: api, login: porkbunLogin{key, secret}}, nil
}

func (p *porkbunZones) Label() string { return "Porkbun" }

// Zone asks for the domain that name lies in, shortest first: Porkbun keeps no
// zone but a registered domain's, and takes few calls a minute.
func (p *porkbunZones) Zone(ctx context.Context, name string) (Zone, error) {
	names := suffixes(name)
	slices.Reverse(names)
	for _, n := range names {
		var answer struct {
			NS []string `json:"ns"`
		}
		err := p.call(ctx, "/domain/getNs/"+url.PathEscape(n), p.login, &answer)
		switch {
		case porkbunLacks(err):
			continue
		case err != nil:
			return Zone{}, fmt.Errorf("look for the domain %s: %w", n, err)
		}
		return porkbunZone(n, answer.NS)
	}
	return Zone{}, fmt.Errorf("the keys are valid, but their account has no domain for %s: it is registered in another account, or elsewhere", name)
}

// porkbunZone is the zone of a domain that the registry delegates to these name
// servers. Porkbun lets records be changed of domains that others answer for.
func porkbunZone(domain string, ns []string) (Zone, error) {
	z := Zone{Name: domain, LeastTTL: porkbunLeastTTL}
	own := len(ns) == 0
	for _, n := range ns {
		n = plainName(n)
		own = own || under(n, "porkbun.com")
		z.NameServers = append(z.NameServers, n)
	}
	told := finding.Clean(strings.Join(z.NameServers, ", "), 200)
	if !own {
		return Zone{}, fmt.Errorf("%s is registered at Porkbun, but its name servers are %s: what is written at Porkbun is not seen; use the account of whoever keeps these", domain, told)
	}
	if told != "" {
		z.Notes = []string{"Its name servers: " + told + "."}
	}
	return z, nil
}

// Zones asks for the first domains. Porkbun does not say whether there are others;
// behind a full page they are supposed.
func (p *porkbunZones) Zones(ctx context.Context) ([]string, bool, error) {
	var answer struct {
		Domains []struct {
			Domain string `json:"domain"`
		} `json:"domains"`
	}
	if err := p.call(ctx, "/domain/listAll", p.login, &answer); err != nil {
		return nil, false, fmt.Errorf("list the domains: %w", err)
	}
	if answer.Domains == nil {
		return nil, false, unframed("Porkbun", "list of domains")
	}
	var out []string
	for _, d := range answer.Domains {
		out = append(out, plainName(d.Domain))
	}
	return out, len(out) >= porkbunPage, nil
}

// porkbunRecord is one record as the API tells it.
type porkbunRecord struct {
	ID      porkbunNumber `json:"id"`
	Name    string        `json:"name"`
	Type    string        `json:"type"`
	Content string        `json:"content"`
	TTL     porkbunNumber `json:"ttl"`
}

// porkbunNumber is a number that the API tells as text, and now and then as a
// number.
type porkbunNumber string

// UnmarshalJSON reads either.
func (n *porkbunNumber) UnmarshalJSON(b []byte) error {
	*n = porkbunNumber(strings.Trim(string(b), `"`))
	return nil
}

// porkbunTypes are the types that matter at the names belay writes. ALIAS is
// Porkbun's own: a name that answers with another's addresses.
func porkbunTypes() []string { return []string{"TXT", "CNAME", "A", "AAAA", "ALIAS"} }

// At reads the name type by type, as the API has it: the whole zone would be one
// call, however large. What else may stand beside a CNAME the API refuses itself.
func (p *porkbunZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	var sets []RRset
	alias := ""
	for _, typ := range porkbunTypes() {
		var answer struct {
			Records []porkbunRecord `json:"records"`
		}
		path := "/dns/retrieveByNameType/" + url.PathEscape(z.Name) + "/" + typ
		if sub := porkbunSub(name, z); sub != "" {
			path += "/" + url.PathEscape(sub)
		}
		if err := p.call(ctx, path, p.login, &answer); err != nil {
			return nil, err
		}
		if answer.Records == nil {
			return nil, unframed("Porkbun", "list of records")
		}
		for _, r := range answer.Records {
			switch {
			case plainName(r.Name) != name || r.Type != typ:
			case typ == "ALIAS":
				alias = finding.Clean(plainName(r.Content), 200)
			default:
				sets = r.keep(sets, name)
			}
		}
	}
	if alias != "" {
		sets = aliased(sets, name, alias)
	}
	return sets, nil
}

// keep adds a record to its set.
func (r porkbunRecord) keep(sets []RRset, name string) []RRset {
	ttl, err := strconv.ParseUint(string(r.TTL), 10, 31)
	if err != nil {
		ttl = porkbunLeastTTL
	}
	sets = gather(sets, name, r.Type, uint32(ttl), r.Content)
	set := &sets[slices.IndexFunc(sets, func(s RRset) bool { return s.Type == r.Type })]
	own, _ := set.own.([]stored)
	set.own = append(own, stored{id: string(r.ID), value: canonical(r.Type, r.Content), ttl: uint32(ttl)})
	return sets
}

// aliased marks the address sets of a name that an ALIAS record answers for.
func aliased(sets []RRset, name, target string) []RRset {
	for _, typ := range []string{"A", "AAAA"} {
		i := slices.IndexFunc(sets, func(s RRset) bool { return s.Type == typ })
		if i < 0 {
			sets = append(sets, RRset{Name: name, Type: typ})
			i = len(sets) - 1
		}
		sets[i].Special = "answered from Porkbun's ALIAS record to " + target + ", which belay does not write over; remove it in the panel first"
	}
	return sets
}

// Replace changes the records one by one, by their ids.
func (p *porkbunZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	want.TTL = max(want.TTL, porkbunLeastTTL)
	stands, _ := have.own.([]stored)
	return movesTo(stands, want).carryOut(ctx, p, z, want)
}

// porkbunChange is a record as the API takes it.
type porkbunChange struct {
	porkbunLogin
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
	TTL     string `json:"ttl"`
}

func (p *porkbunZones) change(z Zone, want RRset, value string) porkbunChange {
	return porkbunChange{p.login, porkbunSub(want.Name, z), want.Type, value, strconv.FormatUint(uint64(want.TTL), 10)}
}

func (p *porkbunZones) create(ctx context.Context, z Zone, want RRset, value string) error {
	return p.call(ctx, "/dns/create/"+url.PathEscape(z.Name), p.change(z, want, value), nil)
}

func (p *porkbunZones) rewrite(ctx context.Context, z Zone, want RRset, id, value string) error {
	return p.call(ctx, "/dns/edit/"+url.PathEscape(z.Name)+"/"+url.PathEscape(id), p.change(z, want, value), nil)
}

func (p *porkbunZones) remove(ctx context.Context, z Zone, id string) error {
	return p.call(ctx, "/dns/delete/"+url.PathEscape(z.Name)+"/"+url.PathEscape(id), p.login, nil)
}

// Prove has nothing left to test: a key that reads a domain's records may change
// them too, for Porkbun's keys have no narrower rights.
func (p *porkbunZones) Prove(context.Context, Zone, string) ([]string, error) {
	return []string{"The keys read the domain's records; Porkbun's keys may change what they read."}, nil
}

func (p *porkbunZones) call(ctx context.Context, path string, in, out any) error {
	return p.api.Call(ctx, http.MethodPost, path, in, out)
}

// porkbunSub is a name within its zone as the API has it: the apex is empty.
func porkbunSub(name string, z Zone) string {
	if name == z.Name {
		return ""
	}
	return relative(name, z.Name)
}

// porkbunSaid is the frame of every answer.
type porkbunSaid struct {
	Status  string `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// porkbunDenies: a refusal may come with HTTP 200.
func porkbunDenies(body []byte) bool {
	var said porkbunSaid
	return json.Unmarshal(body, &said) != nil || said.Status != "SUCCESS"
}

// porkbunWords are the words of a refusal with their code, which older ones lack.
func porkbunWords(body []byte) string {
	var said porkbunSaid
	if json.Unmarshal(body, &said) != nil || said.Message == "" && said.Code == "" {
		return "something without the status that every answer of its API has"
	}
	if said.Code == "" {
		return said.Message
	}
	return said.Message + " (" + said.Code + ")"
}
