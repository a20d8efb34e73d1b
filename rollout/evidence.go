package rollout

import (
	"net/netip"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Evidence is the stored result of one look at a domain, with the time it was
// made; it ages. Every fact in it was seen, none was inferred from notes.
type Evidence struct {
	Domain string `json:"domain"`
	// At is when the look began, by the clock.
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took_ns"`
	// Cut says why the look ended before it had asked everything; empty for a
	// whole one.
	Cut string `json:"cut,omitempty"`

	Zone Zone `json:"zone"`
	// Names are the questions asked of every address of every authoritative
	// server: MX, _mta-sts TXT, _smtp._tls TXT, mta-sts A, AAAA and CNAME.
	Names  []NameSeen `json:"names"`
	Record RecordSeen `json:"record"`
	TLSRPT TLSRPTSeen `json:"tlsrpt"`
	Policy PolicySeen `json:"policy"`
	MX     []MXHost   `json:"mx"`

	// Held is what stands at the places belay may write, read through the
	// providers. The engine fills it in before it asks for a plan.
	Held []Held `json:"held,omitempty"`
	// Read is when Held was read: before At where it was kept from an earlier look.
	Read time.Time `json:"read,omitzero"`
	// Targets are what answers where the settings delegate names to, those that lead
	// there already left out. The engine fills them in, as it does Held.
	Targets []TargetSeen `json:"targets,omitempty"`
	// Sightings are those of one edit, where See made the evidence.
	Sightings []Sighting `json:"sightings,omitempty"`

	Findings []finding.Finding `json:"findings"`
}

// Zone is where a domain's records stand.
type Zone struct {
	// Apex is the zone's name; empty where none was found.
	Apex string `json:"apex"`
	// Exists is false where the domain does not exist (NXDOMAIN).
	Exists  bool         `json:"exists"`
	Servers []NameServer `json:"servers"`
	// NegativeTTL is how long, in seconds, resolvers remember that a name does
	// not exist: the lesser of the SOA record's TTL and its minimum (RFC 2308).
	NegativeTTL uint32 `json:"negative_ttl"`
	// Signed is true where the parent has a DS record.
	Signed bool `json:"signed"`
	// Wildcard is what the zone answers for a name below the domain that nobody
	// made, by type; empty where it has no wildcard, or none was asked for.
	Wildcard map[string]Value `json:"wildcard,omitempty"`
}

// NameServer is one authoritative server of a zone.
type NameServer struct {
	Name      string              `json:"name"`
	Addresses []NameServerAddress `json:"addresses"`
}

// NameServerAddress is one address of a name server and how it fared.
type NameServerAddress struct {
	IP       netip.Addr `json:"ip"`
	Answered bool       `json:"answered"`
	NoRoute  bool       `json:"no_route,omitempty"`
	Serial   uint32     `json:"serial,omitempty"`
	Err      string     `json:"err,omitempty"`
}

// NameSeen is what every server answered to one question.
type NameSeen struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Sightings are the authoritative answers, one an address asked.
	Sightings []Sighting `json:"sightings"`
	// Recursive are the resolvers' answers.
	Recursive []Sighting `json:"recursive,omitempty"`
	// Alias is where a CNAME at the name leads, where the type asked is not CNAME.
	Alias string `json:"alias,omitempty"`
}

// Sighting is what one server said of one place.
type Sighting struct {
	// Where is the server's name: a name server, a resolver's address, a policy
	// host.
	Where string     `json:"where"`
	IP    netip.Addr `json:"ip"`
	Value Value      `json:"value"`
	// Wildcard is what the server answers at a name where nothing stands, and Value
	// therefore leaves out, where one edit was looked for.
	Wildcard Value `json:"wildcard,omitzero"`
	// TTL of the answer in seconds; for a negative one the negative TTL.
	TTL uint32 `json:"ttl,omitempty"`
	// Serial of the zone at that server, where one edit was looked for; else zero.
	Serial   uint32        `json:"serial,omitempty"`
	Answered bool          `json:"answered"`
	NoRoute  bool          `json:"no_route,omitempty"`
	Err      string        `json:"err,omitempty"`
	Took     time.Duration `json:"took_ns,omitempty"`
}

// RecordSeen is the _mta-sts TXT record as a sender reads it.
type RecordSeen struct {
	Raw   string `json:"raw"`
	Valid bool   `json:"valid"`
	ID    string `json:"id"`
	TTL   uint32 `json:"ttl"`
}

// TLSRPTSeen is the _smtp._tls TXT record as a sender reads it.
type TLSRPTSeen struct {
	Raw   string   `json:"raw"`
	Valid bool     `json:"valid"`
	RUA   []string `json:"rua"`
	TTL   uint32   `json:"ttl"`
}

// PolicySeen is the policy as a sender fetches it.
type PolicySeen struct {
	URL string `json:"url"`
	// Body is the body that every address which answered served, when they
	// agree; Agree is false where they do not.
	Body  string `json:"raw"`
	Agree bool   `json:"agree"`
	// Valid is true where the body was fetched as RFC 8461 asks and is accepted
	// by the strictest sender.
	Valid     bool            `json:"valid"`
	Policy    mtasts.Policy   `json:"policy"`
	Addresses []PolicyAddress `json:"addresses"`
}

// PolicyAddress is one address of the policy host and what it served.
type PolicyAddress struct {
	IP          netip.Addr   `json:"ip"`
	Answered    bool         `json:"answered"` // HTTP was spoken over a verified connection
	NoRoute     bool         `json:"no_route,omitempty"`
	Status      int          `json:"status,omitempty"`
	ContentType string       `json:"content_type,omitempty"`
	Body        string       `json:"body,omitempty"`
	TLSVersion  string       `json:"tls_version,omitempty"`
	Certificate *Certificate `json:"certificate,omitempty"`
	// Age and CacheFor are those of a shared cache that stands before the host:
	// CacheFor is s-maxage, else max-age, else 24 h; both zero without an Age.
	Age      time.Duration `json:"age_ns,omitempty"`
	CacheFor time.Duration `json:"cache_for_ns,omitempty"`
	// Server is what the software that answered calls itself in its Server header;
	// clean.
	Server string `json:"server,omitempty"`
	// Date is the host's own clock, from its Date header.
	Date time.Time     `json:"date,omitzero"`
	Took time.Duration `json:"took_ns,omitempty"`
	Err  string        `json:"err,omitempty"`
}

// MXHost is one host of the MX set.
type MXHost struct {
	Host       string `json:"host"`
	Preference uint16 `json:"preference"`
	// Implicit marks the domain itself, used where there is no MX record.
	Implicit bool `json:"implicit,omitempty"`
	// PolicyMatch is the pattern of the live policy that covers the host.
	PolicyMatch string      `json:"policy_match"`
	Addresses   []MXAddress `json:"addresses"`
	// TLSA are the host's TLSA records on port 25, as presentation text.
	TLSA []string `json:"tlsa,omitempty"`
}

// MXAddress is one address of an MX host, as the strictest sender meets it.
type MXAddress struct {
	IP         netip.Addr `json:"ip"`
	Reachable  bool       `json:"reachable"`
	NoRoute    bool       `json:"no_route,omitempty"`
	STARTTLS   bool       `json:"starttls"`
	TLSVersion string     `json:"tls_version"`
	// Verdict is the worst severity at this address, or finding.Unknown.
	Verdict      finding.Severity `json:"verdict"`
	Certificates []Certificate    `json:"certificates,omitempty"` // leaf first
	Took         time.Duration    `json:"took_ns,omitempty"`
	Err          string           `json:"err,omitempty"`
}

// Certificate is what matters of one certificate.
type Certificate struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Names       []string  `json:"names"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Fingerprint string    `json:"fingerprint"` // SHA-256, hexadecimal
}

// Held is what one place belay may write holds, read through its provider.
type Held struct {
	Account string `json:"account"`
	Zone    string `json:"zone,omitempty"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Value   Value  `json:"value"`
	TTL     uint32 `json:"ttl,omitempty"`
	// LeastTTL is the shortest TTL that the provider takes here, in seconds; zero
	// where there is no floor.
	LeastTTL uint32 `json:"least_ttl,omitempty"`
	// Note says, without a full stop, what is to be known of how it was read: from
	// the name servers, where the provider's own answer could not be.
	Note string `json:"note,omitempty"`
	Err  string `json:"err,omitempty"`
}

// Name returns what was seen of one question.
func (e Evidence) Name(name, typ string) (NameSeen, bool) {
	for _, n := range e.Names {
		if n.Name == name && n.Type == typ {
			return n, true
		}
	}
	return NameSeen{}, false
}

// HeldAt returns what a place holds; ok is false where it was not read.
func (e Evidence) HeldAt(name, typ string) (Held, bool) {
	for _, h := range e.Held {
		if h.Name == name && h.Type == typ && h.Err == "" {
			return h, true
		}
	}
	return Held{}, false
}

// readNow reports whether Held belongs to this look, and was not kept from an
// earlier one.
func (e Evidence) readNow() bool { return !e.Read.Before(e.At) }

// MXNames are the names of the MX set in preference order.
func (e Evidence) MXNames() []string {
	var out []string
	for _, m := range e.MX {
		out = append(out, m.Host)
	}
	return out
}

// Fails are the findings with severity fail.
func (e Evidence) Fails() []finding.Finding {
	var out []finding.Finding
	for _, f := range e.Findings {
		if f.Severity == finding.Fail {
			out = append(out, f)
		}
	}
	return out
}

// Unknowns are the findings of what could not be seen from here.
func (e Evidence) Unknowns() []finding.Finding {
	var out []finding.Finding
	for _, f := range e.Findings {
		if f.Unknown {
			out = append(out, f)
		}
	}
	return out
}

// Verdict is the worst severity of the findings, or finding.Unknown where
// nothing fails and something could not be seen.
func (e Evidence) Verdict() finding.Severity {
	worst := finding.Worst(e.Findings)
	if worst != finding.Fail && (len(e.Unknowns()) > 0 || e.Cut != "") {
		return finding.Unknown
	}
	return worst
}

// Agreed is the value that every sighting which answered shares. It is false
// where none answered or two differ.
func Agreed(sightings []Sighting) (Value, bool) {
	var first *Value
	for i, s := range sightings {
		if !s.Answered {
			continue
		}
		if first == nil {
			first = &sightings[i].Value
		} else if !first.Equal(s.Value) {
			return Value{}, false
		}
	}
	if first == nil {
		return Value{}, false
	}
	return *first, true
}
