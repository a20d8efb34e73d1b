package vendor

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func (d *DigitalOcean) createRecord(w http.ResponseWriter, r *http.Request) {
	var in DigitalOceanRecord
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		digitalOceanError(w, http.StatusBadRequest, "bad_request", "error parsing request body")
		return
	}
	in.ID = 0
	d.store(w, in, http.StatusCreated)
}

// editRecord replaces a record; its type stays.
func (d *DigitalOcean) editRecord(w http.ResponseWriter, r *http.Request) {
	old, ok := d.record(r.PathValue("id"))
	if !ok {
		digitalOceanMissing(w)
		return
	}
	in := old
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		digitalOceanError(w, http.StatusBadRequest, "bad_request", "error parsing request body")
		return
	}
	in.ID, in.Type = old.ID, old.Type
	d.store(w, in, http.StatusOK)
}

// store creates a record, or changes the one with its id, as far as the API's rules
// allow.
func (d *DigitalOcean) store(w http.ResponseWriter, in DigitalOceanRecord, status int) {
	in.Name = d.relative(in.Name)
	if in.TTL == 0 {
		in.TTL = digitalOceanTTL
	}
	d.write.Lock()
	defer d.write.Unlock()
	why := ""
	ok := d.around(d.whole(in.Name), in.Type, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		if why = d.refuse(in); why != "" {
			return false
		}
		if in.Type == "CNAME" {
			in.Data = plain(in.Data)
			if in.Data == d.zone {
				in.Data = "@"
			}
		}
		in = d.keep(in)
		return true
	})
	if !ok {
		digitalOceanError(w, http.StatusUnprocessableEntity, "unprocessable_entity", why)
		return
	}
	d.done(in.Name, in.Type)
	digitalOceanAnswer(w, status, map[string]any{"domain_record": in})
}

func (d *DigitalOcean) deleteRecord(w http.ResponseWriter, r *http.Request) {
	d.write.Lock()
	defer d.write.Unlock()
	rec, ok := d.record(r.PathValue("id"))
	if ok {
		ok = d.around(d.whole(rec.Name), rec.Type, func() bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			n := len(d.records)
			d.records = slices.DeleteFunc(d.records, func(r DigitalOceanRecord) bool { return r.ID == rec.ID })
			return len(d.records) < n
		})
	}
	if !ok {
		digitalOceanMissing(w)
		return
	}
	d.done(rec.Name, rec.Type)
	w.WriteHeader(http.StatusNoContent)
}

func (d *DigitalOcean) done(name, typ string) {
	d.tell(name, typ)
	if after := d.told().After; after != nil {
		after(d.whole(name), typ)
	}
}

func (d *DigitalOcean) record(id string) (DigitalOceanRecord, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.records, func(r DigitalOceanRecord) bool { return r.ID == n })
	if err != nil || i < 0 {
		return DigitalOceanRecord{}, false
	}
	return d.records[i], true
}

// refuse is the API's own judgement of a record; "" where it takes it. Two records
// that are quite alike it takes. It is called with the lock held.
func (d *DigitalOcean) refuse(in DigitalOceanRecord) string {
	ip, err := netip.ParseAddr(in.Data)
	switch {
	case in.Type == "A" && (err != nil || !ip.Is4()), in.Type == "AAAA" && (err != nil || !ip.Is6()):
		return "Data needs to be an IP address of the right family"
	case in.Type == "CNAME" && !strings.HasSuffix(in.Data, ".") && in.Data != "@":
		return "Data needs to end with a dot (.)"
	case in.Type == "TXT" && in.Data == "":
		return "Data can't be blank"
	case in.Type == "TXT" && strings.Contains(in.Data, `\`):
		return "Data is invalid"
	case in.Type == "TXT" && len(printTXT(in.Data)) > digitalOceanText:
		return "Data is too long (maximum is 512 characters)"
	case in.TTL < 30:
		return "TTL must be greater than or equal to 30"
	}
	for _, other := range d.records {
		if other.Name == in.Name && other.ID != in.ID && (other.Type == "CNAME" || in.Type == "CNAME") {
			return "CNAME records cannot share a name with other records"
		}
	}
	return ""
}
