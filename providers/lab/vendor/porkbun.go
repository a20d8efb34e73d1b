package vendor

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Porkbun is the part of Porkbun's API v3 that concerns a domain and its records,
// with one domain in the account. Every call is a POST whose body has the login.
type Porkbun struct {
	server
	// Key and Secret are the login that is accepted: set them before the first
	// call.
	Key, Secret string
	zone        string
	// state is guarded by server.mu.
	state porkbunState
}

type porkbunState struct {
	records     []PorkbunRecord
	nameServers []string
	closed      bool
	last        int
}

// PorkbunRecord is one record as the API tells it: the name whole, numbers as
// text, TXT without quotes.
type PorkbunRecord struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
	TTL     string `json:"ttl"`
	Prio    string `json:"prio"`
	Notes   string `json:"notes"`
}

// NewPorkbun starts a server whose account has this domain with these records,
// served by Porkbun and open to the API. Close ends it.
func NewPorkbun(zone string, records ...PorkbunRecord) *Porkbun {
	p := &Porkbun{zone: plain(zone), Key: "pk1_0123456789abcdef", Secret: "sk1_fedcba9876543210"}
	p.state.nameServers = []string{"curitiba.ns.porkbun.com", "fortaleza.ns.porkbun.com", "maceio.ns.porkbun.com", "salvador.ns.porkbun.com"}
	for _, r := range records {
		p.add(r)
	}
	const base = "/api/json/v3"
	api := http.NewServeMux()
	api.HandleFunc("POST "+base+"/ping", p.ping)
	api.HandleFunc("POST "+base+"/domain/listAll", p.listAll)
	api.HandleFunc("POST "+base+"/domain/getNs/{zone}", p.open(p.getNS))
	for path, h := range map[string]http.HandlerFunc{
		"/dns/retrieve/{zone}":                         p.retrieve,
		"/dns/retrieve/{zone}/{id}":                    p.retrieve,
		"/dns/retrieveByNameType/{zone}/{type}":        p.retrieveSet,
		"/dns/retrieveByNameType/{zone}/{type}/{name}": p.retrieveSet,
		"/dns/create/{zone}":                           p.createRecord,
		"/dns/edit/{zone}/{id}":                        p.editRecord,
		"/dns/editByNameType/{zone}/{type}":            p.editSet,
		"/dns/editByNameType/{zone}/{type}/{name}":     p.editSet,
		"/dns/delete/{zone}/{id}":                      p.deleteRecord,
		"/dns/deleteByNameType/{zone}/{type}":          p.deleteSet,
		"/dns/deleteByNameType/{zone}/{type}/{name}":   p.deleteSet,
	} {
		api.HandleFunc("POST "+base+path, p.open(h))
	}
	api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		porkbunError(w, http.StatusNotFound, "NOT_FOUND", "No such endpoint.")
	})
	p.start(p.authenticated(api))
	return p
}

// URL is the API's base: what stands for https://api.porkbun.com/api/json/v3.
func (p *Porkbun) URL() string { return p.http.URL + "/api/json/v3" }

// SetAPIAccess opens or closes the domain to the API, as its switch in the panel
// does.
func (p *Porkbun) SetAPIAccess(open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.closed = !open
}

// SetNameServers sets the name servers that the domain is delegated to.
func (p *Porkbun) SetNameServers(names ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.nameServers = names
}

// Put adds a record behind the API's back.
func (p *Porkbun) Put(r PorkbunRecord) {
	r = p.add(r)
	p.tell(r.Name, r.Type)
}

// Drop removes all records of a name and type behind the API's back.
func (p *Porkbun) Drop(name, typ string) {
	p.mu.Lock()
	p.state.records = slices.DeleteFunc(p.state.records, func(r PorkbunRecord) bool { return r.Name == plain(name) && r.Type == typ })
	p.mu.Unlock()
	p.tell(plain(name), typ)
}

// Records are the records at name and type.
func (p *Porkbun) Records(name, typ string) []PorkbunRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []PorkbunRecord{}
	for _, r := range p.state.records {
		if r.Name == plain(name) && r.Type == typ {
			out = append(out, r)
		}
	}
	return out
}

// porkbunRequest is what a call may send.
type porkbunRequest struct {
	APIKey  string          `json:"apikey"`
	Secret  string          `json:"secretapikey"`
	Name    string          `json:"name"`
	Type    string          `json:"type"`
	Content string          `json:"content"`
	TTL     json.RawMessage `json:"ttl"` // text or number
	Prio    json.RawMessage `json:"prio"`
	Notes   string          `json:"notes"`
	Start   json.RawMessage `json:"start"` // text or number
}

type porkbunBody struct{}

// authenticated reads the body, which has the login and the call's parameters.
func (p *Porkbun) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in porkbunRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			porkbunError(w, http.StatusBadRequest, "API_KEY_REQUIRED", "All API requests require a JSON body with an API key.")
			return
		}
		if in.APIKey != p.Key || in.Secret != p.Secret {
			porkbunError(w, http.StatusBadRequest, "INVALID_API_KEYS_001", "Invalid API key. (001)")
			return
		}
		api.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), porkbunBody{}, in)))
	})
}

// open answers for domains that are not the account's, or closed to the API.
func (p *Porkbun) open(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		closed := p.state.closed
		p.mu.Unlock()
		switch {
		case plain(r.PathValue("zone")) != p.zone:
			porkbunError(w, http.StatusBadRequest, "INVALID_DOMAIN", "Invalid domain.")
		case closed:
			// An error that comes with a good status, as some of theirs do.
			porkbunError(w, http.StatusOK, "DOMAIN_NOT_ALLOWED", "Domain is not opted in to API access.")
		default:
			h(w, r)
		}
	}
}

func (p *Porkbun) ping(w http.ResponseWriter, _ *http.Request) {
	porkbunAnswer(w, map[string]any{"yourIp": "192.0.2.1"})
}

// porkbunPage is how many domains are listed at a time.
const porkbunPage = 1000

// listAll lists the domains from start on, without a word on how many there are.
func (p *Porkbun) listAll(w http.ResponseWriter, r *http.Request) {
	domains := []map[string]any{}
	zones := p.beside(p.zone)
	start := min(clamp(unquoted(porkbunIn(r).Start), 0, 1<<20), len(zones))
	for _, zone := range zones[start:min(start+porkbunPage, len(zones))] {
		domains = append(domains, map[string]any{"domain": zone, "status": "ACTIVE", "tld": zone[strings.LastIndexByte(zone, '.')+1:]})
	}
	porkbunAnswer(w, map[string]any{"domains": domains})
}

func (p *Porkbun) getNS(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	names := slices.Clone(p.state.nameServers)
	p.mu.Unlock()
	porkbunAnswer(w, map[string]any{"ns": names})
}

// tell hands the set to OnChange as it stands.
func (p *Porkbun) tell(name, typ string) {
	on := p.told().OnChange
	if on == nil {
		return
	}
	var ttl uint32
	var values []string
	for _, r := range p.Records(name, typ) {
		ttl = uint32(porkbunSeconds(r.TTL))
		if typ == "CNAME" {
			r.Content = plain(r.Content)
		}
		values = append(values, r.Content)
	}
	on(name, typ, ttl, values)
}

func porkbunAnswer(w http.ResponseWriter, more map[string]any) {
	more["status"] = "SUCCESS"
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_ = json.NewEncoder(w).Encode(more)
}

func porkbunError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "ERROR", "code": code, "message": message})
}
