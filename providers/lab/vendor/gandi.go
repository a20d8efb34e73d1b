package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Gandi is the part of Gandi's LiveDNS API (v5) that concerns domains and their
// RRsets, with one domain for the token.
type Gandi struct {
	server
	// Token is the personal access token that is accepted: set it before the first
	// call.
	Token string
	// Page is the most items that a list has before the next page begins: set it
	// before the first call.
	Page int
	zone string
	// rights and sets are guarded by server.mu.
	rights gandiRights
	sets   []GandiSet
}

// GandiSet is one RRset as the API has it: names relative, "@" at the apex, values
// in the form of zone files.
type GandiSet struct {
	Name   string   `json:"rrset_name"`
	Type   string   `json:"rrset_type"`
	TTL    int      `json:"rrset_ttl"`
	Values []string `json:"rrset_values"`
	Href   string   `json:"rrset_href,omitempty"`
}

// gandiRights are what the token lacks.
type gandiRights struct{ unseen, readOnly bool }

// NewGandi starts a server whose token sees this domain with these sets, named relative
// to it. Close ends it.
func NewGandi(zone string, sets ...GandiSet) *Gandi {
	g := &Gandi{zone: plain(zone), sets: slices.Clone(sets), Token: "pat_0123456789abcdef0123456789abcdef", Page: 100}
	api := http.NewServeMux()
	api.HandleFunc("GET /v5/livedns/domains", g.listDomains)
	api.HandleFunc("GET /v5/livedns/domains/{domain}", g.ours(g.oneDomain))
	api.HandleFunc("GET /v5/livedns/domains/{domain}/nameservers", g.ours(func(w http.ResponseWriter, _ *http.Request) {
		gandiAnswer(w, http.StatusOK, []string{"ns-12-a.gandi.net", "ns-34-b.gandi.net", "ns-56-c.gandi.net"})
	}))
	api.HandleFunc("GET /v5/livedns/domains/{domain}/records", g.ours(g.listSets))
	api.HandleFunc("GET /v5/livedns/domains/{domain}/records/{name}", g.ours(g.listSets))
	api.HandleFunc("GET /v5/livedns/domains/{domain}/records/{name}/{type}", g.ours(g.oneSet))
	api.HandleFunc("POST /v5/livedns/domains/{domain}/records/{name}/{type}", g.ours(g.createSet))
	api.HandleFunc("PUT /v5/livedns/domains/{domain}/records/{name}/{type}", g.ours(g.putSet))
	api.HandleFunc("DELETE /v5/livedns/domains/{domain}/records/{name}/{type}", g.ours(g.deleteSet))
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		gandiError(w, http.StatusNotFound, "The resource could not be found.")
	})
	g.start(g.authenticated(api))
	return g
}

// URL is the API's base: what stands for https://api.gandi.net/v5/livedns.
func (g *Gandi) URL() string { return g.http.URL + "/v5/livedns" }

// SetReadOnly takes the right to change records from the token.
func (g *Gandi) SetReadOnly() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rights.readOnly = true
}

// SetUnseen takes every right over domains from the token.
func (g *Gandi) SetUnseen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rights.unseen = true
}

func (g *Gandi) lacks() gandiRights {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rights
}

// Set returns the set of this name and type.
func (g *Gandi) Set(name, typ string) (GandiSet, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.find(g.relative(name), typ)
	if i < 0 {
		return GandiSet{}, false
	}
	return g.sets[i], true
}

// Put makes the set of this name and type behind the API's back; no values removes
// it. The values are kept as they are given.
func (g *Gandi) Put(name, typ string, ttl int, values ...string) {
	s := GandiSet{Name: g.relative(name), Type: typ, TTL: ttl, Values: slices.Clone(values)}
	g.mu.Lock()
	g.keep(s)
	g.mu.Unlock()
	g.tell(s)
}

// relative is a whole name within the domain.
func (g *Gandi) relative(name string) string {
	name = plain(name)
	if name == g.zone {
		return "@"
	}
	return strings.TrimSuffix(name, "."+g.zone)
}

// whole is a relative name with the domain's.
func (g *Gandi) whole(name string) string {
	if name == "@" {
		return g.zone
	}
	return plain(name) + "." + g.zone
}

// find is called with the lock held.
func (g *Gandi) find(name, typ string) int {
	return slices.IndexFunc(g.sets, func(s GandiSet) bool { return s.Name == name && s.Type == typ })
}

// keep is called with the lock held.
func (g *Gandi) keep(s GandiSet) {
	s.Href = g.URL() + "/domains/" + g.zone + "/records/" + url.PathEscape(s.Name) + "/" + s.Type
	i := g.find(s.Name, s.Type)
	switch {
	case i < 0 && len(s.Values) > 0:
		g.sets = append(g.sets, s)
	case i >= 0 && len(s.Values) > 0:
		g.sets[i] = s
	case i >= 0:
		g.sets = slices.Delete(g.sets, i, i+1)
	}
}

// tell hands the set to OnChange. A host name without final dot is relative.
func (g *Gandi) tell(s GandiSet) {
	on := g.told().OnChange
	if on == nil {
		return
	}
	var values []string
	for _, v := range s.Values {
		switch {
		case s.Type == "TXT":
			v = plainTXT(v, 10)
		case s.Type == "CNAME" && !strings.HasSuffix(v, "."):
			v = plain(v) + "." + g.zone
		case s.Type == "CNAME":
			v = plain(v)
		}
		values = append(values, v)
	}
	on(g.whole(s.Name), s.Type, uint32(s.TTL), values)
}

// authenticated refuses what has no good token: nothing at all by 401, a token that
// is unknown or has expired by 403, as one that lacks a right.
func (g *Gandi) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !ok:
			gandiError(w, http.StatusUnauthorized, "You must provide an access token or an API Key. See https://api.gandi.net/docs/authentication/")
		case token != g.Token:
			gandiError(w, http.StatusForbidden, "Access was denied to this resource.")
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// ours lets through what is about the token's domain.
func (g *Gandi) ours(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		lacks := g.lacks()
		switch {
		case lacks.unseen || lacks.readOnly && r.Method != http.MethodGet:
			gandiError(w, http.StatusForbidden, "Access was denied to this resource.")
		case r.PathValue("domain") != g.zone:
			gandiError(w, http.StatusNotFound, "Unknown domain")
		default:
			next(w, r)
		}
	}
}

func (g *Gandi) listDomains(w http.ResponseWriter, r *http.Request) {
	found := []map[string]string{}
	if !g.lacks().unseen {
		for _, zone := range g.beside(g.zone) {
			found = append(found, g.domain(zone))
		}
	}
	gandiPage(g, w, r, found)
}

func (g *Gandi) oneDomain(w http.ResponseWriter, _ *http.Request) {
	gandiAnswer(w, http.StatusOK, g.domain(g.zone))
}

func (g *Gandi) domain(zone string) map[string]string {
	return map[string]string{"fqdn": zone, "domain_href": g.URL() + "/domains/" + zone, "domain_records_href": g.URL() + "/domains/" + zone + "/records"}
}

// gandiPage answers with the page that is asked for, and says where the next is.
func gandiPage[T any](g *Gandi, w http.ResponseWriter, r *http.Request, all []T) {
	page := clamp(r.URL.Query().Get("page"), 1, 1<<20)
	size := clamp(r.URL.Query().Get("per_page"), g.Page, g.Page)
	from := min((page-1)*size, len(all))
	to := min(from+size, len(all))
	w.Header().Set("Total-Count", strconv.Itoa(len(all)))
	if to < len(all) {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(page+1))
		next := *r.URL
		next.RawQuery = query.Encode()
		w.Header().Set("Link", fmt.Sprintf(`<%s%s>; rel="next"`, g.http.URL, next.RequestURI()))
	}
	gandiAnswer(w, http.StatusOK, all[from:to])
}

func gandiError(w http.ResponseWriter, status int, message string) {
	gandiAnswer(w, status, map[string]any{
		"code": status, "message": message, "cause": http.StatusText(status),
		"object": "HTTP" + strings.ReplaceAll(http.StatusText(status), " ", ""),
	})
}

func gandiAnswer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
