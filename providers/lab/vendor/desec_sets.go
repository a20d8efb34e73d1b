package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// putSets is the bulk PUT: every set that is sent becomes what was sent, all of
// them or none.
func (d *DeSEC) putSets(w http.ResponseWriter, r *http.Request) {
	if !d.ours(w, r) {
		return
	}
	var in []DeSECSet
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		desecDetail(w, http.StatusBadRequest, "JSON parse error - "+err.Error())
		return
	}
	if len(in) == 0 {
		desecAnswer(w, http.StatusOK, []DeSECSet{})
		return
	}
	d.write.Lock()
	defer d.write.Unlock()
	first := in[0]
	status, said := http.StatusOK, any(nil)
	d.around(d.whole(first.Subname), first.Type, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.readOnly {
			status, said = http.StatusForbidden, map[string]string{"detail": "Insufficient token permissions."}
			return false
		}
		var wrong []map[string][]string
		sound := true
		for i := range in {
			errors := d.refuse(&in[i])
			wrong = append(wrong, errors)
			sound = sound && len(errors) == 0
		}
		if !sound {
			status, said = http.StatusBadRequest, wrong
			return false
		}
		for _, s := range in {
			d.keep(s)
		}
		return true
	})
	if status != http.StatusOK {
		desecAnswer(w, status, said)
		return
	}
	for _, s := range in {
		d.tell(s)
	}
	if after := d.told().After; after != nil {
		after(d.whole(first.Subname), first.Type)
	}
	desecAnswer(w, http.StatusOK, in)
}

// refuse is the API's judgement of one set, by field; it makes the records
// canonical. It is called with the lock held.
func (d *DeSEC) refuse(s *DeSECSet) map[string][]string {
	wrong := map[string][]string{}
	switch {
	case s.TTL < d.minimum:
		wrong["ttl"] = []string{fmt.Sprintf("Ensure this value is greater than or equal to %d.", d.minimum)}
	case s.TTL > desecMaximum:
		wrong["ttl"] = []string{fmt.Sprintf("Ensure this value is less than or equal to %d.", desecMaximum)}
	}
	if s.Subname != strings.ToLower(s.Subname) {
		wrong["subname"] = []string{"Subname can only use (lowercase) a-z, 0-9, ., -, and _, may start with a '*.', or just be '*'."}
	}
	var canon []string
	for _, v := range s.Records {
		c, why := desecCanonical(s.Type, v)
		switch {
		case why != "":
			wrong["records"] = append(wrong["records"], why)
		case slices.Contains(canon, c):
			wrong["records"] = append(wrong["records"], fmt.Sprintf("Duplicate record content: %s", c))
		}
		canon = append(canon, c)
	}
	if s.Type == "CNAME" && len(canon) > 1 {
		wrong["records"] = append(wrong["records"], "RRset of type CNAME must contain at most one record.")
	}
	if others := d.excluded(*s); len(s.Records) > 0 && others != "" {
		wrong["non_field_errors"] = []string{"RRset with conflicting type present: database (" + others + "). (No other RRsets are allowed alongside CNAME.)"}
	}
	if len(wrong) == 0 {
		s.Records = append([]string{}, canon...)
	}
	return wrong
}

// excluded are the types at the name that may not stand beside s.
func (d *DeSEC) excluded(s DeSECSet) string {
	var types []string
	for _, other := range d.sets {
		if other.Subname == s.Subname && (other.Type == "CNAME") != (s.Type == "CNAME") {
			types = append(types, other.Type)
		}
	}
	slices.Sort(types)
	return strings.Join(types, ", ")
}

// desecCanonical is a record as deSEC gives it back, or why it does not take it:
// TXT in strings of at most 255 bytes, with decimal escapes for what is not
// printable ASCII.
func desecCanonical(typ, v string) (canon, why string) {
	switch typ {
	case "A", "AAAA":
		ip, err := netip.ParseAddr(v)
		if err != nil || ip.Is4() != (typ == "A") {
			return "", fmt.Sprintf("Record content of type %s malformed: %s", typ, v)
		}
		return ip.String(), ""
	case "CNAME", "NS":
		if !strings.HasSuffix(v, ".") {
			return "", `Hostname must be fully-qualified (i.e., end in a dot: "example.com.")`
		}
		return strings.ToLower(v), ""
	case "TXT":
		if !quotedStrings(v) {
			return "", "Data for TXT records must be given using quotation marks."
		}
		return printTXT(plainTXT(v, 10)), ""
	}
	return v, ""
}

// quotedStrings reports whether v is one quoted string or several, of any length.
func quotedStrings(v string) bool {
	inside, any := false, false
	for i := 0; i < len(v); i++ {
		switch {
		case inside && v[i] == '\\':
			i++
		case v[i] == '"':
			inside, any = !inside, true
		case !inside && v[i] != ' ':
			return false
		}
	}
	return any && !inside
}

// printTXT is text as zone files have it, in strings of at most 255 bytes.
func printTXT(text string) string {
	var parts []string
	for {
		n := min(len(text), 255)
		var b strings.Builder
		for i := range n {
			switch c := text[i]; {
			case c == '"' || c == '\\':
				b.WriteString(`\` + string(rune(c)))
			case c < ' ' || c > '~':
				fmt.Fprintf(&b, `\%03d`, c)
			default:
				b.WriteByte(c)
			}
		}
		parts = append(parts, `"`+b.String()+`"`)
		if text = text[n:]; text == "" {
			return strings.Join(parts, " ")
		}
	}
}
