// Package mtasts holds the values of MTA-STS (RFC 8461): the TXT record that
// announces a policy, the policy itself, and the match of MX hosts against it.
//
// A mail domain that publishes MTA-STS tells senders two things: by a TXT record
// at _mta-sts.<domain> that it has a policy, and by a small text served over
// HTTPS from mta-sts.<domain> what that policy is: which MX hosts are the
// domain's, how long to remember this, and whether mail may still be delivered
// when TLS to them cannot be verified. Senders fetch the policy anew whenever the
// record's id changes, which is why the text must stand before the id does.
//
// The values here print themselves in one canonical form and are parsed as
// strictly as the strictest sender does. Parsing never stops at the first
// mistake: each one becomes a finding with its line and column, and what could be
// read is returned beside them. The package knows no network.
package mtasts

import (
	"encoding/json"
	"fmt"
)

// Pair is a field of a record or policy that this version of the standard does
// not define. Senders ignore it (RFC 8461 3.1, 3.2); belay keeps it.
type Pair struct{ Name, Value string }

// MarshalJSON writes p as a two-element array: name, value.
func (p Pair) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]string{p.Name, p.Value})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Pair) UnmarshalJSON(text []byte) error {
	var pair []string
	if err := json.Unmarshal(text, &pair); err != nil {
		return fmt.Errorf("read extension pair: %w", err)
	}
	if len(pair) != 2 {
		return fmt.Errorf("read extension pair: has %d strings, not 2", len(pair))
	}
	p.Name, p.Value = pair[0], pair[1]
	return nil
}

// Version is the only version of MTA-STS there is.
const Version = "STSv1"

// MaxAgeLimit is the largest max_age, in seconds: a year of 365.25 days
// (RFC 8461 3.2).
const MaxAgeLimit = 31557600

// MaxBody is the size in bytes above which senders may drop a policy body
// (RFC 8461 3.3 suggests 64 kilobytes; those who limit take 65536).
const MaxBody = 64 << 10
