package vendor

import (
	"fmt"
	"slices"
)

// applyChange is one change on a copy, with the API's judgement of it.
func applyChange(zone string, sets []Route53Set, c oneChangeXML) ([]Route53Set, string) {
	s := c.Set.set()
	place := fmt.Sprintf("[name='%s.', type='%s'", s.Name, s.Type)
	old, exists := find(sets, s.Name, s.Type)
	if !under(s.Name, zone) {
		return sets, fmt.Sprintf("RRSet with DNS name %s. is not permitted in zone %s.", s.Name, zone)
	}
	if c.Action == "DELETE" {
		switch {
		case !exists:
			return sets, fmt.Sprintf("Tried to delete resource record set %s] but it was not found", place)
		case old.TTL != s.TTL || plain(old.Alias) != plain(s.Alias) || old.ID != s.ID || !slices.Equal(sorted(old.Values), sorted(s.Values)):
			return sets, fmt.Sprintf("Tried to delete resource record set %s] but the values provided do not match the current values", place)
		}
		return without(sets, s.Name, s.Type), ""
	}
	if c.Action == "CREATE" && exists {
		return sets, fmt.Sprintf("Tried to create resource record set %s] but it already exists", place)
	}
	for _, v := range s.Values {
		if s.Type == "TXT" && !wellQuoted(v) {
			return sets, fmt.Sprintf("Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) encountered with '%s''", v)
		}
	}
	for _, other := range sets {
		if other.Name == s.Name && other.Type != s.Type && (other.Type == "CNAME" || s.Type == "CNAME") {
			return sets, fmt.Sprintf("RRSet of type %s with DNS name %s. is not permitted because a conflicting RRSet of type %s with the same DNS name already exists in zone %s.", s.Type, s.Name, other.Type, zone)
		}
	}
	return append(without(sets, s.Name, s.Type), s), ""
}

// wellQuoted reports whether v is quoted strings of at most 255 bytes each.
func wellQuoted(v string) bool {
	inside, n, any := false, 0, false
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"':
			inside, n, any = !inside, 0, true
		case !inside && v[i] != ' ':
			return false
		case inside && v[i] == '\\' && i+3 < len(v) && v[i+1] >= '0' && v[i+1] <= '7':
			i, n = i+3, n+1
		case inside && v[i] == '\\' && i+1 < len(v):
			i, n = i+1, n+1
		default:
			n++
		}
		if n > 255 {
			return false
		}
	}
	return any && !inside
}
