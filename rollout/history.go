package rollout

import (
	"net/netip"
	"time"
)

// History is what looks have shown over time, condensed: how long each finding
// stood, which MX sets there were, which certificates were met. It grows with
// what happens, not with how often belay looks.
type History struct {
	First time.Time `json:"first,omitzero"` // the first look
	Last  time.Time `json:"last,omitzero"`  // the newest look
	Runs  []Run     `json:"runs,omitempty"`
	MX    []MXSet   `json:"mx,omitempty"`
	// Leaves are the certificates met, one entry an address and certificate.
	Leaves []Leaf `json:"leaves,omitempty"`
	// Days are the UTC days on which a whole look was made.
	Days []time.Time `json:"days,omitempty"`
}

// Run is one finding standing without a break: seen first at From, last at
// Until. Gone is when a later look no longer had it; zero while it stands.
type Run struct {
	Code    string    `json:"code"`
	Subject string    `json:"subject"`
	Unknown bool      `json:"unknown,omitempty"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Gone    time.Time `json:"gone,omitzero"`
}

// Confirmed reports whether a second look, at least five minutes later, agreed.
func (r Run) Confirmed() bool { return r.Until.Sub(r.From) >= 5*time.Minute }

// MXSet is one MX set and when it was seen.
type MXSet struct {
	Hosts []string  `json:"hosts"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Leaf is one certificate met at one address.
type Leaf struct {
	Host        string     `json:"host"`
	IP          netip.Addr `json:"ip"`
	Fingerprint string     `json:"fingerprint"`
	NotBefore   time.Time  `json:"not_before"`
	NotAfter    time.Time  `json:"not_after"`
	First       time.Time  `json:"first"`
	Last        time.Time  `json:"last"`
	// Refused says that every look that met it there also found the address failing,
	// or could not tell: no sender was seen to accept it.
	Refused bool `json:"refused,omitempty"`
}
