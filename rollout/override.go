package rollout

import (
	"slices"
	"time"
)

// brokenMX are the codes of findings that say a sender would not deliver to an
// MX host; brokenPolicyHost those that say it could not fetch the policy.
var (
	brokenMX         = []string{"M01", "M03", "M05", "M06", "M07", "M08", "M09", "M11", "M12", "M13", "M16", "C07"}
	brokenPolicyHost = []string{"H01", "H02", "H03", "H04", "H05", "H06", "H07", "H12", "H17"}
)

// BrokenMX reports whether code, as a fail, says that a sender would refuse an MX
// host.
func BrokenMX(code string) bool { return slices.Contains(brokenMX, code) }

// BrokenHost reports whether code, as a fail, says that an MX host or the policy
// host is broken: what no override covers where a plan enforces or raises.
func BrokenHost(code string) bool {
	return BrokenMX(code) || slices.Contains(brokenPolicyHost, code)
}

// passage names a gate: the one out of phase, in RaiseMaxAge out of the rung aim,
// that was entered at since.
type passage struct {
	phase Phase
	aim   uint32
	since time.Time
}

// override is the decision that e journals: about the gate that e names, or else
// the one out of the present phase.
func (r Rollout) override(e Entry) Override {
	o := Override{At: e.At, Who: e.Who, Phase: r.Phase, Aim: r.Aim, Reasons: e.Reasons, Reason: e.Reason}
	if e.Phase != "" {
		o.Phase, o.Aim = e.Phase, e.Aim
	}
	return o
}

// overridden marks the reasons of a gate that an operator took upon himself. An
// override holds until this gate has been passed and the plan behind it is done;
// for an unknown, until its subject answers, at every later gate.
func (r Rollout) overridden(g Gate, at passage) Gate {
	for i := range g.Reasons {
		reason := &g.Reasons[i]
		if leadsToEnforcing(at.phase) && BrokenHost(reason.Code) && !reason.Unknown {
			reason.Final = true
		}
		if reason.Final {
			continue
		}
		for _, o := range r.Overrides {
			if !slices.Contains(o.Reasons, reason.Key()) {
				continue
			}
			here := o.Phase == at.phase && o.Aim == at.aim && !o.At.Before(at.since)
			if here && !reason.Unknown || reason.Unknown && (r.stillUnknown(o, reason.Key()) || r.stillUnread(o, reason.Key())) {
				reason.Overridden = true
			}
		}
	}
	return g.Settle()
}

// leadsToEnforcing reports whether a plan behind the gate turns the mode to
// enforce or raises max_age.
func leadsToEnforcing(gate Phase) bool {
	return gate == ReviewReports || gate == Enforce || gate == RaiseMaxAge
}

// stillUnknown reports whether what o waived has not answered since.
func (r Rollout) stillUnknown(o Override, k ReasonKey) bool {
	for _, run := range r.History.Runs {
		if run.Unknown && run.Code == k.Code && run.Subject == k.Subject && run.Gone.IsZero() && !run.From.After(o.At) {
			return true
		}
	}
	return false
}
