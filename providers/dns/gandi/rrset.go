package gandi

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/libdns/libdns"
)

// rrset is an RRset as the API has it: values in the form of zone files, TTL in
// seconds.
type rrset struct {
	Name   string   `json:"rrset_name"`
	Type   string   `json:"rrset_type"`
	TTL    int      `json:"rrset_ttl"`
	Values []string `json:"rrset_values"`
}

// body is what a change sends; name and type stand in the path.
func (s rrset) body() any {
	return struct {
		TTL    int      `json:"rrset_ttl"`
		Values []string `json:"rrset_values"`
	}{s.TTL, s.Values}
}

// records are the set's records as libdns has them.
func (s rrset) records(zone string) []libdns.Record {
	var out []libdns.Record
	for _, v := range s.Values {
		out = append(out, s.record(zone, v))
	}
	return out
}

func records(zone string, sets []rrset) []libdns.Record {
	out := []libdns.Record{}
	for _, s := range sets {
		out = append(out, s.records(zone)...)
	}
	return out
}

// record is one value as libdns has it: of its own type where it can be parsed and
// comes back as it was, else a plain RR.
func (s rrset) record(zone, value string) libdns.Record {
	rr := libdns.RR{
		Name: strings.ToLower(s.Name),
		Type: strings.ToUpper(s.Type),
		TTL:  time.Duration(s.TTL) * time.Second,
		Data: value,
	}
	if isText(rr.Type) {
		rr.Data = unquote(value)
	}
	rr.Data = absolute(rr.Type, rr.Data, zone)
	parsed, err := rr.Parse()
	if err != nil || parsed.RR().Name != rr.Name || parsed.RR().Type != rr.Type {
		return rr
	}
	return parsed
}

// key is a value such that two values that mean the same have the same.
func (s rrset) key(zone, value string) string { return s.record(zone, value).RR().Data }

// holds reports whether a value of this meaning is in the set.
func (s rrset) holds(zone, value string) bool {
	want := s.key(zone, value)
	return slices.ContainsFunc(s.Values, func(v string) bool { return s.key(zone, v) == want })
}

// matches reports whether one of the patterns means this value.
func (s rrset) matches(zone, value string, patterns []libdns.RR) bool {
	rr := s.record(zone, value).RR()
	return slices.ContainsFunc(patterns, func(p libdns.RR) bool {
		return p.Name == rr.Name &&
			(p.Type == "" || p.Type == rr.Type) &&
			(p.TTL == 0 || p.TTL.Truncate(time.Second) == rr.TTL && rr.TTL > 0) &&
			(p.Data == "" || rrset{Name: rr.Name, Type: rr.Type}.key(zone, written(rr.Type, p.Data)) == rr.Data)
	})
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
		ttl := int(max(rr.TTL, LeastTTL) / time.Second)
		value := written(rr.Type, rr.Data)
		i := slices.IndexFunc(sets, func(s rrset) bool { return s.Name == rr.Name && s.Type == rr.Type })
		if i < 0 {
			sets = append(sets, rrset{Name: rr.Name, Type: rr.Type, TTL: ttl, Values: []string{value}})
			continue
		}
		sets[i].TTL = min(sets[i].TTL, ttl)
		if !sets[i].holds(zone, value) {
			sets[i].Values = append(sets[i].Values, value)
		}
	}
	return sets, nil
}

// patterns are the records of a deletion, and the names they are about.
func patterns(zone string, recs []libdns.Record) (out []libdns.RR, names []string, err error) {
	for _, r := range recs {
		rr, err := checked(zone, r)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, rr)
		if !slices.Contains(names, rr.Name) {
			names = append(names, rr.Name)
		}
	}
	return out, names, nil
}

// checked is a record with its name relative and in lower case and its type in
// upper case. A TTL below a second stands for the lowest, not for any.
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

// domain is a zone as Gandi lists it.
type domain struct {
	FQDN string `json:"fqdn"`
}

func zonesOf(domains []domain) []libdns.Zone {
	zones := make([]libdns.Zone, 0, len(domains))
	for _, d := range domains {
		zones = append(zones, libdns.Zone{Name: zoneName(d.FQDN) + "."})
	}
	return zones
}

func zonePath(zone string) string { return "/domains/" + url.PathEscape(zoneName(zone)) }

func setPath(zone string, s rrset) string {
	return zonePath(zone) + "/records/" + url.PathEscape(s.Name) + "/" + url.PathEscape(s.Type)
}

// written is data as the API is given it.
func written(typ, data string) string {
	if isText(typ) {
		return quote(data)
	}
	return data
}

func isText(typ string) bool { return typ == "TXT" || typ == "SPF" }

// absolute completes the host name that data of some types ends in, and puts it in
// lower case: without a final dot it is relative to the zone.
func absolute(typ, data, zone string) string {
	switch typ {
	case "CNAME", "NS", "PTR", "ALIAS", "DNAME", "MX", "SRV":
	default:
		return data
	}
	i := strings.LastIndexByte(data, ' ') + 1
	host := strings.ToLower(data[i:])
	switch {
	case host == "@":
		host = zone + "."
	case host != "" && !strings.HasSuffix(host, "."):
		host += "." + zone + "."
	}
	return data[:i] + host
}
