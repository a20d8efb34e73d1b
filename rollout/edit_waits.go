package rollout

import (
	"fmt"
	"slices"
	"time"
)

// Waits are the reasons why an edit of the proposed plan must not be made now,
// whoever makes it: the gate that its plan stands behind is closed, an edit that it
// needs is not seen everywhere, or it announces an id of which the body does not
// answer yet or whose wait is not over (promise 1). There are none where the edit
// may be made at now.
func (p Proposal) Waits(e Edit, now time.Time) []Reason {
	held := p.Rollout.against(p.Plan, p.Evidence)
	if p.Resumes {
		held = p.Rollout.againstResuming(p.Plan, p.Evidence)
	}
	if p.Rollout.raises(p.Plan) {
		held = p.Gate.Closed()
	}
	for _, id := range e.Needs {
		if !p.Verified(id) {
			held = append(held, Reason{Code: ReasonEdits, Subject: e.Name, Final: true, Text: fmt.Sprintf("after edit %s is seen everywhere", id)})
		}
	}
	if !e.Announces() || !e.After.Exists {
		return held
	}
	if body := p.announcedBody(e); !p.Evidence.Policy.Agree || !Body(p.Evidence.Policy.Body).SamePolicy(Body(body)) {
		held = append(held, Reason{Code: ReasonHost, Subject: e.Name, Final: true,
			Text: "after the policy that it announces answers at every address of the policy host"})
	}
	if wait := p.Rollout.idWait(); wait.After(now) && p.Plan.Purpose != ForStepBack {
		held = append(held, Reason{Code: ReasonWait, Subject: e.Name, Until: wait,
			Text: "after " + stamp(wait) + ", when old addresses of the policy host and caches before it have run out"})
	}
	return held
}

// Verified reports whether an edit of the proposed plan was seen everywhere.
func (p Proposal) Verified(id string) bool {
	busy, ok := p.Rollout.Unfinished()
	return ok && p.Resumes && !busy.Edits[id].Verified.IsZero()
}

// announcedBody is the body that an edit announces: one that the plan writes first,
// or one that stands already.
func (p Proposal) announcedBody(e Edit) string {
	for _, need := range p.Plan.Edits {
		if need.Kind == Policy && slices.Contains(e.Needs, need.ID) {
			return need.After.Body
		}
	}
	return e.Body
}
