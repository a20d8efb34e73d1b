package vendor

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func (l *Linode) listRecords(w http.ResponseWriter, r *http.Request) {
	fits := linodeFilter(w, r, "name", "type", "target")
	if fits == nil {
		return
	}
	var found []any
	l.mu.Lock()
	for _, rec := range l.state.records {
		if fits(rec.field) {
			found = append(found, rec)
		}
	}
	l.mu.Unlock()
	linodePage(w, r, found)
}

// field is what a filter may ask for.
func (r LinodeRecord) field(key string) string {
	switch key {
	case "name":
		return r.Name
	case "type":
		return r.Type
	case "target":
		return r.Target
	}
	return ""
}

func (l *Linode) createRecord(w http.ResponseWriter, r *http.Request) {
	var in LinodeRecord
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		linodeError(w, http.StatusBadRequest, "", "Invalid JSON")
		return
	}
	in.ID = 0
	l.store(w, in)
}

func (l *Linode) changeRecord(w http.ResponseWriter, r *http.Request) {
	rec, ok := l.record(r.PathValue("id"))
	if !ok {
		linodeError(w, http.StatusNotFound, "", "Not found")
		return
	}
	in := rec
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		linodeError(w, http.StatusBadRequest, "", "Invalid JSON")
		return
	}
	in.ID, in.Type = rec.ID, rec.Type
	l.store(w, in)
}

// store creates rec, or changes the one with its id.
func (l *Linode) store(w http.ResponseWriter, rec LinodeRecord) {
	l.write.Lock()
	defer l.write.Unlock()
	rec.Name, rec.TTL = strings.ToLower(rec.Name), linodeTTL(rec.TTL)
	if rec.Type == "CNAME" {
		rec.Target = plain(rec.Target)
	}
	field, text := "", ""
	done := l.around(l.whole(rec.Name), rec.Type, func() bool {
		if field, text = l.refuse(rec); text != "" {
			return false
		}
		if rec.ID == 0 {
			rec = l.add(rec)
			return true
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		i := slices.IndexFunc(l.state.records, func(o LinodeRecord) bool { return o.ID == rec.ID })
		if i < 0 {
			return false
		}
		l.state.records[i] = rec
		return true
	})
	switch {
	case text != "":
		linodeError(w, http.StatusBadRequest, field, text)
	case !done:
		linodeError(w, http.StatusNotFound, "", "Not found")
	default:
		l.done(rec.Name, rec.Type)
		linodeAnswer(w, rec)
	}
}

// linodeTTL is the TTL that is kept: 0, or the nearest of those that there are.
func linodeTTL(seconds int) int {
	nearest := 0
	if seconds <= 0 {
		return 0
	}
	for _, valid := range []int{30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200} {
		if nearest == 0 || max(valid-seconds, seconds-valid) < max(nearest-seconds, seconds-nearest) {
			nearest = valid
		}
	}
	return nearest
}

// refuse is the API's own judgement of a record.
func (l *Linode) refuse(rec LinodeRecord) (field, text string) {
	ip, err := netip.ParseAddr(rec.Target)
	switch {
	case !slices.Contains([]string{"A", "AAAA", "NS", "MX", "CNAME", "TXT", "SRV", "PTR", "CAA"}, rec.Type):
		return "type", "Must be one of A, AAAA, NS, MX, CNAME, TXT, SRV, PTR, CAA"
	case rec.Type == "A" && (err != nil || !ip.Is4()):
		return "target", "Invalid IPv4 address"
	case rec.Type == "AAAA" && (err != nil || !ip.Is6()):
		return "target", "Invalid IPv6 address"
	case rec.Target == "":
		return "target", "target is required"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if rec.ID == 0 && len(l.state.records) >= l.state.full {
		return "", "Domain has reached its limit of records"
	}
	for _, other := range l.state.records {
		switch {
		case other.ID == rec.ID || other.Name != rec.Name:
		case rec.Type == "CNAME" || other.Type == "CNAME":
			return "name", "Record conflict - CNAMES must be unique"
		case other.Type == rec.Type && other.Target == rec.Target && (rec.Type == "A" || rec.Type == "AAAA"):
			return "target", "Record already exists"
		}
	}
	return "", ""
}

func (l *Linode) deleteRecord(w http.ResponseWriter, r *http.Request) {
	l.write.Lock()
	defer l.write.Unlock()
	rec, ok := l.record(r.PathValue("id"))
	if ok {
		ok = l.around(l.whole(rec.Name), rec.Type, func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			n := len(l.state.records)
			l.state.records = slices.DeleteFunc(l.state.records, func(o LinodeRecord) bool { return o.ID == rec.ID })
			return len(l.state.records) < n
		})
	}
	if !ok {
		linodeError(w, http.StatusNotFound, "", "Not found")
		return
	}
	l.done(rec.Name, rec.Type)
	linodeAnswer(w, struct{}{})
}

// done tells of a write that was made.
func (l *Linode) done(sub, typ string) {
	l.tell(sub, typ)
	if after := l.told().After; after != nil {
		after(l.whole(sub), typ)
	}
}

// tell hands the set to OnChange as it stands.
func (l *Linode) tell(sub, typ string) {
	on := l.told().OnChange
	if on == nil {
		return
	}
	var ttl uint32
	var values []string
	for _, r := range l.Records(l.whole(sub), typ) {
		ttl = uint32(r.TTL)
		if ttl == 0 {
			l.mu.Lock()
			ttl = uint32(l.state.domain.TTL)
			l.mu.Unlock()
		}
		if ttl == 0 {
			ttl = 86400
		}
		values = append(values, r.Target)
	}
	on(l.whole(sub), typ, ttl, values)
}

func (l *Linode) record(id string) (LinodeRecord, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.state.records {
		if strconv.Itoa(r.ID) == id {
			return r, true
		}
	}
	return LinodeRecord{}, false
}

func (l *Linode) add(r LinodeRecord) LinodeRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.last++
	r.ID, r.Name = 20_000_000+l.state.last, strings.ToLower(r.Name)
	l.state.records = append(l.state.records, r)
	return r
}

// sub is a whole name within the domain; whole is its inverse.
func (l *Linode) sub(name string) string {
	name = plain(name)
	if name == l.zone {
		return ""
	}
	return strings.TrimSuffix(name, "."+l.zone)
}

func (l *Linode) whole(sub string) string {
	if sub == "" {
		return l.zone
	}
	return sub + "." + l.zone
}
