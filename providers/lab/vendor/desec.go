package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// DeSEC is the part of deSEC's API v1 that concerns domains and their RRsets, with
// one domain in the account.
type DeSEC struct {
	server
	// Token is the API token that is accepted: set it before the first call.
	Token string
	zone  string
	// minimum and readOnly are guarded by server.mu, as are the sets.
	minimum  uint32
	readOnly bool
	sets     []DeSECSet
}

// DeSECSet is one RRset as the API has it: Subname is empty at the apex, records
// stand in presentation format.
type DeSECSet struct {
	Subname string   `json:"subname"`
	Type    string   `json:"type"`
	TTL     uint32   `json:"ttl"`
	Records []string `json:"records"`
}

const (
	// desecMinimum is a domain's minimum_ttl unless deSEC lowers it, in seconds.
	desecMinimum = 3600
	// desecMaximum is the longest TTL, in seconds.
	desecMaximum = 86400
	// desecPage is the most domains, and the most sets, that are listed without a
	// cursor, and at a time.
	desecPage = 500
)

// NewDeSEC starts a server whose account has this domain with these sets. Close ends
// it.
func NewDeSEC(zone string, sets ...DeSECSet) *DeSEC {
	d := &DeSEC{zone: plain(zone), Token: "desec-i-T3bPqUDL4Pm", minimum: desecMinimum}
	d.sets = append(slices.Clone(sets), DeSECSet{Type: "NS", TTL: desecMinimum, Records: []string{"ns1.desec.io.", "ns2.desec.org."}})
	api := http.NewServeMux()
	api.HandleFunc("GET /api/v1/domains/{$}", d.listDomains)
	api.HandleFunc("GET /api/v1/domains/{domain}/rrsets/{$}", d.listSets)
	api.HandleFunc("GET /api/v1/domains/{domain}/rrsets/{subname}/{type}", d.oneSet)
	api.HandleFunc("GET /api/v1/domains/{domain}/rrsets/{subname}/{type}/{$}", d.oneSet)
	api.HandleFunc("PUT /api/v1/domains/{domain}/rrsets/{$}", d.putSets)
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { desecDetail(w, http.StatusNotFound, "Not found.") })
	d.start(d.authenticated(api))
	return d
}

// URL is the API's base: what stands for https://desec.io/api/v1.
func (d *DeSEC) URL() string { return d.http.URL + "/api/v1" }

// SetMinimumTTL is what deSEC's support does on request.
func (d *DeSEC) SetMinimumTTL(seconds uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.minimum = seconds
}

// SetReadOnly gives the token a default policy without perm_write.
func (d *DeSEC) SetReadOnly() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readOnly = true
}

// Set returns the set of this name and type.
func (d *DeSEC) Set(name, typ string) (DeSECSet, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.find(d.subname(name), typ)
	if i < 0 {
		return DeSECSet{}, false
	}
	return d.sets[i], true
}

// Put replaces the set of this name and type behind the API's back; no records
// removes it. The records are kept as they are given.
func (d *DeSEC) Put(name, typ string, ttl uint32, records ...string) {
	d.mu.Lock()
	s := DeSECSet{Subname: d.subname(name), Type: typ, TTL: ttl, Records: slices.Clone(records)}
	d.keep(s)
	d.mu.Unlock()
	d.tell(s)
}

// subname is name relative to the domain, empty for the domain itself.
func (d *DeSEC) subname(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(plain(name), d.zone), ".")
}

// find is called with the lock held.
func (d *DeSEC) find(sub, typ string) int {
	return slices.IndexFunc(d.sets, func(s DeSECSet) bool { return s.Subname == sub && s.Type == typ })
}

// keep is called with the lock held.
func (d *DeSEC) keep(s DeSECSet) {
	if i := d.find(s.Subname, s.Type); i >= 0 {
		d.sets = slices.Delete(d.sets, i, i+1)
	}
	if len(s.Records) > 0 {
		d.sets = append(d.sets, s)
	}
}

// tell hands the set to OnChange.
func (d *DeSEC) tell(s DeSECSet) {
	on := d.told().OnChange
	if on == nil {
		return
	}
	var values []string
	for _, v := range s.Records {
		switch s.Type {
		case "TXT":
			v = plainTXT(v, 10)
		case "CNAME":
			v = plain(v)
		}
		values = append(values, v)
	}
	on(d.whole(s.Subname), s.Type, s.TTL, values)
}

func (d *DeSEC) whole(sub string) string {
	return strings.TrimPrefix(sub+"."+d.zone, ".")
}

func (d *DeSEC) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Token ")
		switch {
		case !ok:
			desecDetail(w, http.StatusUnauthorized, "Authentication credentials were not provided.")
		case token != d.Token:
			desecDetail(w, http.StatusUnauthorized, "Invalid token.")
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// listDomains lists the first page of the account's domains; with owns_qname the one
// that holds that name.
func (d *DeSEC) listDomains(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d.mu.Lock()
	minimum := d.minimum
	d.mu.Unlock()
	found := []any{}
	for _, zone := range d.beside(d.zone) {
		if !q.Has("owns_qname") || under(plain(q.Get("owns_qname")), zone) {
			found = append(found, map[string]any{
				"name": zone, "minimum_ttl": minimum,
				"created": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z", "touched": "2026-01-01T00:00:00Z",
			})
		}
	}
	if len(found) > desecPage && !q.Has("cursor") {
		desecUnpaged(w, len(found))
		return
	}
	desecAnswer(w, http.StatusOK, found[:min(len(found), desecPage)])
}

// desecUnpaged refuses to list so many things at a time.
func desecUnpaged(w http.ResponseWriter, total int) {
	desecDetail(w, http.StatusBadRequest, fmt.Sprintf("Pagination required. You can query up to %d items at a time (%d total). Please use the `first` page link (see Link header).", desecPage, total))
}

// ours reports whether the domain of the request is the account's; it has answered
// where it returns false.
func (d *DeSEC) ours(w http.ResponseWriter, r *http.Request) bool {
	if r.PathValue("domain") != d.zone {
		desecDetail(w, http.StatusNotFound, "Not found.")
		return false
	}
	return true
}

func (d *DeSEC) listSets(w http.ResponseWriter, r *http.Request) {
	if !d.ours(w, r) {
		return
	}
	q := r.URL.Query()
	found := []DeSECSet{}
	d.mu.Lock()
	for _, s := range d.sets {
		if (!q.Has("subname") || q.Get("subname") == s.Subname) && (!q.Has("type") || q.Get("type") == s.Type) {
			found = append(found, s)
		}
	}
	d.mu.Unlock()
	if len(found) > desecPage && !q.Has("cursor") {
		desecUnpaged(w, len(found))
		return
	}
	desecAnswer(w, http.StatusOK, found[:min(len(found), desecPage)])
}

func (d *DeSEC) oneSet(w http.ResponseWriter, r *http.Request) {
	if !d.ours(w, r) {
		return
	}
	sub := r.PathValue("subname")
	if sub == "@" {
		sub = ""
	}
	d.mu.Lock()
	i := d.find(sub, r.PathValue("type"))
	var s DeSECSet
	if i >= 0 {
		s = d.sets[i]
	}
	d.mu.Unlock()
	if i < 0 {
		desecDetail(w, http.StatusNotFound, "Not found.")
		return
	}
	desecAnswer(w, http.StatusOK, s)
}

func desecDetail(w http.ResponseWriter, status int, text string) {
	desecAnswer(w, status, map[string]string{"detail": text})
}

func desecAnswer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
