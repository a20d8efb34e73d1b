package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// login gives a token for a signed assertion; the signature is not verified here.
func (g *Google) login(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	revoked := g.revoked
	g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if err := r.ParseForm(); err != nil || revoked || r.Form.Get("assertion") == "" {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": g.token, "expires_in": 3599, "token_type": "Bearer"})
}

func (g *Google) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+g.token {
			googleError(w, http.StatusUnauthorized, "authError", "Request had invalid authentication credentials.")
			return
		}
		api.ServeHTTP(w, r)
	})
}

// allowed refuses what the credentials have no right to.
func (g *Google) allowed(w http.ResponseWriter, r *http.Request, permission string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.PathValue("project") != g.Project {
		googleError(w, http.StatusForbidden, "forbidden", fmt.Sprintf("Permission '%s' denied on resource '//dns.googleapis.com/projects/%s' (or it may not exist).", permission, r.PathValue("project")))
		return false
	}
	if !slices.Contains(g.permissions, permission) {
		googleError(w, http.StatusForbidden, "forbidden", fmt.Sprintf("Permission '%s' denied on resource 'projects/%s'.", permission, g.Project))
		return false
	}
	return true
}

func (g *Google) listZones(w http.ResponseWriter, r *http.Request) {
	if !g.allowed(w, r, "dns.managedZones.list") {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	out := []map[string]any{}
	for _, z := range g.zones {
		if want := r.URL.Query().Get("dnsName"); want == "" || want == z.dnsName {
			out = append(out, map[string]any{
				"kind": "dns#managedZone", "name": z.name, "dnsName": z.dnsName, "visibility": z.visibility,
				"nameServers": []string{"ns-cloud-a1.googledomains.com.", "ns-cloud-a2.googledomains.com."},
			})
		}
	}
	googleAnswer(w, map[string]any{"kind": "dns#managedZonesListResponse", "managedZones": out})
}

// testPermissions answers with those of the rights asked for that are held.
func (g *Google) testPermissions(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutSuffix(r.PathValue("asked"), ":testIamPermissions")
	var in struct {
		Permissions []string `json:"permissions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !ok || g.zone(name) == nil {
		googleError(w, http.StatusNotFound, "notFound", "The resource named '"+name+"' does not exist.")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	has := []string{}
	for _, p := range in.Permissions {
		if slices.Contains(g.permissions, p) {
			has = append(has, p)
		}
	}
	googleAnswer(w, map[string]any{"permissions": has})
}

// zone is the zone of this name in the project, or nil.
func (g *Google) zone(name string) *managedZone {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, z := range g.zones {
		if z.name == name {
			return z
		}
	}
	return nil
}

// at is the zone that a request is about, if it has this right there.
func (g *Google) at(w http.ResponseWriter, r *http.Request, permission string) *managedZone {
	if !g.allowed(w, r, permission) {
		return nil
	}
	z := g.zone(r.PathValue("zone"))
	if z == nil {
		googleError(w, http.StatusNotFound, "notFound", fmt.Sprintf("The 'parameters.managedZone' resource named '%s' does not exist.", r.PathValue("zone")))
	}
	return z
}

// listSets gives one set a page, so that clients must turn pages.
func (g *Google) listSets(w http.ResponseWriter, r *http.Request) {
	z := g.at(w, r, "dns.resourceRecordSets.list")
	if z == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	q := r.URL.Query()
	out := map[string]any{"kind": "dns#resourceRecordSetsListResponse", "rrsets": []GoogleSet{}}
	for _, s := range z.sets {
		key := s.Name + " " + s.Type
		if n := q.Get("name"); n != "" && n != s.Name || q.Get("pageToken") != "" && key <= q.Get("pageToken") {
			continue
		}
		if page := out["rrsets"].([]GoogleSet); len(page) == 1 {
			out["nextPageToken"] = page[0].Name + " " + page[0].Type
			break
		}
		out["rrsets"] = []GoogleSet{s}
	}
	googleAnswer(w, out)
}

func (g *Google) getSet(w http.ResponseWriter, r *http.Request) {
	z := g.at(w, r, "dns.resourceRecordSets.get")
	if z == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if s, ok := findSet(z, r.PathValue("name"), r.PathValue("type")); ok {
		googleAnswer(w, s)
		return
	}
	noSuchSet(w, r)
}

func noSuchSet(w http.ResponseWriter, r *http.Request) {
	googleError(w, http.StatusNotFound, "notFound", fmt.Sprintf("The 'parameters.name' resource named '%s (%s)' does not exist.", r.PathValue("name"), r.PathValue("type")))
}

func findSet(z *managedZone, name, typ string) (GoogleSet, bool) {
	for _, s := range z.sets {
		if s.Name == name && s.Type == typ {
			return s, true
		}
	}
	return GoogleSet{}, false
}

func googleAnswer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(v)
}

func googleError(w http.ResponseWriter, status int, reason, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"code": status, "message": message,
		"errors": []map[string]string{{"message": message, "domain": "global", "reason": reason}},
	}})
}
