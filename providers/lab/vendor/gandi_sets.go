package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The bounds of a TTL, in seconds.
const (
	gandiLeastTTL   = 300
	gandiMostTTL    = 2592000
	gandiDefaultTTL = 10800
)

// listSets lists the sets of the domain, or of one name; none is an empty list.
func (g *Gandi) listSets(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	found := []GandiSet{}
	g.mu.Lock()
	for _, s := range g.sets {
		if name == "" || s.Name == name {
			found = append(found, s)
		}
	}
	g.mu.Unlock()
	gandiPage(g, w, r, found)
}

func (g *Gandi) oneSet(w http.ResponseWriter, r *http.Request) {
	s, ok := g.Set(g.whole(r.PathValue("name")), r.PathValue("type"))
	if !ok {
		gandiError(w, http.StatusNotFound, "Can't find the DNS record "+r.PathValue("name")+"/"+r.PathValue("type")+" in the zone")
		return
	}
	gandiAnswer(w, http.StatusOK, s)
}

// createSet makes a set that is not there; one that is there is a conflict, unless
// it is the same.
func (g *Gandi) createSet(w http.ResponseWriter, r *http.Request) {
	g.store(w, r, func(s GandiSet) (int, string) {
		i := g.find(s.Name, s.Type)
		switch {
		case i < 0:
			return http.StatusCreated, ""
		case slices.Equal(sorted(g.sets[i].Values), sorted(s.Values)):
			return http.StatusOK, ""
		}
		return http.StatusConflict, "A DNS record " + s.Name + "/" + s.Type + " already exists with other values"
	})
}

// putSet replaces the whole set, or makes it, at once.
func (g *Gandi) putSet(w http.ResponseWriter, r *http.Request) {
	g.store(w, r, func(GandiSet) (int, string) { return http.StatusCreated, "" })
}

// store keeps the set of a request as far as the API's rules and allow do.
// Allow is called with the lock held.
func (g *Gandi) store(w http.ResponseWriter, r *http.Request, allow func(GandiSet) (int, string)) {
	s := GandiSet{TTL: gandiDefaultTTL}
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		gandiError(w, http.StatusBadRequest, "The server could not comply with the request since it is either malformed or otherwise incorrect.")
		return
	}
	s.Name, s.Type = plain(r.PathValue("name")), strings.ToUpper(r.PathValue("type"))
	g.write.Lock()
	defer g.write.Unlock()
	status, message := 0, ""
	var wrong []gandiFault
	changed := g.around(g.whole(s.Name), s.Type, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		if wrong = g.refuse(&s); wrong != nil {
			return false
		}
		if status, message = allow(s); message != "" || status == http.StatusOK {
			return false
		}
		g.keep(s)
		return true
	})
	switch {
	case wrong != nil:
		gandiAnswer(w, http.StatusBadRequest, map[string]any{"status": "error", "errors": wrong})
		return
	case message != "":
		gandiError(w, status, message)
		return
	case changed:
		g.done(s)
	}
	gandiAnswer(w, status, map[string]string{"message": "DNS Record Created"})
}

func (g *Gandi) done(s GandiSet) {
	g.tell(s)
	if after := g.told().After; after != nil {
		after(g.whole(s.Name), s.Type)
	}
}

func (g *Gandi) deleteSet(w http.ResponseWriter, r *http.Request) {
	s := GandiSet{Name: plain(r.PathValue("name")), Type: r.PathValue("type")}
	g.write.Lock()
	defer g.write.Unlock()
	if !g.around(g.whole(s.Name), s.Type, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		there := g.find(s.Name, s.Type) >= 0
		g.keep(s)
		return there
	}) {
		gandiError(w, http.StatusNotFound, "Can't find the DNS record "+s.Name+"/"+s.Type+" in the zone")
		return
	}
	g.done(s)
	w.WriteHeader(http.StatusNoContent)
}

// gandiFault is what is wrong with one field of a request.
type gandiFault struct {
	Location    string `json:"location"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// refuse is the API's judgement of a set; it makes the values as the API keeps
// them. It is called with the lock held.
func (g *Gandi) refuse(s *GandiSet) []gandiFault {
	var wrong []gandiFault
	say := func(name, format string, args ...any) {
		wrong = append(wrong, gandiFault{"body", name, fmt.Sprintf(format, args...)})
	}
	switch {
	case s.TTL < gandiLeastTTL:
		say("rrset_ttl", "%d is less than minimum value %d", s.TTL, gandiLeastTTL)
	case s.TTL > gandiMostTTL:
		say("rrset_ttl", "%d is greater than maximum value %d", s.TTL, gandiMostTTL)
	}
	if len(s.Values) == 0 {
		say("rrset_values", "Required")
	}
	for i, v := range s.Values {
		if why := gandiRefuses(s.Type, v); why != "" {
			say("rrset_values", "%s: %s", v, why)
		}
		if slices.Contains(s.Values[:i], v) {
			say("rrset_values", "%s: duplicate value", v)
		}
	}
	if s.Type == "CNAME" && len(s.Values) > 1 {
		say("rrset_values", "a CNAME has one value")
	}
	for _, other := range g.sets {
		if other.Name == s.Name && (other.Type == "CNAME") != (s.Type == "CNAME") {
			say("rrset_type", "a CNAME cannot stand beside other records: %s %s", other.Name, other.Type)
		}
	}
	for i, v := range s.Values {
		if s.Type == "TXT" && !strings.HasPrefix(v, `"`) {
			s.Values[i] = `"` + v + `"`
		}
	}
	return wrong
}

// gandiRefuses says why a value cannot be.
func gandiRefuses(typ, v string) string {
	ip, err := netip.ParseAddr(v)
	switch {
	case typ == "A" && (err != nil || !ip.Is4()):
		return "not an IPv4 address"
	case typ == "AAAA" && (err != nil || !ip.Is6()):
		return "not an IPv6 address"
	case typ == "TXT" && strings.HasPrefix(v, `"`) && !gandiQuoted(v):
		return "not quoted strings of at most 255 bytes"
	case typ == "CNAME" && strings.ContainsAny(v, " \"/"):
		return "not a host name"
	}
	return ""
}

// gandiQuoted reports whether v is quoted strings of at most 255 bytes with spaces
// between them.
func gandiQuoted(v string) bool {
	inside, n := false, 0
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"':
			inside, n = !inside, 0
			continue
		case !inside && v[i] != ' ':
			return false
		case inside && v[i] == '\\' && i+3 < len(v) && strings.Trim(v[i+1:i+4], "0123456789") == "":
			i += 3
		case inside && v[i] == '\\':
			i++
		}
		if n++; inside && n > 255 {
			return false
		}
	}
	return !inside
}
