package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The bounds of a TTL in seconds, as DNScale's tools have them, and the usual one.
const (
	dnscaleLeastTTL   = 300
	dnscaleMostTTL    = 86400
	dnscaleDefaultTTL = 3600
)

// dnscaleRefusal is a no with its status, code and words.
type dnscaleRefusal struct {
	status        int
	code, message string
}

func (d *DNScale) createRecord(w http.ResponseWriter, r *http.Request) {
	d.store(w, r, "", http.StatusCreated)
}

func (d *DNScale) updateRecord(w http.ResponseWriter, r *http.Request) {
	d.store(w, r, r.PathValue("id"), http.StatusOK)
}

// store keeps the record of a request, in place of the one with this id where that
// is not empty. Its TTL becomes that of every record of its name and type.
func (d *DNScale) store(w http.ResponseWriter, r *http.Request, id string, status int) {
	in := DNScaleRecord{TTL: dnscaleDefaultTTL}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		dnscaleError(w, http.StatusBadRequest, "INVALID_REQUEST", "invalid request body")
		return
	}
	in.Name, in.Type = d.whole(in.Name), strings.ToUpper(in.Type)
	in.Content = dnscaleContent(in.Type, in.Content)
	d.write.Lock()
	defer d.write.Unlock()
	var no *dnscaleRefusal
	d.around(in.Name, in.Type, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		if no = d.refuse(in, id); no != nil {
			return false
		}
		if i := d.find(id); i >= 0 {
			d.records = slices.Delete(d.records, i, i+1)
		}
		for i, other := range d.records {
			if other.Name == in.Name && other.Type == in.Type {
				d.records[i].TTL = in.TTL
			}
		}
		in = d.keep(in)
		return true
	})
	if no != nil {
		dnscaleError(w, no.status, no.code, no.message)
		return
	}
	d.done(in)
	dnscaleAnswer(w, status, map[string]any{"record": in})
}

func (d *DNScale) done(r DNScaleRecord) {
	d.tell(r.Name, r.Type)
	if after := d.told().After; after != nil {
		after(r.Name, r.Type)
	}
}

// dnscaleContent is content as the API keeps it: host names whole, with their dot;
// text without the quotes around it.
func dnscaleContent(typ, content string) string {
	switch {
	case (typ == "CNAME" || typ == "NS" || typ == "MX" || typ == "PTR" || typ == "ALIAS") && content != "":
		return plain(content) + "."
	case typ == "TXT" && len(content) > 1 && strings.HasPrefix(content, `"`) && strings.HasSuffix(content, `"`):
		return plainTXT(content, 10)
	}
	return content
}

// refuse is the API's judgement of a record that shall take the place of the one
// with this id. It is called with the lock held.
func (d *DNScale) refuse(r DNScaleRecord, id string) *dnscaleRefusal {
	invalid := func(format string, args ...any) *dnscaleRefusal {
		return &dnscaleRefusal{http.StatusBadRequest, "VALIDATION_ERROR", fmt.Sprintf(format, args...)}
	}
	ip, err := netip.ParseAddr(r.Content)
	switch {
	case !under(r.Name, d.zone):
		return invalid("name must be within the zone")
	case r.TTL < dnscaleLeastTTL || r.TTL > dnscaleMostTTL:
		return invalid("ttl must be between %d and %d", dnscaleLeastTTL, dnscaleMostTTL)
	case r.Type == "A" && (err != nil || !ip.Is4()):
		return invalid("content must be an IPv4 address")
	case r.Type == "AAAA" && (err != nil || !ip.Is6()):
		return invalid("content must be an IPv6 address")
	case r.Content == "":
		return invalid("content is required")
	}
	if id != "" {
		i := d.find(id)
		switch {
		case i < 0:
			return &dnscaleRefusal{http.StatusNotFound, "RECORD_NOT_FOUND", "record not found"}
		case d.records[i].Name != r.Name || d.records[i].Type != r.Type:
			return invalid("name and type must match the record")
		}
	}
	for _, other := range d.records {
		switch {
		case other.Name != r.Name || other.ID == id || other.Disabled:
		case (other.Type == "CNAME") != (r.Type == "CNAME"):
			return &dnscaleRefusal{http.StatusConflict, "CONFLICT", "CNAME cannot coexist with other records at " + r.Name}
		case r.Type == "CNAME" && other.Content != r.Content:
			return &dnscaleRefusal{http.StatusConflict, "CONFLICT", "a CNAME record already exists at " + r.Name}
		}
	}
	return nil
}

// deleteRecord deletes a record. One that is not there is deleted already.
func (d *DNScale) deleteRecord(w http.ResponseWriter, r *http.Request) {
	d.write.Lock()
	defer d.write.Unlock()
	d.mu.Lock()
	i := d.find(r.PathValue("id"))
	var gone DNScaleRecord
	if i >= 0 {
		gone = d.records[i]
	}
	d.mu.Unlock()
	if i >= 0 && d.around(gone.Name, gone.Type, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		n := len(d.records)
		d.records = slices.DeleteFunc(d.records, func(r DNScaleRecord) bool { return r.ID == gone.ID })
		return len(d.records) < n
	}) {
		d.done(gone)
	}
	w.WriteHeader(http.StatusNoContent)
}
