package vendor

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

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
		"name_servers": c.state.servers,
		"permissions":  c.state.permissions,
		"account":      map[string]string{"id": cloudflareAccountID, "name": "Corp"},
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
