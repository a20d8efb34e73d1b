package vendor

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Linode is the part of Akamai's Linode API v4 that concerns domains and their
// records, with one domain in the account.
type Linode struct {
	server
	// Token is the personal access token that is accepted: set it before the
	// first call.
	Token string
	zone  string
	// state is guarded by server.mu.
	state linodeState
}

type linodeState struct {
	domain  linodeDomain
	records []LinodeRecord
	scopes  string
	last    int
	full    int
}

type linodeDomain struct {
	ID     int    `json:"id"`
	Domain string `json:"domain"`
	Type   string `json:"type"`
	Status string `json:"status"`
	TTL    int    `json:"ttl_sec"`
}

// LinodeRecord is one record as the API tells it: the name within the domain, TXT
// without quotes, a TTL of 0 for the domain's own.
type LinodeRecord struct {
	ID       int     `json:"id"`
	Type     string  `json:"type"`
	Name     string  `json:"name"`
	Target   string  `json:"target"`
	TTL      int     `json:"ttl_sec"`
	Priority int     `json:"priority"`
	Weight   int     `json:"weight"`
	Port     int     `json:"port"`
	Service  *string `json:"service"`
	Protocol *string `json:"protocol"`
	Tag      *string `json:"tag"`
}

// NewLinode starts a server whose account has this domain with these records, and
// a token that may read and write domains. Close ends it.
func NewLinode(zone string, records ...LinodeRecord) *Linode {
	l := &Linode{zone: plain(zone), Token: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
	l.state.domain = linodeDomain{ID: 1_234_567, Domain: l.zone, Type: "master", Status: "active"}
	l.state.scopes = "domains:read_write"
	l.state.full = 12_000
	for _, r := range records {
		l.add(r)
	}
	api := http.NewServeMux()
	api.HandleFunc("GET /v4/domains", l.scoped(false, l.listDomains))
	api.HandleFunc("GET /v4/domains/{domain}", l.scoped(false, l.known(l.showDomain)))
	api.HandleFunc("GET /v4/domains/{domain}/records", l.scoped(false, l.known(l.listRecords)))
	api.HandleFunc("POST /v4/domains/{domain}/records", l.scoped(true, l.known(l.createRecord)))
	api.HandleFunc("PUT /v4/domains/{domain}/records/{id}", l.scoped(true, l.known(l.changeRecord)))
	api.HandleFunc("DELETE /v4/domains/{domain}/records/{id}", l.scoped(true, l.known(l.deleteRecord)))
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { linodeError(w, http.StatusNotFound, "", "Not found") })
	l.start(l.authenticated(api))
	return l
}

// URL is the API's base: what stands for https://api.linode.com/v4.
func (l *Linode) URL() string { return l.http.URL + "/v4" }

// SetScopes sets what the token may do: "domains:read_write",
// "domains:read_only", "linodes:read_only", "*".
func (l *Linode) SetScopes(scopes string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.scopes = scopes
}

// SetDomain sets the domain's type (master, slave), its status (active, disabled,
// edit_mode, has_errors) and its default TTL in seconds.
func (l *Linode) SetDomain(typ, status string, ttl int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.domain.Type, l.state.domain.Status, l.state.domain.TTL = typ, status, ttl
}

// SetFull sets how many records the domain may have; the API's own limit is
// 12,000.
func (l *Linode) SetFull(records int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.full = records
}

// Put adds a record behind the API's back.
func (l *Linode) Put(r LinodeRecord) {
	r = l.add(r)
	l.tell(r.Name, r.Type)
}

// Drop removes all records of a name and type behind the API's back.
func (l *Linode) Drop(name, typ string) {
	sub := l.sub(name)
	l.mu.Lock()
	l.state.records = slices.DeleteFunc(l.state.records, func(r LinodeRecord) bool { return r.Name == sub && r.Type == typ })
	l.mu.Unlock()
	l.tell(sub, typ)
}

// Records are the records at name and type.
func (l *Linode) Records(name, typ string) []LinodeRecord {
	sub := l.sub(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []LinodeRecord
	for _, r := range l.state.records {
		if r.Name == sub && r.Type == typ {
			out = append(out, r)
		}
	}
	return out
}

// authenticated refuses what has no good token.
func (l *Linode) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+l.Token {
			linodeError(w, http.StatusUnauthorized, "", "Invalid Token")
			return
		}
		api.ServeHTTP(w, r)
	})
}

// scoped refuses what the token's scopes do not cover. Every answer names them.
func (l *Linode) scoped(writes bool, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		scopes := l.state.scopes
		l.mu.Unlock()
		need := "domains:read_only"
		if writes {
			need = "domains:read_write"
		}
		w.Header().Set("X-OAuth-Scopes", scopes)
		w.Header().Set("X-Accepted-OAuth-Scopes", need)
		has := strings.Fields(scopes)
		if !slices.Contains(has, "*") && !slices.Contains(has, "domains:read_write") && (writes || !slices.Contains(has, need)) {
			linodeError(w, http.StatusUnauthorized, "", "Your OAuth token is not authorized to use this endpoint.")
			return
		}
		h(w, r)
	}
}

func (l *Linode) known(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("domain") != strconv.Itoa(l.state.domain.ID) {
			linodeError(w, http.StatusNotFound, "", "Not found")
			return
		}
		h(w, r)
	}
}

func (l *Linode) listDomains(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	domain := l.state.domain
	l.mu.Unlock()
	fits := linodeFilter(w, r, "domain", "type")
	if fits == nil {
		return
	}
	var found []any
	for i, zone := range l.beside(l.zone) {
		one := domain
		one.ID, one.Domain = domain.ID+i, zone
		if fits(func(key string) string { return map[string]string{"domain": one.Domain, "type": one.Type}[key] }) {
			found = append(found, one)
		}
	}
	linodePage(w, r, found)
}

func (l *Linode) showDomain(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	domain := l.state.domain
	l.mu.Unlock()
	linodeAnswer(w, domain)
}

// linodeFilter reads the X-Filter header: fields that must be equal, of those that
// can be filtered on, and "+or" of such. It has answered where it returns nil.
func linodeFilter(w http.ResponseWriter, r *http.Request, filterable ...string) func(field func(key string) string) bool {
	header := r.Header.Get("X-Filter")
	if header == "" {
		return func(func(string) string) bool { return true }
	}
	var filter map[string]json.RawMessage
	if json.Unmarshal([]byte(header), &filter) != nil {
		linodeError(w, http.StatusBadRequest, "", "Cannot parse filter")
		return nil
	}
	// Each of all must have one that fits.
	var all [][]map[string]string
	for key, raw := range filter {
		var value string
		var either []map[string]string
		switch {
		case key == "+or" && json.Unmarshal(raw, &either) == nil:
			all = append(all, either)
		case slices.Contains(filterable, key) && json.Unmarshal(raw, &value) == nil:
			all = append(all, []map[string]string{{key: value}})
		case strings.HasPrefix(key, "+"): // +order_by and its kin
		default:
			linodeError(w, http.StatusBadRequest, "", "Cannot filter on "+key)
			return nil
		}
	}
	return func(field func(string) string) bool {
		for _, either := range all {
			if !slices.ContainsFunc(either, func(one map[string]string) bool { return linodeFits(field, one) }) {
				return false
			}
		}
		return true
	}
}

func linodeFits(field func(string) string, wanted map[string]string) bool {
	for key, value := range wanted {
		if !strings.EqualFold(field(key), value) {
			return false
		}
	}
	return true
}

// linodePage answers one page of a list: 100 a page unless asked, 25 to 500.
func linodePage(w http.ResponseWriter, r *http.Request, items []any) {
	size := clamp(r.URL.Query().Get("page_size"), 100, 500)
	page := clamp(r.URL.Query().Get("page"), 1, 1<<20)
	pages := max((len(items)+size-1)/size, 1)
	switch {
	case size < 25:
		linodeError(w, http.StatusBadRequest, "page_size", "Must be 25-500")
		return
	case page > pages:
		linodeError(w, http.StatusNotFound, "", "Not found")
		return
	}
	from := (page - 1) * size
	some := append([]any{}, items[from:min(from+size, len(items))]...)
	linodeAnswer(w, map[string]any{"data": some, "page": page, "pages": pages, "results": len(items)})
}

func linodeAnswer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_ = json.NewEncoder(w).Encode(v)
}

func linodeError(w http.ResponseWriter, status int, field, reason string) {
	said := map[string]string{"reason": reason}
	if field != "" {
		said["field"] = field
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{said}})
}
