package rollout

import (
	"net/netip"
	"slices"
	"time"
)

// Settings are an operator's decisions about one rollout. They are journaled
// whole whenever they change.
type Settings struct {
	// DNS is the account through which records are changed.
	DNS Account `json:"dns"`
	// Host is where the policy is served.
	Host HostAccount `json:"host"`
	// HostAddresses and HostCNAME say where mta-sts.DOMAIN points; at most one
	// of them is set. With neither, what stands there is left.
	HostAddresses []netip.Addr `json:"host_addresses,omitempty"`
	HostCNAME     string       `json:"host_cname,omitempty"`
	// Delegate is the vendor that keeps the names, where one does.
	Delegate Delegation `json:"delegate,omitzero"`
	// TTL is what records are written with, in seconds; zero keeps an existing TTL
	// and gives new records a short one.
	TTL uint32 `json:"ttl,omitempty"`
	// RUA are the report URIs to be in the TLSRPT record.
	RUA []string `json:"rua,omitempty"`
	// MX are the policy's patterns; none means the MX names found.
	MX []string `json:"mx,omitempty"`

	Soak         Soak `json:"soak"`
	MinReporters int  `json:"min_reporters"`
	// Stray is the most strays of one reporter in a period that do not block;
	// 0 turns the tolerance off.
	Stray int `json:"stray"`
	// MaxAge is the target in seconds, at most 31557600.
	MaxAge uint32 `json:"max_age"`
	// HeldBefore is the longest max_age, in seconds, that senders may hold from
	// before belay; nil means nobody said, so 31557600 is assumed.
	HeldBefore *uint32 `json:"held_before,omitempty"`
	// Inboxes are where reports come from: folders, files, or the URLs of mailboxes,
	// which hold no password.
	Inboxes []string `json:"inboxes,omitempty"`
	// AuthservID are the names (RFC 8601 section 2.5) under which the operator's own MX
	// writes Authentication-Results fields that are believed where a DKIM key is gone.
	// Whoever sets one answers for it that the MX lets no such field in from outside.
	AuthservID []string `json:"authserv_id,omitempty"`
	// Senders are the known senders' organisational domains; none means the
	// list that belay ships.
	Senders []string `json:"senders,omitempty"`
	// Challenge is ChallengeDNS where certificates are to be had by DNS-01; empty is
	// any other way.
	Challenge string `json:"challenge,omitempty"`
}

// Account names a login at a DNS provider.
type Account struct {
	// Provider is the catalogue's id: "cloudflare", "route53", "rfc2136",
	// "manual".
	Provider string `json:"provider"`
	// Name tells several accounts at one provider apart; empty is the usual one.
	Name string `json:"name,omitempty"`
}

// String is "cloudflare" or "cloudflare/work".
func (a Account) String() string {
	if a.Name == "" {
		return a.Provider
	}
	return a.Provider + "/" + a.Name
}

// HostAccount names a place where a policy body is served.
type HostAccount struct {
	// Kind is a policy host of the catalogue: "webroot", "manual" and so on.
	Kind string `json:"kind"`
	// Place is the web root's directory, or what else the kind needs; empty for
	// manual.
	Place string `json:"place,omitempty"`
}

// String is "webroot:/srv/www" or "manual".
func (h HostAccount) String() string {
	if h.Place == "" {
		return h.Kind
	}
	return h.Kind + ":" + h.Place
}

// Soak is how long each stage must be clean before the gate opens.
type Soak struct {
	Testing time.Duration `json:"testing"` // gate 4 with enough reporters
	Silent  time.Duration `json:"silent"`  // gate 4 with too few
	Enforce time.Duration `json:"enforce"` // gate 5
	// MaxAge is the time before each rung, by the rung's max_age in seconds;
	// key 0 stands for every rung not named.
	MaxAge map[uint32]time.Duration `json:"max_age,omitempty"`
}

// The ladder of max_age, in seconds.
const (
	Day           = 24 * time.Hour
	TestingMaxAge = 86400    // testing and the first days of enforce
	WeekMaxAge    = 604800   // the first rung
	MonthMaxAge   = 2592000  // the second rung and the default target
	LongestMaxAge = 31557600 // RFC 8461 section 3.2
)

// The bounds of Settings.TTL, in seconds: what a name server can bear, and what a
// rollout can wait for.
const (
	LeastTTL = 30
	MostTTL  = 86400
)

// DefaultSettings are the settings where an operator says nothing.
func DefaultSettings() Settings {
	return Settings{
		Soak:         Soak{Testing: 14 * Day, Silent: 28 * Day, Enforce: 7 * Day},
		MinReporters: 2,
		Stray:        5,
		MaxAge:       MonthMaxAge,
	}
}

// BeforeRung is the clean time that must pass before rung is published: what
// was set for it, else for every rung, else 7 days for the first rung and 14 for
// the others.
func (s Soak) BeforeRung(rung uint32) time.Duration {
	if d, ok := s.MaxAge[rung]; ok {
		return d
	}
	if d, ok := s.MaxAge[0]; ok {
		return d
	}
	if rung <= WeekMaxAge {
		return 7 * Day
	}
	return 14 * Day
}

// Rungs is the way from 86400 to the target: each step once, ending at the
// target. Rungs above the target are dropped.
func (s Settings) Rungs() []uint32 {
	var out []uint32
	for _, rung := range []uint32{WeekMaxAge, MonthMaxAge} {
		if rung < s.MaxAge {
			out = append(out, rung)
		}
	}
	if s.MaxAge > TestingMaxAge {
		out = append(out, s.MaxAge)
	}
	return out
}

// NextRung is the first rung above live; ok is false at or above the target.
func (s Settings) NextRung(live uint32) (rung uint32, ok bool) {
	for _, rung := range s.Rungs() {
		if rung > live {
			return rung, true
		}
	}
	return 0, false
}

// Knows reports whether the organisational domain org is on the list of known
// senders.
func (s Settings) Knows(org string) bool {
	if len(s.Senders) > 0 {
		return slices.Contains(s.Senders, org)
	}
	return slices.Contains(shippedSenders, org)
}

// shippedSenders are the organisations known to write TLS reports, by the
// organisational domain that signs them. Those that give mailboxes of their own domain
// to everybody, such as yahoo.com and mail.ru, are not among them: whoever has one is
// signed for by that domain, and two such would be two known reporters. The operator
// who sees such a report judges it, and trusts the signer.
var shippedSenders = []string{
	"google.com", "microsoft.com", "yahooinc.com", "vk.company", "amazonses.com",
	"mimecast.org", "mimecast.com", "messagingengine.com", "cisco.com",
}

// KnownSenders is the list of known senders that belay ships.
func KnownSenders() []string { return slices.Clone(shippedSenders) }
