package vendor

import (
	"fmt"
	"net/http"
	"slices"
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
	state   cloudflareState
	workers workers
}

type cloudflareState struct {
	expires     string // of the token, RFC 3339; empty for never
	status      string
	permissions []string
	servers     []string
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
	// Meta says whose record it is.
	Meta CloudflareMeta `json:"meta"`
}

// CloudflareMeta is what Cloudflare notes of a record.
type CloudflareMeta struct {
	// ReadOnly is set for a record that Cloudflare made for a Worker.
	ReadOnly bool `json:"read_only,omitempty"`
}

const cloudflareZoneID = "023e105f4ecef8ad9ca31a8372d0c353"

// NewCloudflare starts a server whose account has this zone with these records.
// Records without an id get one. Close ends it.
func NewCloudflare(zone string, records ...CloudflareRecord) *Cloudflare {
	c := &Cloudflare{zone: plain(zone), Token: "cf-token-0123456789abcdef"}
	c.state.status = "active"
	c.state.servers = []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"}
	c.state.permissions = []string{"#dns_records:edit", "#dns_records:read", "#zone:read", "#worker:read", "#worker:edit"}
	for _, r := range records {
		c.add(r)
	}
	api := http.NewServeMux()
	api.HandleFunc("GET /client/v4/user/tokens/verify", c.verifyToken)
	api.HandleFunc("GET /client/v4/zones", c.listZones)
	api.HandleFunc("GET /client/v4/zones/{zone}/dns_records", c.listRecords)
	api.HandleFunc("POST /client/v4/zones/{zone}/dns_records", c.createRecord)
	api.HandleFunc("PATCH /client/v4/zones/{zone}/dns_records/{id}", c.patchRecord)
	api.HandleFunc("DELETE /client/v4/zones/{zone}/dns_records/{id}", c.deleteRecord)
	c.startWorkers(api)
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

// SetNameServers sets the name servers that the zone was given.
func (c *Cloudflare) SetNameServers(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.servers = names
}

// SetExpiry sets when the token ends, in RFC 3339; at first it never does.
func (c *Cloudflare) SetExpiry(on string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.expires = on
}

func (c *Cloudflare) verifyToken(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	token := map[string]any{"id": "ed17574386854bf78a67040be0a770b0", "status": "active"}
	if c.state.expires != "" {
		token["expires_on"] = c.state.expires
	}
	cloudflareResult(w, token)
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
