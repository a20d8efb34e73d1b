package vendor

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// porkbunLeastTTL is the shortest TTL; a shorter one is raised without a word.
const porkbunLeastTTL = 600

func porkbunIn(r *http.Request) porkbunRequest {
	in, _ := r.Context().Value(porkbunBody{}).(porkbunRequest)
	return in
}

func (p *Porkbun) retrieve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	found := []PorkbunRecord{}
	for _, rec := range p.state.records {
		if id := r.PathValue("id"); id == "" || id == rec.ID {
			found = append(found, rec)
		}
	}
	p.mu.Unlock()
	porkbunAnswer(w, map[string]any{"cloudflare": "enabled", "records": found})
}

func (p *Porkbun) retrieveSet(w http.ResponseWriter, r *http.Request) {
	porkbunAnswer(w, map[string]any{"cloudflare": "enabled", "records": p.Records(p.whole(r.PathValue("name")), r.PathValue("type"))})
}

func (p *Porkbun) createRecord(w http.ResponseWriter, r *http.Request) {
	rec := porkbunIn(r).record(p)
	if p.change(w, rec.Name, rec.Type, func() string {
		if text := p.refuse(rec); text != "" {
			return text
		}
		rec = p.add(rec)
		return ""
	}) {
		porkbunAnswer(w, map[string]any{"id": rec.ID})
	}
}

func (p *Porkbun) editRecord(w http.ResponseWriter, r *http.Request) {
	rec := porkbunIn(r).record(p)
	rec.ID = r.PathValue("id")
	if p.change(w, rec.Name, rec.Type, func() string {
		if text := p.refuse(rec); text != "" {
			return text
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		i := slices.IndexFunc(p.state.records, func(o PorkbunRecord) bool { return o.ID == rec.ID })
		switch {
		case i < 0:
			return "Invalid record ID."
		case p.state.records[i] == rec:
			return "Edit error: We were unable to edit the DNS record."
		}
		p.state.records[i] = rec
		return ""
	}) {
		porkbunAnswer(w, map[string]any{})
	}
}

// editSet gives every record of the name and type the one content.
func (p *Porkbun) editSet(w http.ResponseWriter, r *http.Request) {
	want := porkbunIn(r).record(p)
	want.Name, want.Type = p.whole(r.PathValue("name")), r.PathValue("type")
	if p.change(w, want.Name, want.Type, func() string {
		p.mu.Lock()
		defer p.mu.Unlock()
		found := false
		for i, rec := range p.state.records {
			if rec.Name == want.Name && rec.Type == want.Type {
				found = true
				p.state.records[i].Content, p.state.records[i].TTL = want.Content, want.TTL
			}
		}
		if !found {
			return "Edit error: We were unable to edit the DNS record."
		}
		return ""
	}) {
		porkbunAnswer(w, map[string]any{})
	}
}

func (p *Porkbun) deleteRecord(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	i := slices.IndexFunc(p.state.records, func(rec PorkbunRecord) bool { return rec.ID == r.PathValue("id") })
	var rec PorkbunRecord
	if i >= 0 {
		rec = p.state.records[i]
	}
	p.mu.Unlock()
	p.drop(w, rec.Name, rec.Type, func(o PorkbunRecord) bool { return i >= 0 && o.ID == rec.ID })
}

// deleteSet removes every record of the name and type, whatever its content.
func (p *Porkbun) deleteSet(w http.ResponseWriter, r *http.Request) {
	name, typ := p.whole(r.PathValue("name")), r.PathValue("type")
	p.drop(w, name, typ, func(o PorkbunRecord) bool { return o.Name == name && o.Type == typ })
}

func (p *Porkbun) drop(w http.ResponseWriter, name, typ string, which func(PorkbunRecord) bool) {
	if p.change(w, name, typ, func() string {
		p.mu.Lock()
		defer p.mu.Unlock()
		n := len(p.state.records)
		p.state.records = slices.DeleteFunc(p.state.records, which)
		if len(p.state.records) == n {
			return "Invalid record ID."
		}
		return ""
	}) {
		porkbunAnswer(w, map[string]any{})
	}
}

// change carries out one write with its hooks; where it was refused it has
// answered with the text and returns false.
func (p *Porkbun) change(w http.ResponseWriter, name, typ string, do func() string) bool {
	p.write.Lock()
	defer p.write.Unlock()
	text := ""
	if !p.around(name, typ, func() bool { text = do(); return text == "" }) {
		porkbunError(w, http.StatusBadRequest, "", text)
		return false
	}
	p.tell(name, typ)
	if after := p.told().After; after != nil {
		after(name, typ)
	}
	return true
}

// refuse is the API's own judgement of a record.
func (p *Porkbun) refuse(rec PorkbunRecord) string {
	ip, err := netip.ParseAddr(rec.Content)
	switch {
	case !slices.Contains([]string{"A", "AAAA", "CNAME", "ALIAS", "TXT", "NS", "MX", "SRV", "TLSA", "CAA", "HTTPS", "SVCB"}, rec.Type):
		return "Create error: Invalid type passed."
	case rec.Content == "":
		return "Create error: The content field is required."
	case rec.Type == "A" && (err != nil || !ip.Is4()), rec.Type == "AAAA" && (err != nil || !ip.Is6()):
		return "Create error: Invalid IP address."
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, other := range p.state.records {
		switch {
		case other.ID == rec.ID || other.Name != rec.Name:
		case rec.Type == "CNAME" || other.Type == "CNAME":
			return "Create error: A CNAME cannot stand beside another record."
		case other.Type == rec.Type && other.Content == rec.Content:
			return "Create error: We were unable to create the DNS record."
		}
	}
	return ""
}

func (p *Porkbun) add(r PorkbunRecord) PorkbunRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.last++
	r.ID, r.Name = strconv.Itoa(106_926_000+p.state.last), plain(r.Name)
	if r.Prio == "" {
		r.Prio = "0"
	}
	p.state.records = append(p.state.records, r)
	return r
}

// record is what a request asks for.
func (in porkbunRequest) record(p *Porkbun) PorkbunRecord {
	ttl := max(porkbunSeconds(unquoted(in.TTL)), porkbunLeastTTL)
	rec := PorkbunRecord{Name: p.whole(in.Name), Type: in.Type, Content: in.Content, TTL: strconv.Itoa(ttl), Prio: unquoted(in.Prio), Notes: in.Notes}
	if rec.Prio == "" {
		rec.Prio = "0"
	}
	return rec
}

func porkbunSeconds(ttl string) int {
	n, _ := strconv.Atoi(ttl) // what is no number is the default
	return n
}

// unquoted is a JSON text or number as text.
func unquoted(raw json.RawMessage) string { return strings.Trim(string(raw), `"`) }

func (p *Porkbun) whole(sub string) string {
	if sub == "" {
		return p.zone
	}
	return plain(sub) + "." + p.zone
}
