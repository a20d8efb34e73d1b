package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Cloudflare is the part of Cloudflare's API v4 that concerns zones and records,
// with one zone in the account.
type Cloudflare struct {
	server
	// Token is the API token that is accepted: set it before the first call.
	Token string
	zone  string
	// state is guarded by server.mu.
	state cloudflareState
}

type cloudflareState struct {
	status      string
	permissions []string
	records     []CloudflareRecord
	last        int
}

// CloudflareRecord is one record as the API tells it.
type CloudflareRecord struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"`
	TTL     int    `json:"ttl"`
	Proxied bool   `json:"proxied"`
}

const cloudflareZoneID = "023e105f4ecef8ad9ca31a8372d0c353"

// NewCloudflare starts a server whose account has this zone with these records.
// Records without an id get one. Close ends it.
func NewCloudflare(zone string, records ...CloudflareRecord) *Cloudflare {
	c := &Cloudflare{zone: plain(zone), Token: "cf-token-0123456789abcdef"}
	c.state.status = "active"
	c.state.permissions = []string{"#dns_records:edit", "#dns_records:read", "#zone:read"}
	for _, r := range records {
		c.add(r)
	}
	api := http.NewServeMux()
	api.HandleFunc("GET /client/v4/zones", c.listZones)
	api.HandleFunc("GET /client/v4/zones/{zone}/dns_records", c.listRecords)
	api.HandleFunc("POST /client/v4/zones/{zone}/dns_records", c.createRecord)
	api.HandleFunc("PATCH /client/v4/zones/{zone}/dns_records/{id}", c.patchRecord)
	api.HandleFunc("DELETE /client/v4/zones/{zone}/dns_records/{id}", c.deleteRecord)
	api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		cloudflareError(w, http.StatusNotFound, 7003, "Could not route to "+r.URL.Path+", perhaps your object identifier is invalid?")
	})
	c.start(c.authenticated(api))
	return c
}

// URL is the API's base: what stands for https://api.cloudflare.com/client/v4.
func (c *Cloudflare) URL() string { return c.http.URL + "/client/v4" }

// SetStatus sets the zone's status: active, pending, moved.
func (c *Cloudflare) SetStatus(status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.status = status
}

// SetPermissions sets the rights that the token has; without
// "#dns_records:edit" writes are refused, without "#dns_records:read" reads.
func (c *Cloudflare) SetPermissions(permissions ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.permissions = permissions
}

// Records are the records at name, by type and content.
func (c *Cloudflare) Records(name string) []CloudflareRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []CloudflareRecord
	for _, r := range c.state.records {
		if r.Name == plain(name) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b CloudflareRecord) int {
		return strings.Compare(a.Type+" "+a.Content, b.Type+" "+b.Content)
	})
	return out
}

// Put adds a record behind the API's back.
func (c *Cloudflare) Put(r CloudflareRecord) {
	c.add(r)
	c.tell(plain(r.Name), r.Type)
}

// Drop removes all records of a name and type behind the API's back.
func (c *Cloudflare) Drop(name, typ string) {
	c.mu.Lock()
	c.state.records = slices.DeleteFunc(c.state.records, func(r CloudflareRecord) bool { return r.Name == plain(name) && r.Type == typ })
	c.mu.Unlock()
	c.tell(plain(name), typ)
}

func (c *Cloudflare) add(r CloudflareRecord) CloudflareRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.last++
	if r.ID == "" {
		r.ID = fmt.Sprintf("%032x", c.state.last)
	}
	r.Name = plain(r.Name)
	if r.TTL == 0 {
		r.TTL = 1
	}
	c.state.records = append(c.state.records, r)
	return r
}

// tell hands the set to OnChange as it stands.
func (c *Cloudflare) tell(name, typ string) {
	on := c.told().OnChange
	if on == nil {
		return
	}
	var ttl uint32
	var values []string
	for _, r := range c.Records(name) {
		if r.Type != typ {
			continue
		}
		if ttl = uint32(r.TTL); ttl == 1 {
			ttl = 300
		}
		switch typ {
		case "TXT":
			values = append(values, plainTXT(r.Content, 10))
		case "CNAME":
			values = append(values, plain(r.Content))
		default:
			values = append(values, r.Content)
		}
	}
	on(name, typ, ttl, values)
}

// authenticated refuses what has no good token: 400 for a malformed header, 403
// for an unknown token.
func (c *Cloudflare) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !ok || strings.ContainsAny(token, " \t") || len(token) < 8:
			cloudflareError(w, http.StatusBadRequest, 6003, "Invalid request headers")
		case token != c.Token:
			cloudflareError(w, http.StatusForbidden, 9109, "Invalid access token")
		default:
			api.ServeHTTP(w, r)
		}
	})
}

func (c *Cloudflare) may(right string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.state.permissions, right)
}

// known checks zone and right; it has answered where it returns false.
func (c *Cloudflare) known(w http.ResponseWriter, r *http.Request, right string) bool {
	if r.PathValue("zone") != cloudflareZoneID {
		cloudflareError(w, http.StatusNotFound, 7003, "Could not route to zone, perhaps your object identifier is invalid?")
		return false
	}
	if !c.may(right) {
		cloudflareError(w, http.StatusForbidden, 10000, "Authentication error")
		return false
	}
	return true
}

func (c *Cloudflare) listZones(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	zone := map[string]any{
		"id": cloudflareZoneID, "name": c.zone, "status": c.state.status,
		"name_servers": []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"},
		"permissions":  c.state.permissions,
	}
	c.mu.Unlock()
	found := []any{}
	if name := r.URL.Query().Get("name"); (name == "" || plain(name) == c.zone) && c.may("#zone:read") {
		found = append(found, zone)
	}
	cloudflarePage(w, found, 1, 20, len(found))
}

func (c *Cloudflare) listRecords(w http.ResponseWriter, r *http.Request) {
	if !c.known(w, r, "#dns_records:read") {
		return
	}
	q := r.URL.Query()
	var found []any
	c.mu.Lock()
	for _, rec := range c.state.records {
		name := q.Get("name")
		if name != "" && plain(name) != rec.Name ||
			q.Get("type") != "" && q.Get("type") != rec.Type ||
			q.Get("content.exact") != "" && q.Get("content.exact") != rec.Content ||
			q.Get("content.contains") != "" && !strings.Contains(rec.Content, q.Get("content.contains")) {
			continue
		}
		found = append(found, rec)
	}
	c.mu.Unlock()
	size := clamp(q.Get("per_page"), 100, 5000)
	page := clamp(q.Get("page"), 1, 1<<20)
	from := min((page-1)*size, len(found))
	cloudflarePage(w, found[from:min(from+size, len(found))], page, size, len(found))
}

func clamp(s string, otherwise, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}

// cloudflareChange is what a client sends; what it leaves out stays.
type cloudflareChange struct {
	Type, Name, Content string
	TTL                 int
	Proxied             *bool
}

func (c *Cloudflare) createRecord(w http.ResponseWriter, r *http.Request) {
	if !c.known(w, r, "#dns_records:edit") {
		return
	}
	var in cloudflareChange
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		cloudflareError(w, http.StatusBadRequest, 9207, "Request body is invalid.")
		return
	}
	rec := CloudflareRecord{Type: in.Type, Name: c.whole(in.Name), Content: in.Content, TTL: max(in.TTL, 1)}
	rec.Proxied = in.Proxied != nil && *in.Proxied
	c.store(w, rec, "")
}

func (c *Cloudflare) patchRecord(w http.ResponseWriter, r *http.Request) {
	if !c.known(w, r, "#dns_records:edit") {
		return
	}
	rec, ok := c.record(r.PathValue("id"))
	if !ok {
		cloudflareError(w, http.StatusNotFound, 81044, "Record does not exist.")
		return
	}
	var in cloudflareChange
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		cloudflareError(w, http.StatusBadRequest, 9207, "Request body is invalid.")
		return
	}
	if in.Content != "" {
		rec.Content = in.Content
	}
	if in.TTL != 0 {
		rec.TTL = in.TTL
	}
	if in.Proxied != nil {
		rec.Proxied = *in.Proxied
	}
	c.store(w, rec, rec.ID)
}

// store creates rec, or changes the one with this id, as far as the API's rules
// allow.
func (c *Cloudflare) store(w http.ResponseWriter, rec CloudflareRecord, id string) {
	c.write.Lock()
	defer c.write.Unlock()
	status, code, text := 0, 0, ""
	c.around(rec.Name, rec.Type, func() bool {
		if status, code, text = c.refuse(rec, id); status != 0 {
			return false
		}
		if id == "" {
			rec = c.add(rec)
			return true
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.IndexFunc(c.state.records, func(r CloudflareRecord) bool { return r.ID == id })
		if i < 0 {
			status, code, text = http.StatusNotFound, 81044, "Record does not exist."
			return false
		}
		c.state.records[i] = rec
		return true
	})
	if status != 0 {
		cloudflareError(w, status, code, text)
		return
	}
	c.done(rec.Name, rec.Type)
	cloudflareResult(w, rec)
}

// done tells of a write that was made.
func (c *Cloudflare) done(name, typ string) {
	c.tell(name, typ)
	if after := c.told().After; after != nil {
		after(name, typ)
	}
}

// refuse is the API's own judgement of a record.
func (c *Cloudflare) refuse(rec CloudflareRecord, id string) (status, code int, text string) {
	ip, err := netip.ParseAddr(rec.Content)
	switch {
	case !under(rec.Name, c.zone):
		return http.StatusBadRequest, 9009, "The record name is not in the zone."
	case rec.Type == "A" && (err != nil || !ip.Is4()):
		return http.StatusBadRequest, 9005, "Content for A record must be a valid IPv4 address."
	case rec.Type == "AAAA" && (err != nil || !ip.Is6()):
		return http.StatusBadRequest, 9006, "Content for AAAA record must be a valid IPv6 address."
	case rec.TTL != 1 && (rec.TTL < 60 || rec.TTL > 86400):
		return http.StatusBadRequest, 9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic."
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.state.records {
		switch {
		case other.ID == id || other.Name != rec.Name:
		case other.Type == rec.Type && other.Content == rec.Content:
			return http.StatusBadRequest, 81058, "An identical record already exists."
		case rec.Type == "CNAME" && other.Type != "CNAME":
			return http.StatusBadRequest, 81053, "An A, AAAA, or CNAME record with that host already exists."
		case other.Type == "CNAME":
			return http.StatusBadRequest, 81053, "A CNAME record with that host already exists."
		}
	}
	return 0, 0, ""
}

func (c *Cloudflare) deleteRecord(w http.ResponseWriter, r *http.Request) {
	if !c.known(w, r, "#dns_records:edit") {
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	rec, ok := c.record(r.PathValue("id"))
	if ok {
		ok = c.around(rec.Name, rec.Type, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			n := len(c.state.records)
			c.state.records = slices.DeleteFunc(c.state.records, func(r CloudflareRecord) bool { return r.ID == rec.ID })
			return len(c.state.records) < n
		})
	}
	if !ok {
		cloudflareError(w, http.StatusNotFound, 81044, "Record does not exist.")
		return
	}
	c.done(rec.Name, rec.Type)
	cloudflareResult(w, map[string]string{"id": rec.ID}) // and nothing else of it
}

func (c *Cloudflare) record(id string) (CloudflareRecord, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.state.records {
		if r.ID == id {
			return r, true
		}
	}
	return CloudflareRecord{}, false
}

// whole completes a name that does not end in the zone's, as the API does.
func (c *Cloudflare) whole(name string) string {
	name = plain(name)
	switch {
	case name == "@" || name == "":
		return c.zone
	case under(name, c.zone):
		return name
	}
	return name + "." + c.zone
}
