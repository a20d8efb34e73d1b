// Package sender tells what senders would do with mail for a domain, from what one
// look saw of it: which MX hosts they would try in which order, which of them they
// would pass over and why, and what would become of the mail.
//
// The answer depends on the policy that the sender goes by (RFC 8461 section 5).
// One that enforces delivers only to an MX host that the policy names and that
// shows a certificate valid for its name over TLS 1.2 or newer; every other host is
// treated as one that cannot be reached. In testing it delivers all the same and
// reports; without a policy it takes TLS where it is offered and looks at nothing.
// So each View is one sender: one that looks today, one that enforces, one that
// tests, one that knows no policy, and one for every older policy that the ledger
// says somebody may still hold.
//
// The verdict is that of the RFC, which is the strictest. Postfix with
// postfix-mta-sts-resolver compares the certificate with the policy instead of the
// MX host's name, and the resolver reads records and policies in its own way; where
// that leads elsewhere, the view says so.
//
// The package is pure: evidence, ledger and a time go in, and nothing is asked.
package sender

import (
	"net/netip"
	"time"

	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// Outcome is what becomes of mail.
type Outcome string

// The outcomes. A deferred mail stays with the sender, which tries again for days
// and then gives up; a bounced one goes back at once.
const (
	Deliver Outcome = "deliver"
	Defer   Outcome = "defer"
	Bounce  Outcome = "bounce"
	Unknown Outcome = "unknown" // it could not be seen from here
)

// TLS is how a mail would travel.
type TLS string

// The ways to travel, worst last. Empty is a mail that does not.
const (
	Verified   TLS = "verified"   // the certificate is valid for the MX host
	Unverified TLS = "unverified" // encrypted, to whoever answers
	Clear      TLS = "none"       // in clear text
)

// Name says which sender a View is about.
type Name string

// The senders.
const (
	Published Name = "published" // looks today and holds nothing from before
	Enforcing Name = "enforce"   // goes by this policy in enforce
	Tester    Name = "testing"   // goes by this policy in testing
	Plain     Name = "no-policy" // knows nothing of MTA-STS, or finds no policy
	Cached    Name = "cached"    // fetched an older policy and may hold it still
)

// View is what one kind of sender would do.
type View struct {
	Name Name `json:"view"`
	// About says in one sentence whose view it is.
	About string `json:"about"`
	// Policy is the one that the sender goes by; nil where it has none, or where
	// nobody knows what it says.
	Policy *mtasts.Policy `json:"policy"`
	// IDs are those that a cached policy was announced under.
	IDs []string `json:"ids,omitempty"`
	// HeldUntil is the latest moment at which a sender may hold a cached policy.
	HeldUntil time.Time `json:"held_until,omitzero"`
	// Renews is true where the sender of a cached policy sees a new id and
	// fetches the policy of today before it gives up on a mail (RFC 8461 5.1).
	Renews bool `json:"renews,omitempty"`

	// Outcome is what becomes of a mail, To the MX host that takes it. Of a
	// cached policy it is what comes of going by that one.
	Outcome Outcome `json:"outcome"`
	To      string  `json:"to,omitempty"`
	// Why is one sentence; it is clean.
	Why string `json:"why"`
	// Postfix is what Postfix with postfix-mta-sts-resolver does, where that is
	// something else. Where it delivers to another host than To, or though others
	// do not, PostfixTo is that host, and PostfixWhy says in one sentence why.
	Postfix    Outcome `json:"postfix,omitempty"`
	PostfixTo  string  `json:"postfix_to,omitempty"`
	PostfixWhy string  `json:"postfix_why,omitempty"`
	// Attempts are the MX hosts in the order in which they are tried.
	Attempts []Attempt `json:"attempts"`
}

// Attempt is one MX host as the sender meets it.
type Attempt struct {
	Host       string `json:"host"`
	Preference uint16 `json:"preference"`
	// Matched is the policy's pattern that covers the host; empty where none does.
	Matched string  `json:"matched"`
	Outcome Outcome `json:"outcome"`
	TLS     TLS     `json:"tls,omitempty"`
	Why     string  `json:"why"`
	Postfix Outcome `json:"postfix,omitempty"`
	// Reports are the result types of RFC 8460 4.3 that a sender would report of
	// the host.
	Reports []tlsrpt.ResultType `json:"reports,omitempty"`
	Tries   []Try               `json:"addresses"`
}

// Try is one address of an MX host.
type Try struct {
	IP      netip.Addr `json:"ip"`
	Outcome Outcome    `json:"outcome"`
	TLS     TLS        `json:"tls,omitempty"`
	// Why is what stands in the way, or what is wrong though the mail goes out;
	// empty for nothing.
	Why     string              `json:"why,omitempty"`
	Postfix Outcome             `json:"postfix,omitempty"`
	Reports []tlsrpt.ResultType `json:"reports,omitempty"`
}
