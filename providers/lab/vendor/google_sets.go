package vendor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func (g *Google) createSet(w http.ResponseWriter, r *http.Request) {
	z := g.at(w, r, "dns.resourceRecordSets.create")
	if z == nil || !g.allowed(w, r, "dns.changes.create") {
		return
	}
	var in GoogleSet
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		googleError(w, http.StatusBadRequest, "parseError", "Parse Error")
		return
	}
	g.change(w, z, in.Name, in.Type, func(stands bool) (GoogleSet, bool) {
		if stands {
			googleError(w, http.StatusConflict, "alreadyExists", fmt.Sprintf("The resource 'entity.rrset' named '%s (%s)' already exists", in.Name, in.Type))
			return in, false
		}
		return in, googleAccepts(w, z, &in)
	})
}

func (g *Google) patchSet(w http.ResponseWriter, r *http.Request) {
	z := g.at(w, r, "dns.resourceRecordSets.update")
	if z == nil || !g.allowed(w, r, "dns.changes.create") {
		return
	}
	var in GoogleSet
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		googleError(w, http.StatusBadRequest, "parseError", "Parse Error")
		return
	}
	in.Name, in.Type = r.PathValue("name"), r.PathValue("type")
	g.change(w, z, in.Name, in.Type, func(stands bool) (GoogleSet, bool) {
		if !stands {
			noSuchSet(w, r)
			return in, false
		}
		return in, googleAccepts(w, z, &in)
	})
}

func (g *Google) deleteSet(w http.ResponseWriter, r *http.Request) {
	z := g.at(w, r, "dns.resourceRecordSets.delete")
	if z == nil || !g.allowed(w, r, "dns.changes.create") {
		return
	}
	none := GoogleSet{Name: r.PathValue("name"), Type: r.PathValue("type")}
	g.change(w, z, none.Name, none.Type, func(stands bool) (GoogleSet, bool) {
		if !stands {
			noSuchSet(w, r)
		}
		return none, stands
	})
}

// change replaces one set by what make gives, which has answered itself where it
// gives nothing.
func (g *Google) change(w http.ResponseWriter, z *managedZone, name, typ string, make func(stands bool) (GoogleSet, bool)) {
	g.write.Lock()
	defer g.write.Unlock()
	var now GoogleSet
	done := g.around(plain(name), typ, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		_, stands := findSet(z, name, typ)
		set, ok := make(stands)
		if !ok {
			return false
		}
		z.sets = withoutSet(z.sets, name, typ)
		if len(set.Rrdatas) > 0 {
			z.sets = append(z.sets, set)
		}
		slices.SortFunc(z.sets, byPlace)
		now = set
		return true
	})
	if !done {
		return
	}
	g.tell(now)
	if after := g.told().After; after != nil {
		after(plain(name), typ)
	}
	if len(now.Rrdatas) == 0 {
		googleAnswer(w, struct{}{})
		return
	}
	googleAnswer(w, now)
}

// byPlace is the order in which sets are listed.
func byPlace(a, b GoogleSet) int { return cmp.Compare(a.Name+" "+a.Type, b.Name+" "+b.Type) }

// googleAccepts refuses what Cloud DNS refuses, and brings TXT into the form in which it
// tells it. The caller holds server.mu.
func googleAccepts(w http.ResponseWriter, z *managedZone, s *GoogleSet) bool {
	if !strings.HasSuffix(s.Name, ".") || !under(plain(s.Name), plain(z.dnsName)) {
		return googleInvalid(w, "entity.rrset.name", s.Name)
	}
	if len(s.Rrdatas) == 0 || s.TTL < 0 {
		return googleInvalid(w, "entity.rrset.rrdatas", "")
	}
	for _, other := range z.sets {
		if other.Name == s.Name && other.Type != s.Type && (other.Type == "CNAME" || s.Type == "CNAME") {
			googleError(w, http.StatusBadRequest, "cnameResourceRecordSetConflict", fmt.Sprintf(
				"The resource record set 'entity.rrset' is invalid because the DNS name '%s' may have either one CNAME resource record set or resource record sets of other types, but not both.", s.Name))
			return false
		}
	}
	for i, v := range s.Rrdatas {
		told, ok := v, true
		switch s.Type {
		case "CNAME":
			ok = strings.HasSuffix(v, ".")
		case "TXT":
			told, ok = googleStrings(v)
		}
		if !ok || slices.Contains(s.Rrdatas[:i], told) {
			return googleInvalid(w, fmt.Sprintf("entity.rrset.rrdatas[%d]", i), v)
		}
		s.Rrdatas[i] = told
	}
	return true
}

func googleInvalid(w http.ResponseWriter, what, value string) bool {
	googleError(w, http.StatusBadRequest, "invalid", fmt.Sprintf("Invalid value for '%s': '%s'", what, value))
	return false
}

// googleStrings reads TXT data as a zone file has it (RFC 1035 section 5.1), where
// words without quotes are strings of their own, and prints it quoted. It fails for
// a quote that is not closed and for a string of more than 255 bytes.
func googleStrings(data string) (string, bool) {
	var out []string
	for rest := strings.TrimLeft(data, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		inside := rest[0] == '"'
		if inside {
			rest = rest[1:]
		}
		end := 0
		for end < len(rest) && (inside && rest[end] != '"' || !inside && rest[end] != ' ') {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		if end > len(rest) || inside && end == len(rest) {
			return "", false
		}
		text := plainTXT(`"`+rest[:end]+`"`, 10)
		if len(text) > 255 {
			return "", false
		}
		out = append(out, `"`+googleEscapes(text)+`"`)
		rest = rest[end:]
		if inside {
			rest = rest[1:]
		}
	}
	return strings.Join(out, " "), len(out) > 0
}

func googleEscapes(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
