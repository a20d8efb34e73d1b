package rollout

import (
	"fmt"
	"strings"
)

// HalfState says in sentences how far the plan came that was accepted and is not
// finished, and what it means for senders until it goes on. The order of edits makes
// every such state safe: a body answers before its id is announced, so that nobody is
// sent to look for what is not there.
func (p AcceptedPlan) HalfState() string {
	var told []string
	for _, e := range p.Plan.Edits {
		told = append(told, strings.TrimSpace(e.Name+" "+recordType(e))+" "+p.Edits[e.ID].stands())
	}
	said := strings.Join(told, "; ") + "."
	if meaning := p.meantime(); meaning != "" {
		said += " " + meaning
	}
	return said
}

// recordType is the type of a record; a policy's URL names it already.
func recordType(e Edit) string {
	if e.Kind == Policy {
		return ""
	}
	return e.Type
}

// stands says how far one edit came.
func (s EditState) stands() string {
	switch {
	case s.Abandoned:
		return "was left"
	case !s.Verified.IsZero():
		return "is live"
	case s.Intended.IsZero():
		return "is not begun"
	case s.Received.IsZero():
		return "was begun, and what became of it is read first"
	}
	switch s.Receipt.Outcome {
	case Waiting:
		return "is yours to make"
	case Applied, Found:
		if !s.Receipt.Again.IsZero() {
			return "is written, and its provider asks for time to serve it"
		}
		return "is written, and not seen everywhere yet"
	case Failed, Refused:
		return "was not written"
	}
	return "was begun, and what became of it is read first"
}

// meantime is what senders meet until the plan goes on; empty for a plan that
// announces nothing. Where somebody changed what the plan saw, that is not known.
func (p AcceptedPlan) meantime() string {
	var body, id *Edit
	for i, e := range p.Plan.Edits {
		switch {
		case p.Edits[e.ID].refused():
			return fmt.Sprintf("What the plan saw at %s has changed since, so it is made again.", e.Name)
		case e.Kind == Policy:
			body = &p.Plan.Edits[i]
		case e.Announces() && e.After.Exists:
			id = &p.Plan.Edits[i]
		}
	}
	if id == nil || p.Edits[id.ID].Settled() {
		return ""
	}
	switch state := p.Edits[id.ID]; {
	case !state.Intended.IsZero() && state.Receipt.Outcome != Failed:
		return fmt.Sprintf("Senders that see the id %s already find its policy, the others go on by the one before: that is safe.", id.PolicyID)
	case !id.Before.Exists:
		return "No id is announced, so no sender looks for a policy yet: that is safe."
	case body != nil && !p.Edits[body.ID].Intended.IsZero() && body.Before.Exists:
		return "The id of the policy before is still announced, and senders go on by what they hold: that is safe."
	}
	return "Senders go on by the policy before: that is safe."
}
