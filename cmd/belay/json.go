package main

import (
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// The JSON shapes of the command line. Lists are never null.

type checkShape struct {
	Domain    string            `json:"domain"`
	CheckedAt time.Time         `json:"checked_at"`
	Verdict   finding.Severity  `json:"verdict"`
	Record    recordShape       `json:"record"`
	Policy    policyShape       `json:"policy"`
	TLSRPT    tlsrptShape       `json:"tlsrpt"`
	MX        []mxShape         `json:"mx"`
	Findings  []finding.Finding `json:"findings"`
	// Error says why the look is not whole; it comes with exit status 2.
	Error string `json:"error,omitempty"`
}

type recordShape struct {
	Raw   string `json:"raw"`
	Valid bool   `json:"valid"`
	ID    string `json:"id"`
	TTL   uint32 `json:"ttl"`
}

type policyShape struct {
	Raw     string      `json:"raw"`
	Valid   bool        `json:"valid"`
	Version string      `json:"version"`
	Mode    mtasts.Mode `json:"mode"`
	MaxAge  uint32      `json:"max_age"`
	MX      []string    `json:"mx"`
}

type tlsrptShape struct {
	Raw   string   `json:"raw"`
	Valid bool     `json:"valid"`
	RUA   []string `json:"rua"`
	TTL   uint32   `json:"ttl"`
}

type mxShape struct {
	Host        string           `json:"host"`
	Preference  uint16           `json:"preference"`
	PolicyMatch string           `json:"policy_match"`
	Addresses   []mxAddressShape `json:"addresses"`
}

type mxAddressShape struct {
	IP         string           `json:"ip"`
	Reachable  bool             `json:"reachable"`
	STARTTLS   bool             `json:"starttls"`
	TLSVersion string           `json:"tls_version"`
	Verdict    finding.Severity `json:"verdict"`
}

// shapeOf is a look in the shape of `check --json`; failed is why it is not whole.
func shapeOf(e rollout.Evidence, failed error) checkShape {
	out := checkShape{
		Domain: e.Domain, CheckedAt: e.At.UTC(), Verdict: e.Verdict(),
		Record: recordShape{e.Record.Raw, e.Record.Valid, e.Record.ID, e.Record.TTL},
		Policy: policyShape{e.Policy.Body, e.Policy.Valid, e.Policy.Policy.Version, e.Policy.Policy.Mode,
			e.Policy.Policy.MaxAge, list(e.Policy.Policy.MX)},
		TLSRPT:   tlsrptShape{e.TLSRPT.Raw, e.TLSRPT.Valid, list(e.TLSRPT.RUA), e.TLSRPT.TTL},
		MX:       []mxShape{},
		Findings: list(e.Findings),
	}
	for _, m := range e.MX {
		host := mxShape{m.Host, m.Preference, m.PolicyMatch, []mxAddressShape{}}
		for _, a := range m.Addresses {
			host.Addresses = append(host.Addresses, mxAddressShape{a.IP.String(), a.Reachable, a.STARTTLS, a.TLSVersion, a.Verdict})
		}
		out.MX = append(out.MX, host)
	}
	if failed != nil {
		out.Error = finding.Clean(failed.Error(), 500)
		if out.Verdict != finding.Fail {
			out.Verdict = finding.Unknown
		}
	}
	return out
}

// list is s, never nil.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// gateShape is a gate with times in UTC and a list of reasons.
func gateShape(g rollout.Gate) rollout.Gate {
	g.Reasons = list(append([]rollout.Reason(nil), g.Reasons...))
	g.Until = utc(g.Until)
	for i := range g.Reasons {
		g.Reasons[i].Until = utc(g.Reasons[i].Until)
	}
	return g
}

// utc is t in UTC; a zero time stays one.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// progressShape is what an act did, with lists and times as JSON wants them.
func progressShape(p rollout.Progress) rollout.Progress {
	p.Gate = gateShape(p.Gate)
	p.Edits, p.Findings = list(p.Edits), list(p.Findings)
	return p
}

// statusShape is one rollout in the shape of `status --json`.
type statusShape struct {
	Domain   string           `json:"domain"`
	Phase    rollout.Phase    `json:"phase"`
	Rung     uint32           `json:"rung"`
	Mode     mtasts.Mode      `json:"mode"`
	PolicyID string           `json:"policy_id"`
	MaxAge   uint32           `json:"max_age"`
	Since    time.Time        `json:"since"`
	Gate     rollout.Gate     `json:"gate"`
	Worst    *finding.Finding `json:"worst"`
	// Certificate is that of the policy host, where belay serve keeps it.
	Certificate *rollout.HostCertificate `json:"certificate,omitempty"`
}

func statusOfRollout(r rollout.Rollout, g rollout.Gate) statusShape {
	_, id, _ := r.Live()
	return statusShape{
		Domain: r.Domain, Phase: r.Phase, Rung: r.Rung(), Mode: r.Mode(), PolicyID: id, MaxAge: r.Rung(),
		Since: r.Since.UTC(), Gate: gateShape(g), Worst: r.Worst(), Certificate: r.Certificate,
	}
}
