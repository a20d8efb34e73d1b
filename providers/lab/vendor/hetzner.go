package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Hetzner is the part of the Hetzner Cloud API v1 that concerns zones and their
// RRsets, with one zone in the project.
type Hetzner struct {
	server
	// Token is the API token that is accepted: set it before the first call.
	Token string
	zone  string
	// state is guarded by server.mu.
	state hetznerState
}

type hetznerState struct {
	mode     string
	assigned []string
	readOnly bool
	sets     []HetznerSet
	// running is how often an action still runs when it is asked for; failing is
	// the code that actions end with, empty for success.
	running int
	failing string
	actions map[int64]int // by id: how often it still runs
}

// HetznerSet is one RRset as the API has it: Name is relative, records stand in
// presentation format, a TTL of zero is the zone's.
type HetznerSet struct {
	Name, Type string
	TTL        int
	Records    []HetznerRecord
	// Protected sets cannot be changed.
	Protected bool
}

// HetznerRecord is one record of a set.
type HetznerRecord struct {
	Value   string `json:"value"`
	Comment string `json:"comment,omitempty"`
}

const (
	hetznerZoneID  = 4711
	hetznerZoneTTL = 3600
)

// NewHetzner starts a server whose project has this zone with these sets, named
// relative to it. Close ends it.
func NewHetzner(zone string, sets ...HetznerSet) *Hetzner {
	h := &Hetzner{zone: plain(zone), Token: "hcloud-LRK9DAWQ1ZAEFSrCNEEzLCUwhYX1U3g7wMg4dTlkkDC96fyDuyJ39nVbVjCKSDfj"}
	h.state.sets = slices.Clone(sets)
	h.state.mode, h.state.actions = "primary", map[int64]int{}
	h.state.assigned = []string{"hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de."}
	api := http.NewServeMux()
	const set = "/v1/zones/{zone}/rrsets/{name}/{type}"
	api.HandleFunc("GET /v1/zones", h.listZones)
	api.HandleFunc("GET /v1/zones/{zone}", h.inZone(h.oneZone))
	api.HandleFunc("GET /v1/zones/{zone}/rrsets", h.inZone(h.listSets))
	api.HandleFunc("POST /v1/zones/{zone}/rrsets", h.inZone(h.createSet))
	api.HandleFunc("DELETE "+set, h.inZone(h.deleteSet))
	api.HandleFunc("POST "+set+"/actions/set_records", h.inZone(h.setRecords))
	api.HandleFunc("POST "+set+"/actions/change_ttl", h.inZone(h.changeTTL))
	api.HandleFunc("POST "+set+"/actions/remove_records", h.inZone(h.removeRecords))
	api.HandleFunc("GET /v1/actions/{id}", h.oneAction)
	api.HandleFunc("GET /v1/actions", h.listActions)
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		hetznerError(w, http.StatusNotFound, "not_found", "resource not found", "", "")
	})
	h.start(h.authenticated(api))
	return h
}

// URL is the API's base: what stands for https://api.hetzner.cloud/v1.
func (h *Hetzner) URL() string { return h.http.URL + "/v1" }

// SetMode makes the zone primary or secondary.
func (h *Hetzner) SetMode(mode string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state.mode = mode
}

// SetNameServers sets the name servers that the zone is given.
func (h *Hetzner) SetNameServers(names ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state.assigned = names
}

// SetReadOnly makes the token one that may only read.
func (h *Hetzner) SetReadOnly() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state.readOnly = true
}

// SetActions makes every action run until it has been asked for this often, and
// then end with this error code; an empty one is success.
func (h *Hetzner) SetActions(running int, failing string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state.running, h.state.failing = running, failing
}

// Set returns the set of this name and type.
func (h *Hetzner) Set(name, typ string) (HetznerSet, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.find(h.relative(name), typ)
	if i < 0 {
		return HetznerSet{}, false
	}
	return h.state.sets[i], true
}

// Put replaces a set behind the API's back; its name may be whole. No records
// removes it.
func (h *Hetzner) Put(s HetznerSet) {
	h.mu.Lock()
	s.Name, s.Records = h.relative(s.Name), slices.Clone(s.Records)
	h.keep(s)
	h.mu.Unlock()
	h.tell(s)
}

func (h *Hetzner) relative(name string) string {
	name = plain(name)
	if name == h.zone {
		return "@"
	}
	return strings.TrimSuffix(name, "."+h.zone)
}

func (h *Hetzner) whole(name string) string {
	if name == "@" {
		return h.zone
	}
	return name + "." + h.zone
}

// find is called with the lock held.
func (h *Hetzner) find(name, typ string) int {
	return slices.IndexFunc(h.state.sets, func(s HetznerSet) bool { return s.Name == name && s.Type == typ })
}

// keep is called with the lock held.
func (h *Hetzner) keep(s HetznerSet) {
	if i := h.find(s.Name, s.Type); i >= 0 {
		h.state.sets = slices.Delete(h.state.sets, i, i+1)
	}
	if len(s.Records) > 0 {
		h.state.sets = append(h.state.sets, s)
	}
}

// tell hands the set to OnChange.
func (h *Hetzner) tell(s HetznerSet) {
	on := h.told().OnChange
	if on == nil {
		return
	}
	var values []string
	for _, r := range s.Records {
		v := r.Value
		switch s.Type {
		case "TXT":
			v = plainTXT(v, 10)
		case "CNAME":
			v = plain(v)
		}
		values = append(values, v)
	}
	ttl := s.TTL
	if ttl == 0 {
		ttl = hetznerZoneTTL
	}
	on(h.whole(s.Name), s.Type, uint32(ttl), values)
}

// authenticated refuses an unknown token, and what a token may not do that may
// only read.
func (h *Hetzner) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		readOnly := h.state.readOnly
		h.mu.Unlock()
		switch {
		case r.Header.Get("Authorization") != "Bearer "+h.Token:
			hetznerError(w, http.StatusUnauthorized, "unauthorized", "unable to authenticate", "", "")
		case readOnly && r.Method != http.MethodGet:
			hetznerError(w, http.StatusForbidden, "token_readonly", "the token is only allowed to perform GET requests", "", "")
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// inZone refuses a zone that is not the project's, by id or name.
func (h *Hetzner) inZone(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if z := r.PathValue("zone"); z != h.zone && z != strconv.Itoa(hetznerZoneID) {
			hetznerError(w, http.StatusNotFound, "not_found", fmt.Sprintf("zone with ID '%s' not found", z), "", "")
			return
		}
		then(w, r)
	}
}

func (h *Hetzner) shown(id int, zone string) map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return map[string]any{
		"id": id, "name": zone, "ttl": hetznerZoneTTL, "mode": h.state.mode, "status": "ok",
		"record_count": len(h.state.sets), "created": "2026-01-01T00:00:00Z", "registrar": "other",
		"authoritative_nameservers": map[string]any{
			"assigned":          h.state.assigned,
			"delegation_status": "valid",
		},
	}
}

func (h *Hetzner) listZones(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found := []any{}
	for i, zone := range h.beside(h.zone) {
		if name := q.Get("name"); name == "" || name == zone {
			found = append(found, h.shown(hetznerZoneID+i, zone))
		}
	}
	size, page := clamp(q.Get("per_page"), 25, 50), clamp(q.Get("page"), 1, 1<<20)
	from := min((page-1)*size, len(found))
	hetznerAnswer(w, http.StatusOK, map[string]any{"zones": found[from:min(from+size, len(found))], "meta": hetznerPage(page, size, len(found))})
}

func (h *Hetzner) oneZone(w http.ResponseWriter, _ *http.Request) {
	hetznerAnswer(w, http.StatusOK, map[string]any{"zone": h.shown(hetznerZoneID, h.zone)})
}

func (h *Hetzner) listSets(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found := []any{}
	h.mu.Lock()
	for _, s := range h.state.sets {
		if (q.Get("name") == "" || q.Get("name") == s.Name) && (!q.Has("type") || slices.Contains(q["type"], s.Type)) {
			found = append(found, s.json())
		}
	}
	h.mu.Unlock()
	size, page := clamp(q.Get("per_page"), 25, 50), clamp(q.Get("page"), 1, 1<<20)
	from := min((page-1)*size, len(found))
	hetznerAnswer(w, http.StatusOK, map[string]any{"rrsets": found[from:min(from+size, len(found))], "meta": hetznerPage(page, size, len(found))})
}

func (s HetznerSet) json() map[string]any {
	out := map[string]any{
		"id": s.Name + "/" + s.Type, "name": s.Name, "type": s.Type, "ttl": nil, "zone": hetznerZoneID, "labels": map[string]string{},
		"protection": map[string]bool{"change": s.Protected}, "records": s.Records,
	}
	if s.TTL != 0 {
		out["ttl"] = s.TTL
	}
	return out
}

func hetznerPage(page, size, total int) any {
	last := max((total+size-1)/size, 1)
	p := map[string]any{"page": page, "per_page": size, "last_page": last, "total_entries": total, "next_page": nil, "previous_page": nil}
	if page < last {
		p["next_page"] = page + 1
	}
	return map[string]any{"pagination": p}
}

func hetznerAnswer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// hetznerError refuses; where field is not empty, the message about it stands among
// the details.
func hetznerError(w http.ResponseWriter, status int, code, message, field, about string) {
	said := map[string]any{"code": code, "message": message}
	if field != "" {
		said["details"] = map[string]any{"fields": []any{map[string]any{"name": field, "messages": []string{about}}}}
	}
	hetznerAnswer(w, status, map[string]any{"error": said})
}
