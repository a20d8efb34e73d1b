package vendor

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// known answers for zones that the account does not have.
func (o *OVH) known(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if plain(r.PathValue("zone")) != o.zone {
			ovhError(w, http.StatusNotFound, "", "This service does not exist")
			return
		}
		h(w, r)
	}
}

func (o *OVH) showZone(w http.ResponseWriter, _ *http.Request) {
	ovhAnswer(w, map[string]any{
		"name": o.zone, "nameServers": []string{"dns101.ovh.net", "ns101.ovh.net"},
		"dnssecSupported": true, "hasDnsAnycast": false, "lastUpdate": "2026-11-01T08:00:00+01:00",
	})
}

// listRecords tells the ids of what the filters let through. They are patterns of
// an SQL "like", as the API's console says: "_" is any character, "%" any text.
func (o *OVH) listRecords(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ids := []int64{}
	o.mu.Lock()
	for _, rec := range o.state.records {
		if q.Has("fieldType") && !like(q.Get("fieldType"), rec.FieldType) || q.Has("subDomain") && !like(q.Get("subDomain"), rec.SubDomain) {
			continue
		}
		ids = append(ids, rec.ID)
	}
	o.mu.Unlock()
	ovhAnswer(w, ids)
}

// like compares as SQL does, without regard to case.
func like(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	if pattern[0] == '%' {
		return like(pattern[1:], text) || text != "" && like(pattern, text[1:])
	}
	return text != "" && (pattern[0] == '_' || strings.EqualFold(pattern[:1], text[:1])) && like(pattern[1:], text[1:])
}

func (o *OVH) record(id string) (OVHRecord, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.state.records, func(r OVHRecord) bool { return err == nil && r.ID == n })
	if i < 0 {
		return OVHRecord{}, false
	}
	return o.state.records[i], true
}

func (o *OVH) gone(w http.ResponseWriter, id string) {
	ovhError(w, http.StatusNotFound, "", fmt.Sprintf("The requested object (id = %s) does not exist", id))
}

func (o *OVH) showRecord(w http.ResponseWriter, r *http.Request) {
	rec, ok := o.record(r.PathValue("id"))
	if !ok {
		o.gone(w, r.PathValue("id"))
		return
	}
	ovhAnswer(w, rec)
}

func (o *OVH) createRecord(w http.ResponseWriter, r *http.Request) {
	var in OVHRecord
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		ovhError(w, http.StatusBadRequest, "", "Received not the expected parameters")
		return
	}
	in.ID = 0
	o.save(w, in)
}

func (o *OVH) changeRecord(w http.ResponseWriter, r *http.Request) {
	rec, ok := o.record(r.PathValue("id"))
	if !ok {
		o.gone(w, r.PathValue("id"))
		return
	}
	in := rec
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		ovhError(w, http.StatusBadRequest, "", "Received not the expected parameters")
		return
	}
	in.ID, in.FieldType = rec.ID, rec.FieldType
	o.save(w, in)
}

// save creates rec, or changes the one with its id.
func (o *OVH) save(w http.ResponseWriter, rec OVHRecord) {
	o.write.Lock()
	defer o.write.Unlock()
	created := rec.ID == 0
	text := ""
	done := o.around(o.whole(rec.SubDomain), ovhType(rec.FieldType), func() bool {
		if text = o.refuse(rec); text != "" {
			return false
		}
		if created {
			rec = o.add(rec)
			return true
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		i := slices.IndexFunc(o.state.records, func(r OVHRecord) bool { return r.ID == rec.ID })
		if i < 0 {
			return false
		}
		o.state.records[i] = ovhKept(rec)
		return true
	})
	switch {
	case text != "":
		ovhError(w, http.StatusBadRequest, "", text)
	case !done:
		o.gone(w, strconv.FormatInt(rec.ID, 10))
	case created:
		ovhAnswer(w, rec)
	default:
		ovhAnswer(w, nil)
	}
}

// refuse is the API's own judgement of a record.
func (o *OVH) refuse(rec OVHRecord) string {
	ip, err := netip.ParseAddr(rec.Target)
	switch {
	case !slices.Contains([]string{"A", "AAAA", "CNAME", "TXT", "SPF", "DKIM", "DMARC", "NS", "MX", "CAA", "SRV", "TLSA"}, rec.FieldType):
		return "Invalid value for fieldType"
	case rec.FieldType == "A" && (err != nil || !ip.Is4()), rec.FieldType == "AAAA" && (err != nil || !ip.Is6()):
		return "Invalid IP address"
	case rec.TTL != 0 && rec.TTL < 60:
		return "Invalid ttl: it must be 0 or at least 60"
	case rec.FieldType == "TXT" && strings.HasPrefix(rec.Target, `"`) && !balanced(rec.Target):
		return "Invalid target: unbalanced quotes"
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, other := range o.state.records {
		switch {
		case other.ID == rec.ID || !strings.EqualFold(other.SubDomain, rec.SubDomain):
		case rec.FieldType == "CNAME":
			return "A CNAME cannot be created: another record stands at this subdomain"
		case other.FieldType == "CNAME":
			return "This subdomain is a CNAME already"
		}
	}
	return ""
}

// balanced reports whether v is one or more whole quoted strings.
func balanced(v string) bool {
	inside := false
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"':
			inside = !inside
		case !inside && v[i] != ' ':
			return false
		case v[i] == '\\':
			i++
		}
	}
	return !inside
}

func (o *OVH) deleteRecord(w http.ResponseWriter, r *http.Request) {
	o.write.Lock()
	defer o.write.Unlock()
	rec, ok := o.record(r.PathValue("id"))
	if ok {
		ok = o.around(o.whole(rec.SubDomain), ovhType(rec.FieldType), func() bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			n := len(o.state.records)
			o.state.records = slices.DeleteFunc(o.state.records, func(r OVHRecord) bool { return r.ID == rec.ID })
			return len(o.state.records) < n
		})
	}
	if !ok {
		o.gone(w, r.PathValue("id"))
		return
	}
	ovhAnswer(w, nil)
}

func (o *OVH) refreshZone(w http.ResponseWriter, _ *http.Request) {
	o.refresh()
	ovhAnswer(w, nil)
}

// refresh serves what is saved, and tells of every set that differs from what was
// served.
func (o *OVH) refresh() {
	o.mu.Lock()
	before, now := o.state.served, map[string][]OVHRecord{}
	for _, r := range o.state.records {
		key := o.whole(r.SubDomain) + " " + ovhType(r.FieldType)
		now[key] = append(now[key], r)
	}
	o.state.served = now
	on, after := o.hooks.OnChange, o.hooks.After
	o.mu.Unlock()
	keys := slices.Collect(maps.Keys(now))
	for key := range before {
		if _, still := now[key]; !still {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if slices.Equal(before[key], now[key]) {
			continue
		}
		name, typ, _ := strings.Cut(key, " ")
		var ttl uint32
		var values []string
		for _, r := range now[key] {
			if ttl = uint32(r.TTL); ttl == 0 {
				ttl = 3600
			}
			values = append(values, o.value(r))
		}
		if on != nil {
			on(name, typ, ttl, values)
		}
		if after != nil {
			after(name, typ)
		}
	}
}

// value is a record's target as a name server answers it: a host name without its
// final dot lies in the zone.
func (o *OVH) value(r OVHRecord) string {
	switch ovhType(r.FieldType) {
	case "TXT":
		return plainTXT(r.Target, 10)
	case "CNAME", "NS":
		if !strings.HasSuffix(r.Target, ".") {
			return plain(r.Target) + "." + o.zone
		}
		return plain(r.Target)
	}
	return r.Target
}

func (o *OVH) add(r OVHRecord) OVHRecord {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.last++
	r.ID, r.Zone = 5_000_000_000+o.state.last, o.zone
	r = ovhKept(r)
	o.state.records = append(o.state.records, r)
	return r
}

// ovhKept is a record as it is kept: TXT in quotes, long ones in several.
func ovhKept(r OVHRecord) OVHRecord {
	r.SubDomain = strings.ToLower(r.SubDomain)
	if ovhType(r.FieldType) != "TXT" {
		return r
	}
	text := plainTXT(r.Target, 10)
	var parts []string
	for {
		n := min(len(text), 255)
		parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text[:n])+`"`)
		if text = text[n:]; text == "" {
			r.Target = strings.Join(parts, " ")
			return r
		}
	}
}

// ovhType is a type as it is on the wire.
func ovhType(fieldType string) string {
	switch fieldType {
	case "SPF", "DKIM", "DMARC":
		return "TXT"
	}
	return fieldType
}

func (o *OVH) whole(sub string) string {
	if sub == "" {
		return o.zone
	}
	return plain(sub) + "." + o.zone
}
