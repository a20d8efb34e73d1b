package rollout

import (
	"fmt"
	"time"
)

// Gate is the way out of a phase: open, or closed with reasons and, where time
// alone will open it, an until.
type Gate struct {
	Open    bool     `json:"open"`
	Reasons []Reason `json:"reasons"`
	// Until is when time alone would open the gate; zero where it would not.
	Until time.Time `json:"until,omitzero"`
	// Counted names the reporters that the gate counted.
	Counted []string `json:"counted,omitempty"`
	// CleanSince is from when the gate counts clean time; zero where it reads no reports.
	CleanSince time.Time `json:"clean_since,omitzero"`
	// Forecast says what enforcing would have cost by the reports that the gate read:
	// Forecast.Words of the last ForecastDays; empty where the gate reads none.
	Forecast string `json:"forecast,omitempty"`
}

// Reason is why a gate is closed and what would remove it.
type Reason struct {
	Code    string `json:"code"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	Fix     string `json:"fix,omitempty"`
	// Until is when this reason goes by itself; zero where it does not.
	Until time.Time `json:"until,omitzero"`
	// Final marks a reason that no override covers.
	Final bool `json:"final,omitempty"`
	// Unknown marks what could not be seen from here: no failure. An override of
	// it covers no failure of the same subject.
	Unknown bool `json:"unknown,omitempty"`
	// Overridden marks a reason that an operator took upon himself in writing.
	Overridden bool `json:"overridden,omitempty"`
}

// Codes of reasons that are no finding of the catalogue. A reason that comes
// from a finding has that finding's code.
const (
	ReasonLook      = "look"       // no fresh look at the domain
	ReasonEdits     = "edits"      // edits of this phase are not live
	ReasonUnknown   = "unknown"    // something could not be seen from here
	ReasonSoak      = "soak"       // the clean time is not over
	ReasonReporters = "reporters"  // too few known reporters
	ReasonInbox     = "inbox"      // an inbox could not be read
	ReasonBlocking  = "blocking"   // a blocking failure in the reports
	ReasonSigner    = "signer"     // a verified failure from a signer nobody knows
	ReasonDrift     = "drift"      // the world differs from the store
	ReasonClock     = "clock"      // the clock cannot be trusted
	ReasonRenewal   = "renewal"    // certificates were not seen to renew
	ReasonExpiry    = "expiry"     // a certificate ends too soon
	ReasonWait      = "wait"       // an id waits for old addresses or a shared cache
	ReasonCover     = "cover"      // the policy to be published does not cover an MX host
	ReasonBusy      = "unfinished" // an accepted plan is not finished
	ReasonHost      = "host"       // a new policy host does not serve the policy
	ReasonTarget    = "target"     // a vendor's name has no record or policy to delegate to
)

// Close adds a reason.
func (g *Gate) Close(r Reason) { g.Reasons = append(g.Reasons, r) }

// Closef adds a reason with a sentence of what was seen.
func (g *Gate) Closef(code, subject, format string, args ...any) {
	g.Close(Reason{Code: code, Subject: subject, Text: fmt.Sprintf(format, args...)})
}

// Settle decides whether the gate is open: no reason is left that is not
// overridden. Until becomes the latest until, if every such reason has one.
func (g Gate) Settle() Gate {
	g.Open, g.Until = true, time.Time{}
	if g.Reasons == nil {
		g.Reasons = []Reason{}
	}
	timed := true
	for _, r := range g.Reasons {
		if r.Overridden {
			continue
		}
		g.Open = false
		if r.Until.IsZero() {
			timed = false
		} else if r.Until.After(g.Until) {
			g.Until = r.Until
		}
	}
	if !timed || g.Open {
		g.Until = time.Time{}
	}
	return g
}

// Closed returns the reasons that hold the gate shut.
func (g Gate) Closed() []Reason {
	var out []Reason
	for _, r := range g.Reasons {
		if !r.Overridden {
			out = append(out, r)
		}
	}
	return out
}

// Key tells one reason from another for overrides.
func (r Reason) Key() ReasonKey {
	return ReasonKey{Code: r.Code, Subject: r.Subject, Unknown: r.Unknown}
}

// ReasonKey is what an override covers: a code and a subject, as what failed or as
// what could not be seen.
type ReasonKey struct {
	Code    string `json:"code"`
	Subject string `json:"subject"`
	Unknown bool   `json:"unknown,omitempty"`
}
