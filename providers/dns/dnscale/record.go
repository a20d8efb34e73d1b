package dnscale

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libdns/libdns"
)

// record is one record as the API has it.
type record struct {
	ID      string `json:"id"`
	Name    string `json:"name"` // whole, with or without final dot
	Type    string `json:"type"`
	Content string `json:"content"`
	TTL     int    `json:"ttl"` // seconds
	// Priority is that of MX, where it does not stand in Content.
	Priority *int `json:"priority"`
	Disabled bool `json:"disabled"`
}

// body is what a change sends.
func (r record) body() any {
	return struct {
		Name     string `json:"name"`
		Type     string `json:"type"`
		Content  string `json:"content"`
		TTL      int    `json:"ttl"`
		Priority *int   `json:"priority,omitempty"`
		Disabled bool   `json:"disabled"`
	}{r.Name, r.Type, r.Content, r.TTL, r.Priority, false}
}

// name is the record's name within the zone. A name outside it stays whole, with a
// final dot, and so equals none.
func (r record) name(zone string) string {
	name, err := relative(strings.TrimSuffix(r.Name, ".")+".", zone)
	if err != nil {
		return strings.ToLower(r.Name)
	}
	return name
}

// data is the record's value as libdns has it.
func (r record) data() string {
	content := r.Content
	switch r.Type {
	case "TXT", "SPF":
		return unquote(content)
	case "MX":
		if len(strings.Fields(content)) == 1 {
			content = fmt.Sprintf("%d %s", priority(r), content)
		}
	case "SRV":
		if len(strings.Fields(content)) == 3 {
			content = fmt.Sprintf("%d %s", priority(r), content)
		}
	}
	return absolute(r.Type, content)
}

func priority(r record) int {
	if r.Priority == nil {
		return 0
	}
	return *r.Priority
}

// libdns is the record as libdns has it: of its own type where it can be parsed and
// comes back as it was, else a plain RR.
func (r record) libdns(zone string) libdns.Record {
	rr := libdns.RR{Name: r.name(zone), Type: strings.ToUpper(r.Type), TTL: time.Duration(r.TTL) * time.Second, Data: r.data()}
	parsed, err := rr.Parse()
	if err != nil || parsed.RR().Name != rr.Name || parsed.RR().Type != rr.Type {
		return rr
	}
	return parsed
}

// key is the record's value such that two that mean the same have the same.
func (r record) key(zone string) string { return r.libdns(zone).RR().Data }

// matches reports whether one of the patterns means this record.
func (r record) matches(zone string, patterns []libdns.RR) bool {
	rr := r.libdns(zone).RR()
	return slices.ContainsFunc(patterns, func(p libdns.RR) bool {
		return p.Name == rr.Name &&
			(p.Type == "" || p.Type == rr.Type) &&
			(p.TTL == 0 || p.TTL.Truncate(time.Second) == rr.TTL && rr.TTL > 0) &&
			(p.Data == "" || rrset{name: rr.Name, typ: rr.Type}.key(zone, p.Data) == rr.Data)
	})
}

func libdnsRecords(zone string, recs []record) []libdns.Record {
	out := []libdns.Record{}
	for _, r := range recs {
		out = append(out, r.libdns(zone))
	}
	return out
}

// enabled are the records that are in DNS.
func enabled(recs []record) []record {
	return slices.DeleteFunc(slices.Clone(recs), func(r record) bool { return r.Disabled })
}

// rrset is what the records of one name and type shall be. Contents are libdns's
// data.
type rrset struct {
	name, typ string
	ttl       int
	contents  []string
}

// has reports whether a record is of this set's name and type.
func (s rrset) has(zone string, r record) bool {
	return strings.ToUpper(r.Type) == s.typ && r.name(zone) == s.name
}

// record is one of the set's records as the API is given it: host names without
// their final dot, which DNScale adds, but in SRV; the preference of MX apart.
func (s rrset) record(zone, data string) record {
	r := record{Name: s.name + "." + zone + ".", Type: s.typ, Content: data, TTL: s.ttl}
	if s.name == "@" {
		r.Name = zone + "."
	}
	switch s.typ {
	case "CNAME", "NS", "PTR", "ALIAS":
		r.Content = strings.TrimSuffix(data, ".")
	case "MX":
		preference, host, ok := strings.Cut(data, " ")
		if n, err := strconv.ParseUint(preference, 10, 16); ok && err == nil {
			first := int(n)
			r.Priority, r.Content = &first, strings.TrimSuffix(host, ".")
		}
	}
	return r
}

// key is the record's key for this data. It does not go through unquote: what
// libdns gives is plain text, even with quotes around it.
func (s rrset) key(zone, data string) string {
	if s.typ == "TXT" || s.typ == "SPF" {
		return data
	}
	return s.record(zone, data).key(zone)
}

// grouped are the RRsets that recs make up, in their order, each value once.
func grouped(zone string, recs []libdns.Record) ([]rrset, error) {
	var sets []rrset
	for _, r := range recs {
		rr, err := checked(zone, r)
		if err != nil {
			return nil, err
		}
		if rr.Type == "" {
			return nil, fmt.Errorf("the record %s has no type", rr.Name)
		}
		ttl := int(min(max(rr.TTL, LeastTTL), MostTTL) / time.Second)
		i := slices.IndexFunc(sets, func(s rrset) bool { return s.name == rr.Name && s.typ == rr.Type })
		if i < 0 {
			sets = append(sets, rrset{name: rr.Name, typ: rr.Type, ttl: ttl, contents: []string{rr.Data}})
			continue
		}
		s := &sets[i]
		s.ttl = min(s.ttl, ttl)
		if !slices.ContainsFunc(s.contents, func(c string) bool { return s.key(zone, c) == s.key(zone, rr.Data) }) {
			s.contents = append(s.contents, rr.Data)
		}
	}
	return sets, nil
}

// patterns are the records of a deletion.
func patterns(zone string, recs []libdns.Record) ([]libdns.RR, error) {
	var out []libdns.RR
	for _, r := range recs {
		rr, err := checked(zone, r)
		if err != nil {
			return nil, err
		}
		out = append(out, rr)
	}
	return out, nil
}

// checked is a record with its name relative and in lower case and its type in
// upper case.
func checked(zone string, r libdns.Record) (libdns.RR, error) {
	if r == nil {
		return libdns.RR{}, errors.New("one of the records is nil")
	}
	rr := r.RR()
	name, err := relative(rr.Name, zone)
	rr.Name, rr.Type = name, strings.ToUpper(rr.Type)
	return rr, err
}

// relative is name as it stands within the zone. One with a final dot is taken for
// absolute.
func relative(name, zone string) (string, error) {
	name = strings.ToLower(name)
	whole, isAbsolute := strings.CutSuffix(name, ".")
	switch {
	case name == "":
		return "", errors.New(`a record without a name; "@" is the zone's own`)
	case !isAbsolute:
		return name, nil
	case whole == zone:
		return "@", nil
	case strings.HasSuffix(whole, "."+zone):
		return strings.TrimSuffix(whole, "."+zone), nil
	}
	return "", fmt.Errorf("the name %s is not in the zone %s", name, zone)
}

// zoneName is a zone's name in lower case without final dot.
func zoneName(zone string) string { return strings.ToLower(strings.TrimSuffix(zone, ".")) }

// absolute gives the host name that data of some types ends in its final dot, and
// puts it in lower case.
func absolute(typ, data string) string {
	switch typ {
	case "CNAME", "NS", "PTR", "ALIAS", "MX", "SRV":
	default:
		return data
	}
	i := strings.LastIndexByte(data, ' ') + 1
	host := strings.ToLower(data[i:])
	if host != "" && !strings.HasSuffix(host, ".") {
		host += "."
	}
	return data[:i] + host
}
