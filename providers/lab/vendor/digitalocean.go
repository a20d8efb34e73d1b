package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// DigitalOcean is the part of DigitalOcean's API v2 that concerns domains and their
// records, with one domain in the team.
type DigitalOcean struct {
	server
	// Token is the API token that is accepted: set it before the first call.
	Token string
	zone  string
	// scopes, records and last are guarded by server.mu.
	scopes  []string
	records []DigitalOceanRecord
	last    int64
}

// DigitalOceanRecord is one record as the API tells it: Name is relative, Data plain
// text for TXT, a host name without final dot for CNAME.
type DigitalOceanRecord struct {
	ID   int64  `json:"id"`
	Type string `json:"type"`
	Name string `json:"name"`
	Data string `json:"data"`
	TTL  int    `json:"ttl"`
}

const (
	digitalOceanTTL = 1800
	// digitalOceanText is the most bytes of a TXT value with its quotes and
	// escapes.
	digitalOceanText = 512
)

// NewDigitalOcean starts a server whose team has this domain with these records,
// named relative to it. Close ends it.
func NewDigitalOcean(zone string, records ...DigitalOceanRecord) *DigitalOcean {
	d := &DigitalOcean{zone: plain(zone), Token: "dop_v1_0123456789abcdef0123456789abcdef"}
	d.scopes = []string{"domain:read", "domain:create", "domain:update", "domain:delete"}
	for _, r := range records {
		r.ID = 0
		d.keep(r)
	}
	for i := range 3 {
		d.keep(DigitalOceanRecord{Type: "NS", Name: "@", Data: fmt.Sprintf("ns%d.digitalocean.com", i+1), TTL: digitalOceanTTL})
	}
	api := http.NewServeMux()
	api.HandleFunc("GET /v2/domains", d.may("domain:read", d.listDomains))
	api.HandleFunc("GET /v2/domains/{domain}", d.may("domain:read", d.oneDomain))
	api.HandleFunc("GET /v2/domains/{domain}/records", d.may("domain:read", d.listRecords))
	api.HandleFunc("POST /v2/domains/{domain}/records", d.may("domain:create", d.createRecord))
	api.HandleFunc("PUT /v2/domains/{domain}/records/{id}", d.may("domain:update", d.editRecord))
	api.HandleFunc("DELETE /v2/domains/{domain}/records/{id}", d.may("domain:delete", d.deleteRecord))
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { digitalOceanMissing(w) })
	d.start(api)
	return d
}

// URL is the API's base: what stands for https://api.digitalocean.com/v2.
func (d *DigitalOcean) URL() string { return d.http.URL + "/v2" }

// SetScopes sets what the token may do.
func (d *DigitalOcean) SetScopes(scopes ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scopes = scopes
}

// Records are the records at name, as they were made.
func (d *DigitalOcean) Records(name string) []DigitalOceanRecord {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []DigitalOceanRecord
	for _, r := range d.records {
		if r.Name == d.relative(name) {
			out = append(out, r)
		}
	}
	return out
}

// Put adds a record behind the API's back; its name may be whole.
func (d *DigitalOcean) Put(r DigitalOceanRecord) {
	r.Name = d.relative(r.Name)
	d.mu.Lock()
	d.keep(r)
	d.mu.Unlock()
	d.tell(r.Name, r.Type)
}

// Drop removes all records of a name and type behind the API's back.
func (d *DigitalOcean) Drop(name, typ string) {
	name = d.relative(name)
	d.mu.Lock()
	d.records = slices.DeleteFunc(d.records, func(r DigitalOceanRecord) bool { return r.Name == name && r.Type == typ })
	d.mu.Unlock()
	d.tell(name, typ)
}

// keep is called with the lock held. A record without an id is a new one.
func (d *DigitalOcean) keep(r DigitalOceanRecord) DigitalOceanRecord {
	if r.ID != 0 {
		if i := slices.IndexFunc(d.records, func(old DigitalOceanRecord) bool { return old.ID == r.ID }); i >= 0 {
			d.records[i] = r
			return r
		}
	}
	d.last++
	r.ID = 3352890 + d.last
	d.records = append(d.records, r)
	return r
}

func (d *DigitalOcean) relative(name string) string {
	name = plain(name)
	if name == d.zone || name == "" {
		return "@"
	}
	return strings.TrimSuffix(name, "."+d.zone)
}

func (d *DigitalOcean) whole(name string) string {
	if name == "@" {
		return d.zone
	}
	return name + "." + d.zone
}

// tell hands the set to OnChange as it stands; it is served with the longest TTL.
func (d *DigitalOcean) tell(name, typ string) {
	on := d.told().OnChange
	if on == nil {
		return
	}
	ttl := 0
	var values []string
	for _, r := range d.Records(d.whole(name)) {
		if r.Type != typ {
			continue
		}
		ttl = max(ttl, r.TTL)
		v := r.Data
		if typ == "CNAME" && v == "@" {
			v = d.zone
		}
		values = append(values, v)
	}
	on(d.whole(name), typ, uint32(ttl), values)
}

// may refuses an unknown token, one without the scope, and a domain that is asked
// for and not the team's.
func (d *DigitalOcean) may(scope string, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		has := slices.Contains(d.scopes, scope)
		d.mu.Unlock()
		switch {
		case r.Header.Get("Authorization") != "Bearer "+d.Token:
			digitalOceanError(w, http.StatusUnauthorized, "Unauthorized", "Unable to authenticate you")
		case !has:
			digitalOceanError(w, http.StatusForbidden, "Forbidden", "You are not authorized to perform this operation")
		case r.PathValue("domain") != "" && r.PathValue("domain") != d.zone:
			digitalOceanMissing(w)
		default:
			then(w, r)
		}
	}
}

func (d *DigitalOcean) oneDomain(w http.ResponseWriter, _ *http.Request) {
	digitalOceanAnswer(w, http.StatusOK, map[string]any{"domain": digitalOceanDomain(d.zone)})
}

func digitalOceanDomain(zone string) map[string]any {
	return map[string]any{"name": zone, "ttl": digitalOceanTTL, "zone_file": ""}
}

func (d *DigitalOcean) listDomains(w http.ResponseWriter, r *http.Request) {
	found := []map[string]any{}
	for _, zone := range d.beside(d.zone) {
		found = append(found, digitalOceanDomain(zone))
	}
	digitalOceanPage(w, r, "domains", found)
}

// listRecords lists all records, or those of a whole name, a type or both.
func (d *DigitalOcean) listRecords(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found := []DigitalOceanRecord{}
	d.mu.Lock()
	for _, rec := range d.records {
		if (!q.Has("name") || plain(q.Get("name")) == d.whole(rec.Name)) && (!q.Has("type") || q.Get("type") == rec.Type) {
			found = append(found, rec)
		}
	}
	d.mu.Unlock()
	digitalOceanPage(w, r, "domain_records", found)
}

// digitalOceanPage answers with the page that is asked for, and says where the
// others are.
func digitalOceanPage[T any](w http.ResponseWriter, r *http.Request, list string, all []T) {
	q := r.URL.Query()
	size, page := clamp(q.Get("per_page"), 20, 200), clamp(q.Get("page"), 1, 1<<20)
	from := min((page-1)*size, len(all))
	to := min(from+size, len(all))
	pages := map[string]string{}
	at := func(n int) string {
		q.Set("page", strconv.Itoa(n))
		return "https://api.digitalocean.com" + r.URL.EscapedPath() + "?" + q.Encode()
	}
	if to < len(all) {
		pages["next"], pages["last"] = at(page+1), at((len(all)+size-1)/size)
	}
	if page > 1 {
		pages["first"], pages["prev"] = at(1), at(page-1)
	}
	digitalOceanAnswer(w, http.StatusOK, map[string]any{
		list: all[from:to], "links": map[string]any{"pages": pages}, "meta": map[string]int{"total": len(all)},
	})
}

func digitalOceanMissing(w http.ResponseWriter) {
	digitalOceanError(w, http.StatusNotFound, "not_found", "The resource you were accessing could not be found.")
}

func digitalOceanError(w http.ResponseWriter, status int, id, message string) {
	digitalOceanAnswer(w, status, map[string]string{"id": id, "message": message, "request_id": "4d9d8375-3c56-4925-a3e7-eb137fed17e9"})
}

func digitalOceanAnswer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
