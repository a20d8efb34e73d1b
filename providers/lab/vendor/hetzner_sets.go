package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// hetznerNo is why a change is not made.
type hetznerNo struct {
	status               int
	code, message        string
	field, aboutTheField string
}

func hetznerInvalid(field, about string) *hetznerNo {
	return &hetznerNo{http.StatusUnprocessableEntity, "invalid_input", "invalid input in field '" + field + "'", field, about}
}

// hetznerBody is what any change may send.
type hetznerBody struct {
	Name, Type string
	TTL        *int
	Records    []HetznerRecord
}

// change carries out one write: become returns the set as it shall be.
func (h *Hetzner) change(w http.ResponseWriter, r *http.Request, become func(in hetznerBody, old HetznerSet, exists bool) (HetznerSet, *hetznerNo)) {
	var in hetznerBody
	if r.Method != http.MethodDelete {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			hetznerError(w, http.StatusBadRequest, "json_error", "the request body contains invalid JSON", "", "")
			return
		}
	}
	if name := r.PathValue("name"); name != "" {
		in.Name, in.Type = name, r.PathValue("type")
	}
	h.write.Lock()
	defer h.write.Unlock()
	var no *hetznerNo
	var now HetznerSet
	var action map[string]any
	h.around(h.whole(in.Name), in.Type, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		old := HetznerSet{Name: in.Name, Type: in.Type}
		i := h.find(in.Name, in.Type)
		if i >= 0 {
			old = h.state.sets[i]
		}
		switch {
		case h.state.mode != "primary":
			no = &hetznerNo{http.StatusUnprocessableEntity, "incorrect_zone_mode", "this operation is not supported for this zone's mode", "", ""}
		case old.Protected:
			no = &hetznerNo{http.StatusLocked, "protected", "rrset is protected", "", ""}
		default:
			now, no = become(in, old, i >= 0)
		}
		if no == nil {
			no = h.refuse(now)
		}
		if no != nil {
			return false
		}
		h.keep(now)
		action = h.begin()
		return true
	})
	if no != nil {
		hetznerError(w, no.status, no.code, no.message, no.field, no.aboutTheField)
		return
	}
	h.tell(now)
	if after := h.told().After; after != nil {
		after(h.whole(in.Name), in.Type)
	}
	answer := map[string]any{"action": action}
	if r.PathValue("name") == "" {
		answer["rrset"] = now.json()
	}
	hetznerAnswer(w, http.StatusCreated, answer)
}

func (h *Hetzner) createSet(w http.ResponseWriter, r *http.Request) {
	h.change(w, r, func(in hetznerBody, old HetznerSet, exists bool) (HetznerSet, *hetznerNo) {
		if exists {
			return old, &hetznerNo{http.StatusConflict, "uniqueness_error", "rrset already exists", "", ""}
		}
		old.Records = in.Records
		if in.TTL != nil {
			old.TTL = *in.TTL
		}
		return old, nil
	})
}

// hetznerMissing refuses a set that is not there.
func hetznerMissing(in hetznerBody) *hetznerNo {
	return &hetznerNo{http.StatusNotFound, "not_found", fmt.Sprintf("rrset %s/%s not found", in.Name, in.Type), "", ""}
}

func (h *Hetzner) deleteSet(w http.ResponseWriter, r *http.Request) {
	h.change(w, r, func(in hetznerBody, old HetznerSet, exists bool) (HetznerSet, *hetznerNo) {
		if !exists {
			return old, hetznerMissing(in)
		}
		old.Records = nil
		return old, nil
	})
}

func (h *Hetzner) setRecords(w http.ResponseWriter, r *http.Request) {
	h.change(w, r, func(in hetznerBody, old HetznerSet, exists bool) (HetznerSet, *hetznerNo) {
		switch {
		case !exists:
			return old, hetznerMissing(in)
		case len(in.Records) == 0:
			return old, hetznerInvalid("records", "must not be empty")
		}
		old.Records = in.Records
		return old, nil
	})
}

func (h *Hetzner) changeTTL(w http.ResponseWriter, r *http.Request) {
	h.change(w, r, func(in hetznerBody, old HetznerSet, exists bool) (HetznerSet, *hetznerNo) {
		if !exists {
			return old, hetznerMissing(in)
		}
		old.TTL = 0
		if in.TTL != nil {
			old.TTL = *in.TTL
		}
		return old, nil
	})
}

func (h *Hetzner) removeRecords(w http.ResponseWriter, r *http.Request) {
	h.change(w, r, func(in hetznerBody, old HetznerSet, exists bool) (HetznerSet, *hetznerNo) {
		if !exists {
			return old, hetznerMissing(in)
		}
		old.Records = slices.DeleteFunc(slices.Clone(old.Records), func(r HetznerRecord) bool {
			return slices.ContainsFunc(in.Records, func(gone HetznerRecord) bool { return gone.Value == r.Value })
		})
		return old, nil
	})
}

// refuse is the API's own judgement of a set. It is called with the lock held.
func (h *Hetzner) refuse(s HetznerSet) *hetznerNo {
	if s.Name != strings.ToLower(s.Name) || strings.HasSuffix(s.Name, ".") {
		return hetznerInvalid("name", "must be in lower case, and must not end with a dot or the zone's name")
	}
	if s.TTL != 0 && s.TTL < 60 {
		return hetznerInvalid("ttl", "must be at least 60")
	}
	seen := map[string]bool{}
	for _, r := range s.Records {
		if seen[r.Value] {
			return hetznerInvalid("records", "must be unique")
		}
		seen[r.Value] = true
		if about := hetznerBadValue(s.Type, r.Value); about != "" {
			return hetznerInvalid("records", about)
		}
	}
	for _, other := range h.state.sets {
		if len(s.Records) > 0 && other.Name == s.Name && (other.Type == "CNAME") != (s.Type == "CNAME") {
			return hetznerInvalid("type", fmt.Sprintf("an rrset of type %s exists at %s, and a CNAME must stand alone", other.Type, s.Name))
		}
	}
	if s.Type == "CNAME" && len(s.Records) > 1 {
		return hetznerInvalid("records", "a CNAME has one record")
	}
	return nil
}

func hetznerBadValue(typ, v string) string {
	ip, err := netip.ParseAddr(v)
	switch {
	case typ == "A" && (err != nil || !ip.Is4()), typ == "AAAA" && (err != nil || !ip.Is6()):
		return "invalid value for " + typ + ": " + v
	case typ == "TXT" && !wellQuoted(v):
		return "must consist of one or many quoted strings of 255 characters"
	}
	return ""
}

// begin makes an action. It is called with the lock held.
func (h *Hetzner) begin() map[string]any {
	id := int64(len(h.state.actions) + 1)
	h.state.actions[id] = h.state.running
	return h.action(id)
}

// action is an action as it stands. It is called with the lock held.
func (h *Hetzner) action(id int64) map[string]any {
	a := map[string]any{"id": id, "status": "success", "command": "change_rrset", "progress": 100, "started": "2026-01-01T00:00:00Z", "error": nil, "resources": []any{}}
	switch {
	case h.state.actions[id] > 0:
		a["status"], a["progress"] = "running", 50
	case h.state.failing != "":
		a["status"], a["error"] = "error", map[string]string{"code": h.state.failing, "message": "Action failed"}
	}
	return a
}

// ask is action, and counts that it was asked for; nil where there is none. It is
// called with the lock held.
func (h *Hetzner) ask(id string) map[string]any {
	n, err := strconv.ParseInt(id, 10, 64)
	left, ok := h.state.actions[n]
	if err != nil || !ok {
		return nil
	}
	h.state.actions[n] = max(left-1, 0)
	return h.action(n)
}

func (h *Hetzner) oneAction(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	a := h.ask(r.PathValue("id"))
	h.mu.Unlock()
	if a == nil {
		hetznerError(w, http.StatusNotFound, "not_found", "action not found", "", "")
		return
	}
	hetznerAnswer(w, http.StatusOK, map[string]any{"action": a})
}

func (h *Hetzner) listActions(w http.ResponseWriter, r *http.Request) {
	found := []any{}
	h.mu.Lock()
	for _, id := range r.URL.Query()["id"] {
		if a := h.ask(id); a != nil {
			found = append(found, a)
		}
	}
	h.mu.Unlock()
	hetznerAnswer(w, http.StatusOK, map[string]any{"actions": found, "meta": hetznerPage(1, 25, len(found))})
}
