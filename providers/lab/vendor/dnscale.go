package vendor

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// DNScale is the part of DNScale's API v1 that concerns zones and records, with one
// zone in the account.
type DNScale struct {
	server
	// Key is the API key that is accepted: set it before the first call.
	Key string
	// Most is the most items in a page of zones or records, whatever is asked for:
	// set it before the first call.
	Most int
	zone string
	// scopes, id, status and records are guarded by server.mu.
	scopes  []string
	id      string
	status  string
	records []DNScaleRecord
}

// DNScaleRecord is one record as the API tells it. Its id is made from name, type
// and content, and changes with them.
type DNScaleRecord struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Content  string `json:"content"`
	TTL      int    `json:"ttl"`
	Priority *int   `json:"priority"`
	Disabled bool   `json:"disabled"`
	Comment  string `json:"comment,omitempty"`
}

// id is made from what the record says.
func (r DNScaleRecord) id() string {
	return base64.RawURLEncoding.EncodeToString([]byte(r.Name + "|" + r.Type + "|" + r.Content))
}

// NewDNScale starts a server whose account has this zone with these records, no two
// alike, beside its name servers. Close ends it.
func NewDNScale(zone string, records ...DNScaleRecord) *DNScale {
	d := &DNScale{
		zone: plain(zone), Key: "dnsc_0123456789abcdef", Most: 1000,
		id:     "11111111-1111-4111-8111-111111111111",
		status: "active",
		scopes: []string{"zones:read", "records:read", "records:write"},
	}
	for _, ns := range []string{"ns1.dnscale.eu.", "ns2.dnscale.eu."} {
		d.keep(DNScaleRecord{Name: d.zone, Type: "NS", Content: ns, TTL: 3600})
	}
	for _, r := range records {
		r.ID = r.id()
		d.records = append(d.records, r)
	}
	api := http.NewServeMux()
	api.HandleFunc("GET /v1/zones", d.listZones)
	api.HandleFunc("GET /v1/zones/{zone}/records", d.may("records:read", d.listRecords))
	api.HandleFunc("POST /v1/zones/{zone}/records", d.may("records:write", d.createRecord))
	api.HandleFunc("PUT /v1/zones/{zone}/records/{id}", d.may("records:write", d.updateRecord))
	api.HandleFunc("DELETE /v1/zones/{zone}/records/{id}", d.may("records:write", d.deleteRecord))
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		dnscaleError(w, http.StatusNotFound, "NOT_FOUND", "resource not found")
	})
	d.start(d.authenticated(api))
	return d
}

// URL is the API's base: what stands for https://api.dnscale.eu/v1.
func (d *DNScale) URL() string { return d.http.URL + "/v1" }

// SetScopes sets the scopes that the key has: zones:read, records:read,
// records:write.
func (d *DNScale) SetScopes(scopes ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scopes = scopes
}

// SetStatus sets the zone's status: active, paused, pending, error.
func (d *DNScale) SetStatus(status string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status = status
}

// Recreate gives the zone a new id, as deleting it and making it again does.
func (d *DNScale) Recreate() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.id = "22222222-2222-4222-8222-222222222222"
}

// Records are the records at name, disabled ones too.
func (d *DNScale) Records(name string) []DNScaleRecord {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []DNScaleRecord
	for _, r := range d.records {
		if plain(r.Name) == plain(name) {
			out = append(out, r)
		}
	}
	return out
}

// Put adds a record behind the API's back, as it is given but for its id.
func (d *DNScale) Put(r DNScaleRecord) {
	d.mu.Lock()
	d.keep(r)
	d.mu.Unlock()
	d.tell(r.Name, r.Type)
}

// Drop removes all records of a name and type behind the API's back.
func (d *DNScale) Drop(name, typ string) {
	d.mu.Lock()
	d.records = slices.DeleteFunc(d.records, func(r DNScaleRecord) bool { return plain(r.Name) == plain(name) && r.Type == typ })
	d.mu.Unlock()
	d.tell(name, typ)
}

// keep stores r under its id, in place of one that has it. It is called with the
// lock held.
func (d *DNScale) keep(r DNScaleRecord) DNScaleRecord {
	r.ID = r.id()
	if i := d.find(r.ID); i >= 0 {
		d.records[i] = r
		return r
	}
	d.records = append(d.records, r)
	return r
}

// find is called with the lock held.
func (d *DNScale) find(id string) int {
	return slices.IndexFunc(d.records, func(r DNScaleRecord) bool { return r.ID == id })
}

// tell hands the set to OnChange; what is disabled is not in DNS.
func (d *DNScale) tell(name, typ string) {
	on := d.told().OnChange
	if on == nil {
		return
	}
	var ttl uint32
	var values []string
	for _, r := range d.Records(name) {
		if r.Type != typ || r.Disabled {
			continue
		}
		ttl = uint32(r.TTL)
		switch typ {
		case "CNAME":
			values = append(values, plain(r.Content))
		default:
			values = append(values, r.Content)
		}
	}
	on(plain(name), typ, ttl, values)
}

func (d *DNScale) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+d.Key {
			dnscaleError(w, http.StatusUnauthorized, "UNAUTHORIZED", "invalid or missing API key")
			return
		}
		api.ServeHTTP(w, r)
	})
}

// may lets through what is about the account's zone and within the key's scopes.
func (d *DNScale) may(scope string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		scopes, id := d.scopes, d.id
		d.mu.Unlock()
		for _, needed := range []string{"zones:read", "records:read", scope} {
			if !slices.Contains(scopes, needed) {
				dnscaleError(w, http.StatusForbidden, "INSUFFICIENT_SCOPE", "the API key lacks the scope "+needed)
				return
			}
		}
		if r.PathValue("zone") != id {
			dnscaleError(w, http.StatusNotFound, "ZONE_NOT_FOUND", "zone not found")
			return
		}
		next(w, r)
	}
}

func (d *DNScale) listZones(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	id, status := d.id, d.status
	may := slices.Contains(d.scopes, "zones:read")
	d.mu.Unlock()
	if !may {
		dnscaleError(w, http.StatusForbidden, "INSUFFICIENT_SCOPE", "the API key lacks the scope zones:read")
		return
	}
	zones := []map[string]any{}
	for i, name := range d.beside(d.zone) {
		if i > 0 {
			id, status = fmt.Sprintf("33333333-3333-4333-8333-%012d", i), "active"
		}
		zones = append(zones, map[string]any{"id": id, "name": name, "type": "master", "region": "EU", "status": status})
	}
	dnscalePage(d, w, r, "zones", zones, 10, 100)
}

func (d *DNScale) listRecords(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	all := slices.Clone(d.records)
	d.mu.Unlock()
	dnscalePage(d, w, r, "records", all, 50, 1000)
}

// dnscalePage answers with the page that is asked for.
func dnscalePage[T any](d *DNScale, w http.ResponseWriter, r *http.Request, list string, all []T, usual, most int) {
	limit := min(clamp(r.URL.Query().Get("limit"), usual, most), d.Most)
	from := min(clamp(r.URL.Query().Get("offset"), 0, 1<<30), len(all))
	to := min(from+limit, len(all))
	dnscaleAnswer(w, http.StatusOK, map[string]any{
		list: all[from:to],
		"pagination": map[string]any{
			"total": len(all), "offset": from, "limit": limit, "count": to - from, "has_more": to < len(all),
		},
	})
}

func dnscaleAnswer(w http.ResponseWriter, status int, data any) {
	dnscaleJSON(w, status, map[string]any{"status": "success", "data": data})
}

func dnscaleError(w http.ResponseWriter, status int, code, message string) {
	dnscaleJSON(w, status, map[string]any{"status": "error", "error": map[string]string{"code": code, "message": message}})
}

func dnscaleJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// whole completes a name, which may be relative, whole or "@".
func (d *DNScale) whole(name string) string {
	switch p := plain(name); {
	case p == "@" || p == "":
		return d.zone
	case under(p, d.zone) || strings.HasSuffix(name, "."):
		return p
	default:
		return p + "." + d.zone
	}
}
