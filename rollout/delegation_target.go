package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// mostAliases is how many aliases are followed from a vendor's name to its record.
const mostAliases = 8

// TargetSeen is what answers where the settings delegate a name that is no alias of
// it yet: a vendor's TXT record, or the policy that its host serves for the domain.
type TargetSeen struct {
	// Name is the domain's own name that is to become an alias of Target.
	Name   string `json:"name"`
	Target string `json:"target"`
	// Sightings are the answers, one an address asked: records at the end of the
	// vendor's own aliases, or policy bodies.
	Sightings []Sighting `json:"sightings"`
	// Err says why it could not be looked at, or the way not followed; else empty.
	Err string `json:"err,omitempty"`
}

// targets looks at every place that r's settings delegate a name to which does not
// lead there yet. The policy is asked for only where senders enforce one.
func (e *Engine) targets(ctx context.Context, r Rollout, seen Evidence, emit Sink) []TargetSeen {
	to := r.delegation()
	leads := func(name, target string) bool {
		held, ok := seen.HeldAt(name, "CNAME")
		return target == "" || ok && held.Value.Equal(Records(target))
	}
	var out []TargetSeen
	for name, target := range map[string]string{mtasts.RecordName(r.Domain): to.Record, tlsrpt.RecordName(r.Domain): to.Reports} {
		if !leads(name, target) {
			out = append(out, e.target(ctx, name, target, emit))
		}
	}
	host := mtasts.PolicyHost(r.Domain)
	if want, ok := r.enforced(seen); ok && to.Record != "" && !leads(host, to.Host) {
		policy := Edit{Kind: Policy, Account: r.Settings.Host.String(), Name: mtasts.PolicyURL(r.Domain), Type: "policy", After: Body(want.String())}
		_, there, err := e.Looker.SeeAt(ctx, policy, []string{to.Host}, emit)
		out = append(out, targetSeen(host, to.Host, there, err))
	}
	slices.SortFunc(out, func(a, b TargetSeen) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// target looks at the TXT record that name would lead to, through the vendor's own
// aliases.
func (e *Engine) target(ctx context.Context, name, target string, emit Sink) TargetSeen {
	at := target
	for range mostAliases {
		_, there, err := e.Looker.See(ctx, Edit{Kind: Record, Name: at, Type: "TXT"}, emit)
		if asked, ok := there.Name(at, "TXT"); err == nil && ok && asked.Alias != "" {
			at = asked.Alias
			continue
		}
		return targetSeen(name, target, there, err)
	}
	return TargetSeen{Name: name, Target: target, Sightings: []Sighting{}, Err: fmt.Sprintf("it leads through %d aliases without coming to an end", mostAliases)}
}

func targetSeen(name, target string, there Evidence, err error) TargetSeen {
	t := TargetSeen{Name: name, Target: target, Sightings: slices.Concat([]Sighting{}, there.Sightings)}
	if err != nil {
		t.Err = finding.Clean(err.Error(), 300)
	}
	return t
}

// undelegable are the reasons why p may not make _mta-sts or _smtp._tls an alias of
// the vendor's name: senders who follow it would find no record that they take, or
// behind it another policy than the one they were told to enforce. What is an alias
// already is not asked about.
func (r Rollout) undelegable(p Plan, seen Evidence) []Reason {
	if p.Purpose != ForPhase && p.Purpose != ForCorrection {
		return nil
	}
	var out []Reason
	for _, e := range p.Edits {
		held, _ := seen.HeldAt(e.Name, "CNAME")
		if e.Kind != Record || e.Type != "CNAME" || !e.After.Exists || e.MovesHost() || held.Value.Equal(e.After) {
			continue
		}
		if r.vendorFills(p, e, seen) {
			continue
		}
		wrong := seen.targetOf(e.Name, e.After).wanting(validAt(e.Name))
		if wrong == "" && e.Name == mtasts.RecordName(r.Domain) {
			wrong = r.otherPolicyBehind(p, seen)
		}
		if wrong != "" {
			out = append(out, Reason{Code: ReasonTarget, Subject: e.Name, Final: true,
				Text: fmt.Sprintf("%s would become an alias of %s: %s", e.Name, finding.Clean(e.After.String(), 260), wrong),
				Fix: fmt.Sprintf("have %s publish there first, or name the right target with belay set %s --delegate",
					finding.Clean(r.Settings.Delegate.Vendor, 100), r.Domain)})
		}
	}
	return out
}

// otherPolicyBehind says, where senders enforce a policy, that another one or none
// would be served to who follows the vendor's id; else "". A body that the plan puts
// at the new place is verified there before the id.
func (r Rollout) otherPolicyBehind(p Plan, seen Evidence) string {
	want, ok := r.enforced(seen)
	if !ok || slices.ContainsFunc(p.Edits, func(e Edit) bool { return e.Kind == Policy && len(e.At) > 0 }) {
		return ""
	}
	same := func(v Value) string {
		if v.Exists && v.SamePolicy(Body(want.String())) {
			return ""
		}
		return "another policy than the one senders enforce, or none, is served behind it (" + shown(v) + "); step back first, or publish the same one there"
	}
	host := mtasts.PolicyHost(r.Domain)
	if target := r.delegation().Host; target != "" {
		if held, ok := seen.HeldAt(host, "CNAME"); !ok || !held.Value.Equal(Records(target)) {
			return seen.targetOf(host, Records(target)).wanting(same)
		}
	}
	if !seen.Policy.Agree {
		return "the addresses of " + host + " do not agree on a policy that could be compared"
	}
	return same(Value{Body: seen.Policy.Body, Exists: seen.Policy.Body != ""})
}

// validAt is what a vendor's records must be for a name: exactly one that senders
// take (RFC 8461 section 3.1, RFC 8460 section 3). It returns what is wrong.
func validAt(name string) func(Value) string {
	return func(v Value) string {
		kind, faults := "STSv1", []finding.Finding(nil)
		if strings.HasPrefix(name, "_mta-sts.") {
			_, _, faults = mtasts.ParseRRset(v.Records)
		} else {
			kind = "TLSRPTv1"
			_, _, faults = tlsrpt.ParseRRset(v.Records)
		}
		if v.Exists && mtasts.Usable(faults) {
			return ""
		}
		return fmt.Sprintf("exactly one valid %s record must answer there, and %s does", kind, shown(v))
	}
}

// targetOf is what was seen of where name is to lead; one without sightings where it
// was not looked at.
func (e Evidence) targetOf(name string, to Value) TargetSeen {
	for _, t := range e.Targets {
		if t.Name == name && to.Equal(Records(t.Target)) {
			return t
		}
	}
	return TargetSeen{Name: name, Target: to.String(), Err: "it was not looked at"}
}

// wanting is what is wrong with the first answer with which something is, or that
// there is no answer; "" where all that answered are right.
func (t TargetSeen) wanting(wrong func(Value) string) string {
	answered := false
	for _, s := range t.Sightings {
		if !s.Answered {
			continue
		}
		answered = true
		if why := wrong(s.Value); why != "" {
			return why
		}
	}
	switch {
	case answered && t.Err == "":
		return ""
	case t.Err != "":
		return "what answers there is not known: " + t.Err
	}
	return "nothing that could be asked from here answers there"
}

// delegable looks again, right before an edit that makes room for an alias of the
// vendor's name or makes it, at what answers there.
func (k *walk) delegable(ctx context.Context, edit Edit) Gate {
	open := Gate{Open: true}
	aliased := slices.ContainsFunc(k.plan.Edits, func(e Edit) bool {
		return e.Name == edit.Name && e.Type == "CNAME" && e.After.Exists && !e.MovesHost()
	})
	if !aliased || k.r.Evidence == nil {
		return open
	}
	seen := *k.r.Evidence
	seen.Targets = k.engine.targets(ctx, *k.r, seen, k.emit)
	return Gate{Reasons: k.r.undelegable(k.plan, seen)}.Settle()
}
