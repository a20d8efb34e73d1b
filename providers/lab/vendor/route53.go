package vendor

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Route53 is the part of Amazon Route 53's REST API that concerns hosted zones
// and their record sets, for one account.
type Route53 struct {
	server
	// AccessKeyID is the one that is accepted: set it before the first call.
	AccessKeyID string
	// zones and denied are guarded by server.mu.
	zones  []*hostedZone
	denied map[string]bool
}

type hostedZone struct {
	id      string
	name    string
	private bool
	sets    []Route53Set
}

// Route53Set is one resource record set. Values stand as the API has them: TXT
// quoted, with octal escapes.
type Route53Set struct {
	Name, Type string
	TTL        int64
	Values     []string
	// Alias is the target's name where the set is an alias; it has no values.
	Alias string
	// ID tells the sets of a routing policy apart; empty for a plain set.
	ID string
}

// NewRoute53 starts a server whose account has one public hosted zone, of this
// name, with these sets. Close ends it.
func NewRoute53(zone string, sets ...Route53Set) *Route53 {
	r := &Route53{AccessKeyID: "AKIDLABLABLABLABLAB", denied: map[string]bool{}}
	r.AddZone("Z0PUBLIC0000000000001", zone, false, sets...)
	api := http.NewServeMux()
	api.HandleFunc("GET /2013-04-01/hostedzonesbyname", r.zonesByName)
	api.HandleFunc("GET /2013-04-01/hostedzone/{zone}/rrset", r.listSets)
	api.HandleFunc("POST /2013-04-01/hostedzone/{zone}/rrset", r.changeSets)
	api.HandleFunc("POST /2013-04-01/hostedzone/{zone}/rrset/", r.changeSets)
	r.start(r.authenticated(api))
	return r
}

// URL is what stands for https://route53.amazonaws.com; clients are given it as
// AWS_ENDPOINT_URL_ROUTE_53.
func (r *Route53) URL() string { return r.http.URL }

// AddZone adds a hosted zone to the account.
func (r *Route53) AddZone(id, zone string, private bool, sets ...Route53Set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	z := &hostedZone{id: id, name: plain(zone), private: private}
	for _, s := range sets {
		s.Name = plain(s.Name)
		z.sets = append(z.sets, s)
	}
	r.zones = append(r.zones, z)
}

// Deny takes a right from the credentials: "route53:ChangeResourceRecordSets".
func (r *Route53) Deny(action string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied[action] = true
}

// Set returns the set of this name and type in the first zone.
func (r *Route53) Set(name, typ string) (Route53Set, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return find(r.zones[0].sets, name, typ)
}

// Put replaces a set in the first zone behind the API's back; no values and no
// alias removes it.
func (r *Route53) Put(s Route53Set) {
	r.mu.Lock()
	s.Name = plain(s.Name)
	z := r.zones[0]
	z.sets = without(z.sets, s.Name, s.Type)
	if len(s.Values) > 0 || s.Alias != "" {
		z.sets = append(z.sets, s)
	}
	r.mu.Unlock()
	r.tell(s)
}

// tell hands the set to OnChange. What an alias would answer is nothing here.
func (r *Route53) tell(s Route53Set) {
	on := r.told().OnChange
	if on == nil {
		return
	}
	var values []string
	for _, v := range s.Values {
		switch s.Type {
		case "TXT":
			v = plainTXT(v, 8)
		case "CNAME":
			v = plain(v)
		}
		values = append(values, v)
	}
	on(s.Name, s.Type, uint32(s.TTL), values)
}

func find(sets []Route53Set, name, typ string) (Route53Set, bool) {
	for _, s := range sets {
		if s.Name == plain(name) && s.Type == typ {
			return s, true
		}
	}
	return Route53Set{}, false
}

func without(sets []Route53Set, name, typ string) []Route53Set {
	return slices.DeleteFunc(slices.Clone(sets), func(s Route53Set) bool { return s.Name == name && s.Type == typ })
}

// authenticated refuses an unknown access key; signatures are not computed here.
func (r *Route53) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.Contains(req.Header.Get("Authorization"), "Credential="+r.AccessKeyID+"/") {
			awsError(w, http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
			return
		}
		api.ServeHTTP(w, req)
	})
}

func (r *Route53) refused(w http.ResponseWriter, action, resource string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.denied[action] {
		return false
	}
	awsError(w, http.StatusForbidden, "AccessDenied", fmt.Sprintf(
		"User: arn:aws:iam::123456789012:user/belay is not authorized to perform: %s on resource: arn:aws:route53:::%s because no identity-based policy allows the %s action",
		action, resource, action))
	return true
}

// order is how Route 53 sorts names: by labels from the right.
func order(name string) string {
	labels := strings.Split(plain(name), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}

func (r *Route53) zonesByName(w http.ResponseWriter, req *http.Request) {
	if r.refused(w, "route53:ListHostedZonesByName", "hostedzone/*") {
		return
	}
	q := req.URL.Query()
	most := clamp(q.Get("maxitems"), 100, 100)
	out := zonesByNameXML{MaxItems: most, DNSName: q.Get("dnsname")}
	r.mu.Lock()
	zones := slices.Clone(r.zones)
	r.mu.Unlock()
	slices.SortStableFunc(zones, func(a, b *hostedZone) int { return cmp.Compare(order(a.name), order(b.name)) })
	for _, z := range zones {
		if order(z.name) < order(q.Get("dnsname")) {
			continue
		}
		if len(out.Zones) == most {
			out.IsTruncated = true
			break
		}
		out.Zones = append(out.Zones, zoneXML{ID: "/hostedzone/" + z.id, Name: z.name + ".", Private: z.private, CallerReference: z.id})
	}
	awsAnswer(w, out)
}

func (r *Route53) zone(w http.ResponseWriter, req *http.Request) *hostedZone {
	id := req.PathValue("zone")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, z := range r.zones {
		if z.id == id {
			return z
		}
	}
	awsError(w, http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: "+id)
	return nil
}

func (r *Route53) listSets(w http.ResponseWriter, req *http.Request) {
	z := r.zone(w, req)
	if z == nil || r.refused(w, "route53:ListResourceRecordSets", "hostedzone/"+z.id) {
		return
	}
	r.mu.Lock()
	sets := slices.Clone(z.sets)
	r.mu.Unlock()
	// The order of a name is costly, and a zone may be large.
	orders := make(map[string]string, len(sets))
	for _, s := range sets {
		orders[s.Name] = order(s.Name)
	}
	slices.SortFunc(sets, func(a, b Route53Set) int {
		return cmp.Or(cmp.Compare(orders[a.Name], orders[b.Name]), cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID))
	})
	q := req.URL.Query()
	most := clamp(q.Get("maxitems"), 300, 300)
	out := setsXML{MaxItems: most}
	if name := order(q.Get("name")); q.Get("name") != "" {
		from := slices.IndexFunc(sets, func(s Route53Set) bool {
			return cmp.Or(cmp.Compare(orders[s.Name], name), cmp.Compare(s.Type, q.Get("type")), cmp.Compare(s.ID, q.Get("identifier"))) >= 0
		})
		if from < 0 {
			from = len(sets)
		}
		sets = sets[from:]
	}
	for _, s := range sets {
		if len(out.Sets) == most {
			out.IsTruncated, out.NextName, out.NextType, out.NextID = true, s.Name+".", s.Type, s.ID
			break
		}
		out.Sets = append(out.Sets, setToXML(s))
	}
	awsAnswer(w, out)
}

// changeSets carries out a batch, whole or not at all.
func (r *Route53) changeSets(w http.ResponseWriter, req *http.Request) {
	z := r.zone(w, req)
	if z == nil || r.refused(w, "route53:ChangeResourceRecordSets", "hostedzone/"+z.id) {
		return
	}
	var in changeXML
	if err := xml.NewDecoder(req.Body).Decode(&in); err != nil || len(in.Changes) == 0 {
		awsError(w, http.StatusBadRequest, "InvalidInput", "Invalid XML ; the change batch could not be read")
		return
	}
	r.write.Lock()
	defer r.write.Unlock()
	first := in.Changes[0].Set.set()
	var said []string
	ok := r.around(first.Name, first.Type, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		sets := slices.Clone(z.sets)
		for _, c := range in.Changes {
			var why string
			if sets, why = applyChange(z.name, sets, c); why != "" {
				said = append(said, why)
			}
		}
		if said == nil {
			z.sets = sets
		}
		return said == nil
	})
	if !ok {
		awsBatchError(w, said)
		return
	}
	for _, c := range in.Changes {
		s := c.Set.set()
		now, _ := r.held(z, s.Name, s.Type)
		r.tell(now)
	}
	if after := r.told().After; after != nil {
		after(first.Name, first.Type)
	}
	awsAnswer(w, changedXML{ID: "/change/C1", Status: "PENDING", SubmittedAt: "2026-01-01T00:00:00Z"})
}

// held is the set as it stands, or an empty one with its name and type.
func (r *Route53) held(z *hostedZone, name, typ string) (Route53Set, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := find(z.sets, name, typ)
	s.Name, s.Type = name, typ
	return s, ok
}
