package steps

import (
	"fmt"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
)

// All returns the steps of the six phases, in order.
func All() []rollout.Step {
	return []rollout.Step{CheckMX{}, PublishDNS{}, HostPolicy{}, ReviewReports{}, Enforce{}, RaiseMaxAge{}}
}

// freshLook is how young the newest look must be for a gate to go by it.
const freshLook = time.Hour

// CheckMX is phase 1: every MX host, at every address, as the strictest sender
// meets it. It changes nothing.
type CheckMX struct{}

// Phase is rollout.CheckMX.
func (CheckMX) Phase() rollout.Phase { return rollout.CheckMX }

// Plan is empty: mending a server is the operator's.
func (CheckMX) Plan(rollout.Rollout, rollout.Evidence, time.Time) (rollout.Plan, error) {
	return rollout.Plan{}, nil
}

// Gate is open where no MX host fails. What cannot be seen from here is unknown,
// never broken, and holds nothing up yet: testing mode harms nobody.
func (CheckMX) Gate(r rollout.Rollout, now time.Time) rollout.Gate {
	var g rollout.Gate
	if !looked(&g, r, now) {
		return g.Settle()
	}
	for _, f := range r.Evidence.Fails() {
		if strings.HasPrefix(string(f.Code), "M") {
			g.Close(reasonOf(f))
		}
	}
	return g.Settle()
}

// looked closes the gate where there is no fresh look at the domain, and reports
// whether there is one.
func looked(g *rollout.Gate, r rollout.Rollout, now time.Time) bool {
	switch {
	case r.Evidence == nil:
		g.Close(rollout.Reason{Code: rollout.ReasonLook, Subject: r.Domain, Text: "the domain was not looked at yet", Fix: "belay next looks", Final: true})
	case now.Sub(r.Evidence.At).Abs() > freshLook:
		g.Close(rollout.Reason{Code: rollout.ReasonLook, Subject: r.Domain, Fix: "belay next looks again", Final: true,
			Text: fmt.Sprintf("the newest look is from %s", r.Evidence.At.UTC().Format(time.RFC3339))})
	default:
		return true
	}
	return false
}

// reasonOf is a finding as a reason of a gate.
func reasonOf(f finding.Finding) rollout.Reason {
	return rollout.Reason{Code: string(f.Code), Subject: f.Subject, Text: f.Title, Fix: f.Fix}
}
