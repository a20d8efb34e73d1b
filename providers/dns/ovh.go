package dns

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"belay/providers/rest"
)

// ovhZones is an account at OVHcloud. All its calls are its own, for libdns/ovh
// cannot be made to write safely:
//
//   - it takes no HTTP client, so that no call is bounded in size and
//     Options.Transport would be ignored, and its library reads ~/.ovh.conf and
//     ./ovh.conf: a login that nobody named, or an error over one;
//   - it drops every quotation mark of a TXT value, so that a set with a foreign
//     value that has some is rewritten with that value spoilt;
//   - it compares values alone: a change of the TTL is nothing and no error;
//   - a set that only loses values is deleted from and never published;
//   - a deletion whose value is empty deletes every record of the name.
//
// OVHcloud saves each change at once and serves none of them before the zone is
// refreshed. So a set of changes appears together; and what is read there may not
// be served yet, which is why ovhZones is a publisher.
type ovhZones struct{ api *ovhAPI }

const (
	// ovhLeastTTL is the shortest TTL that the API takes, in seconds.
	ovhLeastTTL = 60
	// ovhDefaultTTL is what a record of TTL 0 is served with, in seconds.
	ovhDefaultTTL = 3600
	// ovhRecords bounds the records read for one name; each is a call.
	ovhRecords = 200
)

func openOVH(c credentials, o Options) (Source, error) {
	api, err := newOVHAPI(c, o)
	if err != nil {
		return nil, err
	}
	return &ovhZones{api: api}, nil
}

func (v *ovhZones) Label() string { return "OVHcloud" }

// Zone asks for each name that could be the zone's, longest first. A consumer key
// that is limited to one zone may not ask for the others; that is no obstacle.
func (v *ovhZones) Zone(ctx context.Context, name string) (Zone, error) {
	var barred error
	for _, n := range suffixes(name) {
		var zone struct {
			Name        string   `json:"name"`
			NameServers []string `json:"nameServers"`
		}
		err := v.api.call(ctx, http.MethodGet, "/domain/zone/"+url.PathEscape(n), nil, &zone)
		switch {
		case rest.Refused(err, http.StatusNotFound):
			continue
		case ovhSaid(err, ovhNotGranted):
			barred = err
			continue
		case err != nil:
			return Zone{}, fmt.Errorf("look for the zone %s: %w", n, err)
		case plainName(zone.Name) != n:
			return Zone{}, unframed("OVHcloud", "name of the zone "+n)
		}
		servers := plainNames(zone.NameServers)
		return Zone{Name: n, Notes: serversNote(servers), NameServers: servers, LeastTTL: ovhLeastTTL}, nil
	}
	if barred != nil {
		return Zone{}, fmt.Errorf("the keys are valid, but the consumer key may read no zone for %s: %w", name, barred)
	}
	return Zone{}, fmt.Errorf("the keys are valid, but their account has no zone for %s: the zone is in another account", name)
}

// Zones asks for the names of all zones, which OVHcloud tells at once. A consumer
// key that is limited to one zone may not ask; then nothing is told.
func (v *ovhZones) Zones(ctx context.Context) ([]string, bool, error) {
	var names []string
	if err := v.api.call(ctx, http.MethodGet, "/domain/zone", nil, &names); err != nil {
		return nil, false, fmt.Errorf("list the zones: %w", err)
	}
	if names == nil {
		return nil, false, unframed("OVHcloud", "list of zones")
	}
	return plainNames(names), false, nil
}

// ovhRecord is one record as the API has it.
type ovhRecord struct {
	ID        int64  `json:"id,omitempty"`
	FieldType string `json:"fieldType,omitempty"`
	SubDomain string `json:"subDomain"`
	Target    string `json:"target"`
	TTL       uint32 `json:"ttl"`
}

// At reads the records of one name: their ids by one call, and each by another,
// for the API has no other way. The API compares names loosely (an underscore
// stands for any character), so each is compared again.
func (v *ovhZones) At(ctx context.Context, z Zone, name string) ([]RRset, error) {
	sub := ovhSub(name, z)
	var ids []int64
	if err := v.api.call(ctx, http.MethodGet, ovhPath(z, "record?subDomain="+url.QueryEscape(sub)), nil, &ids); err != nil {
		return nil, err
	}
	if ids == nil {
		return nil, unframed("OVHcloud", "list of records")
	}
	if len(ids) > ovhRecords {
		return nil, fmt.Errorf("the API tells of %d records at %s; belay reads at most %d", len(ids), name, ovhRecords)
	}
	var sets []RRset
	for _, id := range ids {
		var r ovhRecord
		err := v.api.call(ctx, http.MethodGet, ovhPath(z, fmt.Sprintf("record/%d", id)), nil, &r)
		if rest.Refused(err, http.StatusNotFound) {
			continue // deleted since the ids were read
		}
		if err != nil {
			return nil, err
		}
		if r.FieldType == "" {
			return nil, unframed("OVHcloud", "type of a record")
		}
		if !strings.EqualFold(r.SubDomain, sub) {
			continue
		}
		r.ID = id
		sets = v.keep(sets, name, r)
	}
	return sets, nil
}

// keep adds a record to its set.
func (v *ovhZones) keep(sets []RRset, name string, r ovhRecord) []RRset {
	typ, value, ttl := r.FieldType, r.Target, r.TTL
	switch typ {
	case "SPF", "DKIM", "DMARC": // TXT on the wire, told apart in the panel alone
		typ = "TXT"
	}
	if typ == "TXT" {
		value = unquoteTXT(value, 10)
	}
	if ttl == 0 {
		ttl = ovhDefaultTTL
	}
	sets = gather(sets, name, typ, ttl, value)
	set := &sets[slices.IndexFunc(sets, func(s RRset) bool { return s.Type == typ })]
	own, _ := set.own.([]stored)
	set.own = append(own, stored{id: strconv.FormatInt(r.ID, 10), value: canonical(typ, value), ttl: ttl})
	return sets
}

// Replace changes the records and publishes the zone, also after a change that
// failed: what can be read there shall be what is served.
func (v *ovhZones) Replace(ctx context.Context, z Zone, have, want RRset) error {
	stands, _ := have.own.([]stored)
	err := movesTo(stands, want).carryOut(ctx, v, z, want)
	unpublished := v.Publish(ctx, z)
	switch {
	case err == nil:
		return unpublished
	case unpublished == nil:
		return err
	}
	return fmt.Errorf("%w; %w", err, unpublished)
}

// Publish refreshes the zone, with whatever else has been saved there.
func (v *ovhZones) Publish(ctx context.Context, z Zone) error {
	if err := v.api.call(ctx, http.MethodPost, ovhPath(z, "refresh"), nil, nil); err != nil {
		return fmt.Errorf("%w: %w", errUnpublished, err)
	}
	return nil
}

func (v *ovhZones) create(ctx context.Context, z Zone, want RRset, value string) error {
	return v.api.call(ctx, http.MethodPost, ovhPath(z, "record"), ovhRecord{
		FieldType: want.Type, SubDomain: ovhSub(want.Name, z), Target: ovhTarget(want.Type, value), TTL: want.TTL,
	}, nil)
}

func (v *ovhZones) rewrite(ctx context.Context, z Zone, want RRset, id, value string) error {
	return v.api.call(ctx, http.MethodPut, ovhPath(z, "record/"+id), ovhRecord{
		SubDomain: ovhSub(want.Name, z), Target: ovhTarget(want.Type, value), TTL: want.TTL,
	}, nil)
}

func (v *ovhZones) remove(ctx context.Context, z Zone, id string) error {
	return v.api.call(ctx, http.MethodDelete, ovhPath(z, "record/"+id), nil, nil)
}

// Prove compares the consumer key's rules, where OVHcloud tells them, with the
// calls that a change needs.
func (v *ovhZones) Prove(ctx context.Context, z Zone, _ string) ([]string, error) {
	var credential struct {
		Rules []struct{ Method, Path string } `json:"rules"`
	}
	if err := v.api.call(ctx, http.MethodGet, "/auth/currentCredential", nil, &credential); err != nil || len(credential.Rules) == 0 {
		return []string{"The keys read the zone's records; the right to change them is only proved by the first write."}, nil
	}
	var missing []string
	for _, need := range [][2]string{
		{http.MethodPost, ovhPath(z, "record")}, {http.MethodPut, ovhPath(z, "record/1")},
		{http.MethodDelete, ovhPath(z, "record/1")}, {http.MethodPost, ovhPath(z, "refresh")},
	} {
		granted := false
		for _, rule := range credential.Rules {
			granted = granted || strings.EqualFold(rule.Method, need[0]) && ovhCovers(rule.Path, need[1])
		}
		if !granted {
			missing = append(missing, need[0]+" "+strings.TrimSuffix(need[1], "1"))
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("the consumer key may read the zone %s, but lacks %s; make one with these rights", z.Name, strings.Join(missing, ", "))
	}
	return []string{"The consumer key may change records of it and publish them."}, nil
}

// ovhCovers reports whether a rule's path, in which "*" stands for anything,
// covers path.
func ovhCovers(rule, path string) bool {
	parts := strings.Split(rule, "*")
	rest, ok := strings.CutPrefix(path, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

func ovhPath(z Zone, rest string) string {
	return "/domain/zone/" + url.PathEscape(z.Name) + "/" + rest
}

// ovhSub is a name within its zone as the API has it: the apex is empty.
func ovhSub(name string, z Zone) string {
	if name == z.Name {
		return ""
	}
	return relative(name, z.Name)
}

// ovhTarget is a value as the API takes it: TXT as one quoted string, however
// long, which OVHcloud cuts itself; host names with their final dot, or the zone's
// name would be appended.
func ovhTarget(typ, value string) string {
	if typ == "TXT" {
		return `"` + escapeTXT(value) + `"`
	}
	return presented(typ, value)
}

var (
	_ publisher = (*ovhZones)(nil)
	_ recorder  = (*ovhZones)(nil)
)
