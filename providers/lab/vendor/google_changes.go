package vendor

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// googleChange is a change of a zone: sets that must stand exactly so, and go, and
// sets that come where none stands.
type googleChange struct {
	Additions []GoogleSet `json:"additions"`
	Deletions []GoogleSet `json:"deletions"`
}

// createChange carries a change out whole, or not at all.
func (g *Google) createChange(w http.ResponseWriter, r *http.Request) {
	z := g.at(w, r, "dns.changes.create")
	if z == nil {
		return
	}
	var in googleChange
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		googleError(w, http.StatusBadRequest, "parseError", "Parse Error")
		return
	}
	for right, asked := range map[string]bool{
		"dns.resourceRecordSets.create": len(in.Additions) > 0,
		"dns.resourceRecordSets.delete": len(in.Deletions) > 0,
	} {
		if asked && !g.allowed(w, r, right) {
			return
		}
	}
	touched := append(slices.Clone(in.Deletions), in.Additions...)
	if len(touched) == 0 {
		googleError(w, http.StatusBadRequest, "required", "The 'entity.change' parameter is required but was missing.")
		return
	}
	name, typ := plain(touched[0].Name), touched[0].Type
	g.write.Lock()
	defer g.write.Unlock()
	done := g.around(name, typ, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return googleExchange(w, z, in)
	})
	if !done {
		return
	}
	for _, s := range touched {
		g.mu.Lock()
		now, _ := findSet(z, s.Name, s.Type)
		g.mu.Unlock()
		now.Name, now.Type = s.Name, s.Type
		g.tell(now)
	}
	if after := g.told().After; after != nil {
		after(name, typ)
	}
	googleAnswer(w, map[string]any{"kind": "dns#change", "id": "1", "status": "pending", "additions": in.Additions, "deletions": in.Deletions})
}

// googleExchange takes the deletions out of the zone and puts the additions in, or
// answers why it does neither. The caller holds server.mu.
func googleExchange(w http.ResponseWriter, z *managedZone, in googleChange) bool {
	before := z.sets
	refuse := func(status int, reason, said string) bool {
		z.sets = before
		googleError(w, status, reason, said)
		return false
	}
	for i, s := range in.Deletions {
		place := fmt.Sprintf("entity.change.deletions[%d]", i)
		stands, ok := findSet(z, s.Name, s.Type)
		switch {
		case !ok:
			return refuse(http.StatusNotFound, "notFound", fmt.Sprintf("The '%s' resource named '%s (%s)' does not exist.", place, s.Name, s.Type))
		case !sameSet(stands, s):
			return refuse(http.StatusPreconditionFailed, "conditionNotMet", fmt.Sprintf("Precondition not met for '%s'", place))
		}
		z.sets = withoutSet(z.sets, s.Name, s.Type)
	}
	for i := range in.Additions {
		s := in.Additions[i]
		if _, stands := findSet(z, s.Name, s.Type); stands {
			return refuse(http.StatusConflict, "alreadyExists", fmt.Sprintf("The resource 'entity.change.additions[%d]' named '%s (%s)' already exists", i, s.Name, s.Type))
		}
		if !googleAccepts(w, z, &s) {
			z.sets = before
			return false
		}
		z.sets = append(slices.Clone(z.sets), s)
	}
	slices.SortFunc(z.sets, byPlace)
	return true
}

// sameSet reports whether a set that is to be deleted is named exactly as it stands.
func sameSet(stands, named GoogleSet) bool {
	return stands.TTL == named.TTL && slices.Equal(sorted(stands.Rrdatas), sorted(named.Rrdatas)) &&
		slices.Equal(slices.Sorted(maps.Keys(stands.RoutingPolicy)), slices.Sorted(maps.Keys(named.RoutingPolicy)))
}
